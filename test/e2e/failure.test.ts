import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
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
import { observe, type Observer } from './observer.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let shop: string
let operator: OperatorProcess
let observer: Observer

beforeAll(async () => {
  cluster = await startInstalledCluster()
})
afterAll(() => cluster.stop())

beforeEach(async () => {
  shop = await freshNamespace(cluster)
  observer = await observe(cluster, shop)
  operator = await startOperator(cluster)
})
afterEach(async () => {
  observer.stop()
  await operator.end('SIGTERM')
  await cluster.kubectl(['delete', 'halts', '--all', `--namespace=${shop}`])
  await removeNamespace(cluster, shop)
})

/** Pods that cannot live with the password `wrong`. */
const choosy = { 'sim.sluice.dev/bad-value': 'wrong', 'sim.sluice.dev/crash-backoff': '200ms' }

/** Two Deployments that share `db`, with replicas to lose. */
async function deployed(): Promise<void> {
  const podAnnotations = choosy
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 3, podAnnotations }),
    consumerOf('envFrom', { name: 'payments', namespace: shop, replicas: 2, podAnnotations }),
  )
  for (const name of ['orders', 'payments']) {
    await available(cluster, shop, name)
    await inState(cluster, shop, name, 'Fresh')
  }
  await beyondDoubt()
  observer.reset({ orders: 3, payments: 2 })
}

async function halts(): Promise<string[]> {
  const names = await cluster.kubectl(['get', 'halts', `--namespace=${shop}`, '--output=name'])
  return names.split('\n').filter((name) => name !== '')
}

async function finished(name: string): Promise<void> {
  await waitUntil(
    `${name} to be restarted`,
    async () => {
      const status = (await consumer(cluster, shop, name))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status) }
    },
    { deadline: 60_000 },
  )
}

test('a bad password costs one pod, halts its group, and the right one brings everything back', async () => {
  await deployed()
  await cluster.apply(dbSecret(shop, 'wrong'))
  const failed = await Promise.any(
    ['orders', 'payments'].map((name) => inState(cluster, shop, name, 'Failed', 'RestartFailed')),
  )
  expect(failed.status?.message).toMatch(/pod \S+ crashes again and again/)
  expect(failed.status?.message).toContain('sluice.dev/resume=')
  await waitUntil('the group to be halted', async () => {
    const found = await halts()
    return found.length > 0 ? { value: found } : { instead: 'no Halt' }
  })
  expect(await halts()).toEqual(['halt.sluice.dev/restartfailed-secret-db'])
  const other = failed.metadata.name === 'deployment-orders' ? 'payments' : 'orders'
  await inState(cluster, shop, other, 'Held', 'GroupHalted')
  expect(observer.newPods('orders').length + observer.newPods('payments').length).toBe(1)

  // A restart of Sluice changes nothing.
  await operator.end('SIGKILL')
  operator = await startOperator(cluster)
  await inState(cluster, shop, other, 'Held', 'GroupHalted')
  expect(observer.newPods('orders').length + observer.newPods('payments').length).toBe(1)
  expect(observer.peakApps).toBe(1)

  await cluster.apply(dbSecret(shop, 'right'))
  for (const name of ['orders', 'payments']) await finished(name)
  await waitUntil('the Halt to be over', async () => {
    const found = await halts()
    return found.length === 0 ? { value: true } : { instead: found.join() }
  })
  for (const [name, replicas] of [
    ['orders', 3],
    ['payments', 2],
  ] as const) {
    expect(observer.peakAway(name)).toBeLessThanOrEqual(1)
    const live = observer.newPods(name).filter(({ gone }) => !gone)
    expect(live.filter(({ ready }) => ready)).toHaveLength(replicas)
  }
})

test('other groups go on while one is halted', async () => {
  await deployed()
  await cluster.apply(secret({ name: 'mail', namespace: shop, data: { password: 'old' } }))
  await cluster.apply(
    consumerOf('env', {
      name: 'news',
      namespace: shop,
      replicas: 2,
      uses: [{ secret: 'mail', mode: 'env' }],
    }),
  )
  await available(cluster, shop, 'news')
  await inState(cluster, shop, 'news', 'Fresh')
  await beyondDoubt()
  await cluster.apply(dbSecret(shop, 'wrong'))
  await Promise.any(['orders', 'payments'].map((name) => inState(cluster, shop, name, 'Failed')))
  await cluster.apply(secret({ name: 'mail', namespace: shop, data: { password: 'new' } }))
  await finished('news')
})

test('resuming exactly the failure ends it, an old id does nothing', async () => {
  await deployed()
  await cluster.kubectl([
    'annotate',
    'deployment/payments',
    'sluice.dev/paused=true',
    `--namespace=${shop}`,
  ])
  await cluster.apply(dbSecret(shop, 'wrong'))
  const failed = await inState(cluster, shop, 'orders', 'Failed', 'RestartFailed')
  const id = /sluice\.dev\/resume=(\w+)/.exec(failed.status?.message ?? '')?.[1] ?? ''
  await cluster.kubectl([
    'annotate',
    'deployment/orders',
    'sluice.dev/resume=old',
    `--namespace=${shop}`,
  ])
  await inState(cluster, shop, 'orders', 'Failed', 'RestartFailed')
  expect(observer.newPods('orders')).toHaveLength(1)

  await cluster.kubectl([
    'annotate',
    'deployment/orders',
    `sluice.dev/resume=${id}`,
    '--overwrite',
    `--namespace=${shop}`,
  ])
  // It is tried again as soon as the workload is well enough: the pod that crashes still counts as away.
  await inState(cluster, shop, 'orders', 'Waiting', 'MaxUnavailable')
  await waitUntil('the Halt to be over', async () => {
    const found = await halts()
    return found.length === 0 ? { value: true } : { instead: found.join() }
  })
  expect(observer.newPods('orders')).toHaveLength(1)
  expect(observer.peakAway('orders')).toBe(1)
  await cluster.apply(dbSecret(shop, 'right'))
  await finished('orders')
})
