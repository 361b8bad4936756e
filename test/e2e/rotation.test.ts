import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { deployment, secret } from '../../testbed/fixtures.ts'
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
  await removeNamespace(cluster, shop)
})

/** Deploys, and waits until Sluice has taken the baseline. */
async function deployed(...consumers: ReturnType<typeof consumerOf>[]): Promise<void> {
  await cluster.apply(dbSecret(shop, 'old'), ...consumers)
  for (const { metadata } of consumers) {
    const name = metadata?.name ?? ''
    await available(cluster, shop, name)
    if (metadata?.annotations?.[RESTART_ON_CHANGE]) await inState(cluster, shop, name, 'Fresh')
  }
  await beyondDoubt()
  observer.reset(
    Object.fromEntries(
      consumers.map(({ metadata, spec }) => [metadata?.name ?? '', spec?.replicas ?? 1]),
    ),
  )
}

async function rotate(password: string): Promise<void> {
  await cluster.apply(dbSecret(shop, password))
}

/** The restarts that Sluice recorded, by Deployment. */
async function finishedRestart(name: string): Promise<string> {
  return waitUntil(`${name} to be restarted`, async () => {
    const seen = await consumer(cluster, shop, name)
    const { state, lastRestart } = seen?.status ?? {}
    return state === 'Fresh' && lastRestart
      ? { value: lastRestart.id }
      : { instead: JSON.stringify(seen?.status) }
  })
}

test('a rotation replaces every stale pod once, one Deployment and one pod at a time', async () => {
  await deployed(
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 3 }),
    consumerOf('envFrom', { name: 'payments', namespace: shop, replicas: 2 }),
    consumerOf('subPath', { name: 'search', namespace: shop, replicas: 2 }),
  )
  await rotate('new')
  for (const name of ['orders', 'payments', 'search']) await finishedRestart(name)

  expect(observer.newPods('orders')).toHaveLength(3)
  expect(observer.newPods('payments')).toHaveLength(2)
  expect(observer.newPods('search')).toHaveLength(2)
  expect(observer.peakApps).toBe(1)
  for (const name of ['orders', 'payments', 'search']) expect(observer.peakAway(name)).toBe(1)
  expect([...observer.order].sort()).toEqual(['orders', 'payments', 'search'])
  expect(await contentHeld()).toEqual([sha256('new')])
})

test('workloads that did not opt in, or mount the Secret as a plain volume, are left alone', async () => {
  await deployed(
    consumerOf('env', { name: 'orders', namespace: shop }),
    consumerOf('volume', { name: 'files', namespace: shop }),
    deployment({ name: 'bystander', namespace: shop, uses: [{ secret: 'db', mode: 'env' }] }),
  )
  await rotate('new')
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(1)
  expect(observer.newPods('files')).toEqual([])
  expect(observer.newPods('bystander')).toEqual([])
})

test('a key that nobody consumes, a label and an equal write are no change', async () => {
  await deployed(consumerOf('env', { name: 'orders', namespace: shop }))
  const before = await consumer(cluster, shop, 'orders')
  await cluster.apply(dbSecret(shop, 'old', 'changed'))
  await cluster.kubectl(['label', 'secret/db', 'team=shop', `--namespace=${shop}`])
  await cluster.apply(dbSecret(shop, 'old', 'changed'))
  // A change that counts comes after them: once it has been dealt with, so have they.
  await rotate('new')
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(1)
  expect(before?.status?.lastRestart).toBeUndefined()
})

test('a single replica is restarted by a rollout, without a gap', async () => {
  await deployed(consumerOf('env', { name: 'orders', namespace: shop, replicas: 1 }))
  await rotate('new')
  const id = await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(1)
  expect(observer.peakAway('orders')).toBe(0)
  const template = await cluster.kubectl([
    'get',
    'deployment/orders',
    `--namespace=${shop}`,
    '--output=jsonpath={.spec.template.metadata.annotations}',
  ])
  expect(JSON.parse(template)).toEqual({ 'sluice.dev/restart-id': id })
})

test('max-unavailable lets more pods go at once, and never more than that', async () => {
  await deployed(
    consumerOf('env', {
      name: 'orders',
      namespace: shop,
      replicas: 5,
      annotations: { 'sluice.dev/max-unavailable': '40%' },
      podAnnotations: { 'sim.sluice.dev/ready-delay': '300ms' },
    }),
  )
  await rotate('new')
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(5)
  expect(observer.peakAway('orders')).toBe(2)
})

test('the next pod goes only when the one before is Available', async () => {
  await deployed(
    consumerOf('env', {
      name: 'orders',
      namespace: shop,
      replicas: 3,
      minReadySeconds: 1,
      podAnnotations: { 'sim.sluice.dev/ready-delay': '500ms' },
    }),
  )
  await rotate('new')
  await finishedRestart('orders')
  expect(observer.peakAway('orders')).toBe(1)
  const [first, second, third] = observer.newPods('orders').map(({ createdAt }) => createdAt)
  // Half a second to be Ready and one more to be Available, in whole seconds of the API server.
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000)
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(1_000)
})

test('two Secrets of one workload that change together cost one restart', async () => {
  await operator.end('SIGTERM')
  operator = await startOperator(cluster, [
    '--quiet-period=2s',
    '--settle=0s',
    '--margin=1s',
    '--min-restart-interval=0s',
  ])
  await cluster.apply(secret({ name: 'mail', namespace: shop, data: { password: 'old' } }))
  await deployed(
    consumerOf('env', {
      name: 'orders',
      namespace: shop,
      replicas: 2,
      uses: [
        { secret: 'db', mode: 'env' },
        { secret: 'mail', mode: 'envFrom' },
      ],
    }),
  )
  await rotate('new')
  await cluster.apply(secret({ name: 'mail', namespace: shop, data: { password: 'new' } }))
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(2)
})

test('content that returns leaves alone the pods that hold it', async () => {
  await deployed(consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }))
  await cluster.kubectl([
    'annotate',
    'deployment/orders',
    'sluice.dev/paused=true',
    `--namespace=${shop}`,
  ])
  await inState(cluster, shop, 'orders', 'Paused')
  await rotate('new')
  await inState(cluster, shop, 'orders', 'Paused')
  await beyondDoubt(2_000)
  // One pod is replaced by somebody while the other content is current.
  const [victim] = observer.pods.filter((pod) => pod.app === 'orders')
  await cluster.kubectl(['delete', 'pod', victim?.name ?? '', `--namespace=${shop}`])
  await available(cluster, shop, 'orders')
  await beyondDoubt(2_000)
  await rotate('old')
  observer.reset({ orders: 2 })
  await cluster.kubectl([
    'annotate',
    'deployment/orders',
    'sluice.dev/paused-',
    `--namespace=${shop}`,
  ])
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(1)
  expect(await contentHeld()).toEqual([sha256('old')])
})

test('a rotation that happened while Sluice was down is found', async () => {
  await deployed(consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }))
  await operator.end('SIGKILL')
  await rotate('new')
  await beyondDoubt()
  operator = await startOperator(cluster)
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(2)
})

test('a Deployment that was rolled out after the change is fresh, and is not restarted', async () => {
  await deployed(consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }))
  await operator.end('SIGTERM')
  await rotate('new')
  await beyondDoubt(2_000)
  await cluster.kubectl(['rollout', 'restart', 'deployment/orders', `--namespace=${shop}`])
  await available(cluster, shop, 'orders')
  observer.reset({ orders: 2 })
  operator = await startOperator(cluster)
  const seen = await waitUntil('the new content to be recorded as applied', async () => {
    const status = (await consumer(cluster, shop, 'orders'))?.status
    const [timeline] = status?.sources?.[0]?.contents.map((each) => each.timeline) ?? []
    return timeline?.length === 1 && status?.state === 'Fresh'
      ? { value: status }
      : { instead: JSON.stringify(status) }
  })
  expect(seen.lastRestart).toBeUndefined()
  expect(observer.newPods('orders')).toEqual([])
})

test('SIGTERM ends Sluice cleanly within two seconds', async () => {
  await deployed(
    consumerOf('env', {
      name: 'orders',
      namespace: shop,
      replicas: 3,
      // Long enough for the end to come in the middle.
      podAnnotations: { 'sim.sluice.dev/ready-delay': '1s' },
    }),
  )
  await rotate('new')
  await inState(cluster, shop, 'orders', 'Restarting')
  const asked = performance.now()
  expect(await operator.end('SIGTERM')).toBe(0)
  expect(performance.now() - asked).toBeLessThan(2_000)
  operator = await startOperator(cluster)
  await finishedRestart('orders')
  expect(observer.newPods('orders')).toHaveLength(3)
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The different contents that running containers of this namespace really hold. */
async function contentHeld(): Promise<string[]> {
  const pods = (await cluster.heldContent()).filter(({ namespace }) => namespace === shop)
  const hashes = pods.flatMap(({ containers }) =>
    containers.flatMap(({ env, files }) => [...Object.entries(env), ...Object.entries(files)]),
  )
  const passwords = hashes.filter(([name]) => /password/i.test(name))
  return [...new Set(passwords.map(([, hash]) => hash))]
}
