import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { auditPosition, requestsBy, SLUICE, writesBy } from './audit.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  removeNamespace,
  startInstalledCluster,
} from './installed-cluster.ts'
import { observe } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'
import { waitUntil } from '../../testbed/wait.ts'

let cluster: TestCluster
let shop: string
let operator: OperatorProcess | undefined

beforeAll(async () => {
  cluster = await startInstalledCluster()
})
afterAll(() => cluster.stop())

beforeEach(async () => {
  shop = await freshNamespace(cluster)
})
afterEach(async () => {
  await operator?.end('SIGTERM')
  await removeNamespace(cluster, shop)
})

/** Reports for people: they go their own way, and no restart waits for one. */
const REPORTS = new Set(['rotations', 'rotations/status', 'events'])

/** `verb resource` of each write of Sluice since a position of the audit log, but for reports. */
function written(from: number): string[] {
  return writesBy(cluster, SLUICE, from)
    .filter(({ resource }) => !REPORTS.has(resource))
    .map(({ verb, resource }) => `${verb} ${resource}`)
}

/** Rotates, and waits for the restart. @returns the position of the audit log before */
async function rotated(replicas: number): Promise<number> {
  operator = await startOperator(cluster)
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas }),
  )
  await available(cluster, shop, 'orders')
  await inState(cluster, shop, 'orders', 'Fresh')
  await beyondDoubt()
  const from = auditPosition(cluster)
  await cluster.apply(dbSecret(shop, 'new'))
  await waitUntil('the restart to be recorded', async () => {
    const status = (await consumer(cluster, shop, 'orders'))?.status
    return status?.state === 'Fresh' && status.lastRestart
      ? { value: true }
      : { instead: JSON.stringify(status) }
  })
  return from
}

test('a restart by eviction costs one eviction a pod, two status writes and one for each reason shown', async () => {
  const from = await rotated(3)
  const writes = written(from)
  expect(writes.filter((write) => write === 'create pods/eviction')).toHaveLength(3)
  // The story before the first pod goes (with the wait for the margin as reason), the start, the end.
  expect(writes.filter((write) => write === 'update consumers/status')).toHaveLength(3)
  expect(writes).toHaveLength(6)

  // What people read of it goes its own way: one object, written once a second at most, and five Events.
  const reports = await waitUntil('the end to be told', () => {
    const found = writesBy(cluster, SLUICE, from).filter(({ resource }) => REPORTS.has(resource))
    const isTold = found.filter(({ resource }) => resource === 'events').length === 5
    return Promise.resolve(isTold ? { value: found } : { instead: JSON.stringify(found) })
  })
  const told = Map.groupBy(reports, ({ verb, resource }) => `${verb} ${resource}`)
  expect([...told.keys()].sort()).toEqual([
    'create events',
    'create rotations',
    'patch rotations/status',
  ])
  expect(told.get('create rotations')).toHaveLength(1)
  const times = told.get('patch rotations/status')?.map(({ receivedAt }) => receivedAt) ?? []
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThan(900)
})

test('a restart by rollout costs one patch, three status writes and one for each reason shown', async () => {
  const writes = written(await rotated(1))
  expect(writes.filter((write) => write === 'patch deployments')).toHaveLength(1)
  // As above, and that the patch was seen: who takes it out again undoes it.
  expect(writes.filter((write) => write === 'update consumers/status')).toHaveLength(4)
  expect(writes).toHaveLength(5)
})

test('mode observe shows what is stale and writes nothing at all', async () => {
  const from = auditPosition(cluster)
  operator = await startOperator(cluster, [...QUICK, '--mode=observe'])
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }),
  )
  await available(cluster, shop, 'orders')
  await beyondDoubt()
  const observer = await observe(cluster, shop)
  observer.reset({ orders: 2 })
  await cluster.apply(dbSecret(shop, 'new'))
  const row = await waitUntil('the stale pods to be shown', async () => {
    const seen = (await operator?.status())?.find(({ name }) => name === 'orders')
    return seen?.hold?.reason === 'ObserveOnly'
      ? { value: seen }
      : { instead: JSON.stringify(seen) }
  })
  expect(row).toMatchObject({ stalePods: 2, unavailablePods: 0 })
  expect(await operator.end('SIGTERM')).toBe(0)
  observer.stop()

  expect(observer.newPods('orders')).toEqual([])
  expect(writesBy(cluster, SLUICE, from)).toEqual([])
  // It did ask the server: the log would have shown a write.
  expect(requestsBy(cluster, SLUICE, from).map(({ verb }) => verb)).toContain('watch')
})
