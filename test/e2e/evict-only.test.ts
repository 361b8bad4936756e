// A rotation without the right to change any workload, as `manifests/overlays/evict-only` installs it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { SLUICE, requestsBy } from './audit.ts'
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
import { observe, type Observer } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let shop: string
let sluice: OperatorProcess
let observer: Observer

beforeAll(async () => {
  cluster = await startInstalledCluster('evict-only')
  shop = await freshNamespace(cluster)
  sluice = await startOperator(cluster, [...QUICK, '--strategy=evict-only'])
  observer = await observe(cluster, shop)
})
afterAll(async () => {
  observer.stop()
  await sluice.end('SIGTERM')
  await cluster.stop()
})

test('evictions alone replace many pods and a single one; who asks for a rollout is told', async () => {
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 3 }),
    // Elsewhere `auto` takes a rollout for a single replica.
    consumerOf('env', { name: 'single', namespace: shop }),
    consumerOf('env', {
      name: 'rollout',
      namespace: shop,
      annotations: { 'sluice.dev/strategy': 'rollout' },
    }),
  )
  await available(cluster, shop, 'orders', 'single', 'rollout')
  for (const name of ['orders', 'single']) await inState(cluster, shop, name, 'Fresh')
  await beyondDoubt()
  observer.reset({ orders: 3, single: 1, rollout: 1 })

  await cluster.apply(dbSecret(shop, 'new'))
  for (const name of ['orders', 'single']) await restarted(cluster, shop, name)
  const { status } = await inState(cluster, shop, 'rollout', 'Held', 'InvalidSetting')
  expect(status?.message).toContain('sluice.dev/strategy')

  expect(observer.newPods('orders')).toHaveLength(3)
  expect(observer.newPods('single')).toHaveLength(1)
  expect(observer.newPods('rollout')).toEqual([])
  expect(observer.peakAway('orders')).toBe(1)
  const asked = requestsBy(cluster, SLUICE).map(({ verb, resource }) => `${verb} ${resource}`)
  expect(asked.filter((each) => each === 'create pods/eviction')).toHaveLength(4)
  expect(asked.filter((each) => /^(patch|update) deployments/.test(each))).toEqual([])
})
