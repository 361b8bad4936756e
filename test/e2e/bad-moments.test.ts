// What people do to a Deployment in the middle of its restart.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { waitUntil } from '../../testbed/wait.ts'
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
  'a rollout that `kubectl rollout undo` or `kubectl replace` (%s) takes back is held, and not patched in again',
  async (what) => {
    await bed.deployed(dbSecret(bed.shop, 'old'), orders('rollout'))
    const from = auditPosition(bed.cluster)
    await bed.rotate('new')
    await firstNewPod()
    await goBack(what, manifest('rollout'))
    await bed.inState('orders', 'Failed', 'RolloutUndone')
    await bed.neighbourIsRestarted()
    expect(writes(from)).toEqual({ evicted: [], patches: 1 })
  },
)

test.each(['evict', 'rollout'] as const)(
  'a Deployment that is deleted and created again during its restart (%s) starts with a new record',
  async (strategy) => {
    await bed.deployed(dbSecret(bed.shop, 'old'), orders(strategy))
    await bed.rotate('new')
    await firstNewPod()
    await bed.kubectl('delete', 'deployment/orders', '--wait=true')
    await bed.cluster.apply(orders(strategy))
    await available(bed.cluster, bed.shop, 'orders')
    const from = auditPosition(bed.cluster)
    await freshAgain()
    await bed.neighbourIsRestarted()
    const status = (await bed.consumer('orders'))?.status
    expect(status).toMatchObject({ state: 'Fresh', stalePods: 0 })
    expect(status).not.toHaveProperty('lastRestart')
    expect(writes(from)).toEqual({ evicted: [], patches: 0 })
    expect(await contentHeld()).toEqual([sha256('new')])
  },
)

test('pods that a new Deployment of the same name inherits keep what is known of them, and are replaced each once', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders('evict'))
  await bed.rotate('new')
  await firstNewPod()
  await bed.kubectl('delete', 'deployment/orders', '--cascade=orphan', '--wait=true')
  await bed.cluster.apply(orders('evict'))
  await available(bed.cluster, bed.shop, 'orders')
  await bed.finished('orders')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(3)
  expect(await contentHeld()).toEqual([sha256('new')])
})

test('opting out during a restart ends it and deletes the Consumer; opting in again goes on with what was seen', async () => {
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
  const first = await bed.finished('orders')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(3)

  // The next change counts for all of them, and for each once.
  await bed.rotate('newer')
  await bed.finished('orders', { after: first })
  expect(newPods()).toBe(6)
})

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

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The different contents that running containers of this namespace really hold. */
async function contentHeld(): Promise<string[]> {
  const pods = (await bed.cluster.heldContent()).filter(({ namespace }) => namespace === bed.shop)
  const held = pods.flatMap(({ containers }) => containers.map(({ env }) => env['DB_PASSWORD']))
  return [...new Set(held)].filter((hash) => hash !== undefined)
}
