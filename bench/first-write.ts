/**
 * How soon a restart begins after the earliest moment that the rules allow.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../testbed/cluster.ts'
import { auditPosition, SLUICE, writesBy } from '../test/e2e/audit.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { median, quantile, timed } from './samples.ts'
import { Shop } from './shop.ts'

const TARGET = 50
/** How long the operator takes to learn the API server's clock (ms). */
const CALIBRATION = 12_000
const WORKLOADS = 4
/** What a restart does to pods. */
const ACTS = ['pods/eviction', 'deployments']

/** Durations in milliseconds. */
interface Setting {
  readonly quiet: number
  readonly margin: number
  readonly rotations: number
}

const SETTINGS: readonly Setting[] = [
  { quiet: 0, margin: 1_000, rotations: 10 },
  { quiet: 2_700, margin: 1_000, rotations: 10 },
  { quiet: 5_000, margin: 2_000, rotations: 6 },
]

export async function measureFirstWrite(cluster: TestCluster, program: string): Promise<Chapter> {
  const figures: Figure[] = []
  for (const setting of SETTINGS) figures.push(...(await measure(cluster, program, setting)))
  return {
    title: 'first-write: from the earliest moment that the rules allow to the first write',
    figures,
    remarks: [
      'The moment is the later of two: the whole second after the end of the second of the change and the margin, and the end of the quiet period. The write is the record that a restart begins, by the time that the API server got it. Below zero would be too early.',
    ],
  }
}

async function measure(
  cluster: TestCluster,
  program: string,
  { quiet, margin, rotations }: Setting,
): Promise<Figure[]> {
  const operator = await startOperator(
    cluster,
    [
      `--quiet-period=${quiet}ms`,
      `--margin=${margin}ms`,
      '--settle=0s',
      '--min-restart-interval=0s',
    ],
    { program },
  )
  const admin = new Admin(cluster)
  const shop = await Shop.open(cluster, operator, admin, { workloads: WORKLOADS, replicas: 1 })
  await sleep(CALIBRATION)
  const late: number[] = []
  for (let i = 0; i < rotations; i++) {
    const name = shop.names[i % WORKLOADS] ?? ''
    // Anywhere in a second.
    await sleep((i * 1_000) / rotations)
    const from = auditPosition(cluster)
    const changedAt = (await shop.rotate(name)) + 1_000
    const earliest = Math.max(Math.ceil((changedAt + margin) / 1_000) * 1_000, changedAt + quiet)
    late.push((await firstWrite(cluster, from)) - earliest)
    await shop.untilFresh(operator, 1)
  }
  const gets = await timed(50, () => admin.get(shop.secretPath('app-0')))
  await shop.close()
  await Promise.all([admin.close(), operator.end('SIGTERM')])
  const what = `quiet ${quiet / 1_000} s, margin ${margin / 1_000} s`
  const baseline = { what: 'GET of a Secret', value: median(gets) }
  return [
    { what: `${what}: p50 of ${rotations}`, value: median(late), unit: 'ms', baseline },
    {
      what: `${what}: most`,
      value: Math.max(...late),
      unit: 'ms',
      baseline: { what: 'GET of a Secret, p95', value: quantile(gets, 0.95) },
      target: TARGET,
      note: `least ${Math.min(...late).toFixed(1)} ms`,
    },
  ]
}

/** When the API server got the record that precedes the first eviction or patch (ms since the epoch). */
async function firstWrite(cluster: TestCluster, from: number): Promise<number> {
  for (;;) {
    const writes = writesBy(cluster, SLUICE, from)
    const acts = writes.findIndex(({ resource }) => ACTS.includes(resource))
    const record = writes.slice(0, acts).findLast(({ resource }) => resource === 'consumers/status')
    if (acts >= 0 && record) return record.receivedAt
    await sleep(50)
  }
}
