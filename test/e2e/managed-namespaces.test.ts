// Evictions only where a Namespace allows them, as `manifests/overlays/managed-namespaces` installs it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  restarted,
  startInstalledCluster,
} from './installed-cluster.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let sluice: OperatorProcess

beforeAll(async () => {
  cluster = await startInstalledCluster('managed-namespaces')
  sluice = await startOperator(cluster, [...QUICK, '--managed-namespaces=required'])
})
afterAll(async () => {
  await sluice.end('SIGTERM')
  await cluster.stop()
})

test('a workload is held from the start, and goes on when its namespace is labelled', async () => {
  const shop = await freshNamespace(cluster)
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }),
  )
  await available(cluster, shop, 'orders')
  const held = await inState(cluster, shop, 'orders', 'Held', 'NamespaceNotManaged')
  expect(held.status?.message).toContain(`label namespace ${shop} with sluice.dev/managed=true`)
  await beyondDoubt()
  await cluster.apply(dbSecret(shop, 'new'))
  await waitUntil('both pods to be stale', async () => {
    const { status } = await inState(cluster, shop, 'orders', 'Held', 'NamespaceNotManaged')
    return status?.stalePods === 2 ? { value: true } : { instead: JSON.stringify(status) }
  })
  await cluster.kubectl(['label', `namespace/${shop}`, 'sluice.dev/managed=true'])
  await restarted(cluster, shop, 'orders')
})
