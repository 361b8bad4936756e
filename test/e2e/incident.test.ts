// The short form of `make incident`: real services, a real PostgreSQL, real passwords.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type Postgres } from '../../incident/postgres.ts'
import { broken } from '../../incident/promises.ts'
import { run } from '../../incident/run.ts'
import { CONDITIONS, type Conditions } from '../../incident/scenario.ts'
import { summarise } from '../../incident/summary.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { startInstalledCluster } from './installed-cluster.ts'

/** Two services of three pods, with room for one pod more than there are. */
const SHORT: Conditions = {
  ...CONDITIONS,
  services: 2,
  replicas: 3,
  rate: 15,
  maxConnections: 40,
  before: 2,
  after: 3,
  correction: 25,
  sluiceFlags: ['--quiet-period=0s', '--settle=1s', '--margin=1s', '--leader-election=off'],
}
/** A busy machine takes several times the minute that a run needs (ms). */
const DEADLINE = 300_000
const PODS = SHORT.services * SHORT.replicas

const dir = mkdtempSync(join(tmpdir(), 'sluice-incident-'))
let cluster: TestCluster
let postgres: Postgres

beforeAll(async () => {
  cluster = await startInstalledCluster()
  postgres = await startPostgres(dir, SHORT.maxConnections)
})
afterAll(async () => {
  await postgres.stop()
  await cluster.stop()
  rmSync(dir, { recursive: true, force: true })
})

const bed = () => ({
  cluster,
  postgres,
  conditions: SHORT,
  program: 'src/main.ts',
  say: () => {},
})

test(
  'two roles in turn: every pod gets the new login, one at a time, and no customer notices',
  async () => {
    const done = await run({ rotation: 'two-users', response: 'sluice' }, bed())
    expect(broken([done], SHORT)).toEqual([])
    const found = summarise(done, PODS)
    expect(found.sent).toBeGreaterThan(100)
    expect(found).toMatchObject({ failed: 0, wrongPassword: 0, noSlot: 0, mostStarting: 1 })
    // The record sees what happens: all pods were stale at first, and each opened its connections anew.
    const since = done.samples.filter(({ second }) => second >= 0)
    expect(Math.max(...since.map(({ stale }) => stale))).toBe(PODS)
    expect(since.reduce((sum, { opened }) => sum + opened, 0)).toBeGreaterThanOrEqual(3 * PODS)
  },
  DEADLINE,
)

test(
  'a wrong password costs one pod and no request, is told, and the right one ends it',
  async () => {
    const done = await run({ rotation: 'bad-password', response: 'sluice' }, bed())
    expect(broken([done], SHORT)).toEqual([])
    expect(done.halted).toMatch(/pod \S+ crashes again and again/)
    const found = summarise(done, PODS)
    expect(found).toMatchObject({ failed: 0, noSlot: 0 })
    expect(found.wrongPassword).toBeGreaterThan(0)
    expect(found.finished).toBeGreaterThan(SHORT.correction)
  },
  DEADLINE,
)
