// What people do to a Deployment in the middle of its restart.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { waitUntil } from '../cluster/wait.ts'
import { auditPosition, SLUICE, writesBy } from './audit.ts'
import { available, consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator()

test.each(['undo', 'replace'] as const)(
  'after `kubectl rollout undo` or `kubectl replace` (%s) during evictions only pods of before are evicted',
  async (what) => {
    await bed.deployed(dbSecret(bed.shop, 'old'), orders('evict'))
    const original = manifest('evict')
    await bed.kubectl('set', 'env', 'deployment/orders', 'RELEASE=2')
    await available(bed.cluster, bed.shop, 'orders')
    await bed.countFromNow(orders('evict'))
    const old = new Set(bed.observer.pods.map(({ name }) => name))
    const from = auditPosition(bed.cluster)
    await bed.rotate('new')
    await firstNewPod()
    await goBack(what, original)
    await available(bed.cluster, bed.shop, 'orders')
    await freshAgain()

    const { evicted, patches } = writes(from)
    expect(evicted.filter((name) => !old.has(name))).toEqual([])
    expect(patches).toBe(0)
    // Those that Sluice replaced, and those of the other template: none of these was replaced again.
    expect(newPods()).toBeLessThanOrEqual(evicted.length + 3)
    expect(await contentHeld()).toEqual([sha256('new')])
  },
)

test('a `kubectl replace` of the same manifest during evictions changes nothing', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders('evict'))
  await bed.rotate('new')
  await firstNewPod()
  await goBack('replace', manifest('evict'))
  await bed.finished('orders')
  expect(newPods()).toBe(3)
  expect(bed.observer.peakAway('orders')).toBe(1)
})

test.each(['undo', 'replace'] as const)(
  'a rollout that `kubectl rollout undo` or `kubectl replace` (%s) takes back is done once more, under the same id',
  async (what) => {
    await bed.deployed(dbSecret(bed.shop, 'old'), orders('rollout'))
    const from = auditPosition(bed.cluster)
    await bed.rotate('new')
    await firstNewPod()
    await goBack(what, manifest('rollout'))
    const id = await bed.finished('orders')
    await bed.neighbourIsRestarted()

    const { evicted, patches } = writes(from)
    expect(evicted).toEqual([])
    expect(patches).toBe(2)
    expect(await restartId()).toBe(id)
    expect((await bed.consumer('orders'))?.status?.lastRestart?.id).toBe(id)
    expect(await contentHeld()).toEqual([sha256('new')])
  },
)

test.each(['evict', 'rollout'] as const)(
  'a Deployment that is deleted and created again during its restart (%s) starts with a new record',
  async (strategy) => {
    await bed.deployed(dbSecret(bed.shop, 'old'), orders(strategy))
    const before = await bed.consumer('orders')
    await bed.rotate('new')
    await firstNewPod()
    await bed.kubectl('delete', 'deployment/orders', '--wait=true')
    await bed.cluster.apply(orders(strategy))
    await available(bed.cluster, bed.shop, 'orders')
    const status = await newRecord(before?.metadata.uid)
    const from = auditPosition(bed.cluster)
    await bed.neighbourIsRestarted()
    expect(status).toMatchObject({ state: 'Fresh', stalePods: 0 })
    expect(status).not.toHaveProperty('lastRestart')
    expect(writes(from)).toEqual({ evicted: [], patches: 0 })
    expect(await contentHeld()).toEqual([sha256('new')])
  },
)

test('pods that a new Deployment of the same name inherits are unknown, and are left alone', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders('evict'))
  const before = await bed.consumer('orders')
  await bed.rotate('new')
  await firstNewPod()
  await bed.kubectl('delete', 'deployment/orders', '--cascade=orphan', '--wait=true')
  const from = auditPosition(bed.cluster)
  await bed.cluster.apply(orders('evict'))
  await available(bed.cluster, bed.shop, 'orders')
  await newRecord(before?.metadata.uid)
  await bed.neighbourIsRestarted()
  // Those that had been replaced by then are known to be newer than the change.
  await unknownPods(3 - newPods())
  expect(writes(from)).toEqual({ evicted: [], patches: 0 })
})

test('opting out during a restart ends it and deletes the Consumer; opting in again adopts', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders('evict'))
  await bed.rotate('new')
  await firstNewPod()
  await bed.kubectl('annotate', 'deployment/orders', 'sluice.dev/restart-on-change-')
  await waitUntil('the Consumer to be deleted', async () => {
    const seen = await bed.consumer('orders')
    return seen ? { instead: JSON.stringify(seen.status) } : { value: true }
  })
  await available(bed.cluster, bed.shop, 'orders')
  const replaced = newPods()
  expect(replaced).toBeLessThan(3)
  await bed.neighbourIsRestarted()
  await bed.kubectl('annotate', 'deployment/orders', 'sluice.dev/restart-on-change=true')
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(replaced)
  await unknownPods(3 - replaced)

  // The next change counts for all of them, and for each once.
  await bed.rotate('newer')
  await bed.finished('orders')
  expect(newPods()).toBe(replaced + 3)
})

/** Waits until the Consumer shows so many: what people read is written at most every 10 s. */
async function unknownPods(count: number): Promise<void> {
  await waitUntil(`${count} unknown pods and none stale`, async () => {
    const status = (await bed.consumer('orders'))?.status
    const shown = status && 'unknownPods' in status ? status.unknownPods : undefined
    return status?.state === 'Fresh' && status.stalePods === 0 && shown === count
      ? { value: true }
      : { instead: JSON.stringify(status) }
  })
}

function orders(strategy: 'evict' | 'rollout'): ReturnType<typeof consumerOf> {
  return consumerOf('env', {
    name: 'orders',
    namespace: bed.shop,
    replicas: 3,
    annotations: { 'sluice.dev/strategy': strategy },
    // Long enough to be in the middle of it for a while.
    podAnnotations: { 'sim.sluice.dev/ready-delay': '3s' },
  })
}

function manifest(strategy: 'evict' | 'rollout'): string {
  return JSON.stringify(orders(strategy))
}

async function goBack(what: 'undo' | 'replace', original: string): Promise<void> {
  if (what === 'undo') await bed.kubectl('rollout', 'undo', 'deployment/orders')
  else await bed.cluster.kubectl(['replace', '--filename=-'], { input: original })
}

async function firstNewPod(): Promise<void> {
  await waitUntil('the first pod to be replaced', () =>
    Promise.resolve(newPods() > 0 ? { value: true } : { instead: 'no new pod' }),
  )
}

/** Waits until no restart is under way and nothing is stale. */
async function freshAgain(): Promise<void> {
  await waitUntil(
    'orders to be fresh',
    async () => {
      const status = (await bed.consumer('orders'))?.status
      return status?.state === 'Fresh' && !status.restart
        ? { value: true }
        : { instead: JSON.stringify(status) }
    },
    { deadline: 60_000, every: 100 },
  )
}

/** The status of a Consumer that is another object than before. */
async function newRecord(before: string | undefined): Promise<object> {
  return waitUntil('a new Consumer', async () => {
    const seen = await bed.consumer('orders')
    return seen?.status && seen.metadata.uid !== before
      ? { value: seen.status }
      : { instead: JSON.stringify(seen) }
  })
}

function newPods(): number {
  return bed.observer.newPods('orders').length
}

/** What Sluice did to this Deployment, and was allowed to. */
function writes(from: number): { evicted: string[]; patches: number } {
  const done = writesBy(bed.cluster, SLUICE, from).filter(
    ({ namespace, code }) => namespace === bed.shop && code < 300,
  )
  return {
    evicted: done.filter(({ resource }) => resource === 'pods/eviction').map(({ name }) => name),
    patches: done.filter(({ resource }) => resource === 'deployments').length,
  }
}

async function restartId(): Promise<string> {
  const annotation = String.raw`{.spec.template.metadata.annotations.sluice\.dev/restart-id}`
  return bed.kubectl('get', 'deployment/orders', `--output=jsonpath=${annotation}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The different contents that running containers of this namespace really hold. */
async function contentHeld(): Promise<string[]> {
  const pods = (await bed.cluster.heldContent()).filter(({ namespace }) => namespace === bed.shop)
  const held = pods.flatMap(({ containers }) => containers.map(({ env }) => env['DB_PASSWORD']))
  return [...new Set(held)].filter((hash) => hash !== undefined)
}
