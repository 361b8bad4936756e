// The program that goes into the image, with the rights of the shipped service account.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundle } from '../../tools/build.ts'
import { waitUntil } from '../../testbed/wait.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { startInstalledCluster } from './installed-cluster.ts'
import { startOperator } from './operator-process.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startInstalledCluster()
})
afterAll(async () => {
  await cluster.stop()
})

test('the bundle runs as the operator, and ends when it is told to', async () => {
  const program = join(cluster.dir, 'sluice.mjs')
  await bundle(program)
  const sluice = await startOperator(cluster, [], { program })
  await waitUntil('the bundle to be ready', async () => {
    const { status, body } = await sluice.get('/readyz')
    return status === 200 ? { value: true } : { instead: body }
  })
  expect((await sluice.get('/healthz')).status).toBe(200)
  expect((await sluice.get('/metrics')).body).toContain('sluice_build_info')
  expect(await sluice.end('SIGTERM')).toBe(0)
})
