import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { podDisruptionBudget } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { auditPosition, SLUICE, writesBy } from './audit.ts'
import { available, beyondDoubt, consumerOf, dbSecret } from './installed-cluster.ts'
import { QUICK } from './operator-process.ts'
import { SharedOperator } from './shared-operator.ts'

// Near enough for a test to wait until the start of a container proves what it holds.
const bed = new SharedOperator([...QUICK, '--node-margin=3s'])

test('a Deployment that does not say how many replicas has one, which is restarted once', async () => {
  const one = orders()
  delete one.spec?.replicas
  await bed.deployed(dbSecret(bed.shop, 'old'), one)
  await bed.rotate('new')
  await bed.finished('orders')
  expect(newPods()).toBe(1)
})

test('without a replica a change is recorded and nothing restarted, also after a scale-up', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ replicas: 0 }))
  await bed.rotate('new')
  await applied('orders')
  await bed.neighbourIsRestarted()
  await bed.kubectl('scale', 'deployment/orders', '--replicas=2')
  await available(bed.cluster, bed.shop, 'orders')
  await bed.neighbourIsRestarted()
  expect((await bed.inState('orders', 'Fresh')).status?.lastRestart).toBeUndefined()
  // Those of the scale-up.
  expect(newPods()).toBe(2)
})

test('pods of others that the selector matches are neither evicted nor counted', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    barePod('stray-1'),
    barePod('stray-2'),
    orders({ replicas: 2 }),
  )
  const from = auditPosition(bed.cluster)
  await bed.rotate('new')
  await bed.finished('orders')
  const evicted = evictions(from)
  expect(evicted).toHaveLength(2)
  for (const name of evicted) expect(name).toMatch(/^orders-/)
  expect(
    bed.observer.pods.filter(({ name, gone }) => name.startsWith('stray') && !gone),
  ).toHaveLength(2)
  expect((await bed.consumer('orders'))?.status?.stalePods).toBe(0)
})

test('pods that were never scheduled hold nothing: they are fresh when they start after the change', async () => {
  const waiting = orders({
    replicas: 2,
    podAnnotations: { 'sim.sluice.dev/start-delay': '2s' },
  })
  Object.assign(waiting.spec?.template.spec ?? {}, { nodeSelector: { pool: bed.shop } })
  await bed.cluster.apply(dbSecret(bed.shop, 'old'), waiting)
  await bed.inState('orders', 'Fresh')
  await bed.countFromNow(waiting)
  await bed.rotate('new')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
  await bed.cluster.kubectl(['label', 'nodes', '--all', `pool=${bed.shop}`])
  await available(bed.cluster, bed.shop, 'orders')
  await applied('orders')
  await bed.cluster.kubectl(['label', 'nodes', '--all', 'pool-'])
  expect(newPods()).toBe(0)
})

test.each(['1h', '-1h'])(
  'a node whose clock is off by %s costs no second restart',
  async (skew) => {
    await bed.deployed(
      dbSecret(bed.shop, 'old'),
      orders({ replicas: 2, podAnnotations: { 'sim.sluice.dev/clock-skew': skew } }),
    )
    await bed.rotate('new')
    const id = await bed.finished('orders')
    await bed.neighbourIsRestarted()
    expect(newPods()).toBe(2)
    await bed.rotate('newer')
    await bed.finished('orders', { after: id })
    await bed.neighbourIsRestarted()
    expect(newPods()).toBe(4)
  },
)

test('a container that was killed long enough after the change holds the new content and is left alone', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ replicas: 2 }))
  await bed.kubectl('annotate', 'deployment/orders', 'sluice.dev/paused=true')
  await bed.inState('orders', 'Paused')
  await bed.rotate('new')
  await bed.heldWithStalePods('orders', 'Paused')
  // The node margin twice: a start within it of the change proves nothing.
  await beyondDoubt(7_000)
  for (const { name } of bed.observer.pods) await bed.cluster.killContainer(bed.shop, name, 'app')
  await applied('orders')
  await bed.kubectl('annotate', 'deployment/orders', 'sluice.dev/paused-')
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
})

test('a container that was killed right after the change is restarted at most once', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ replicas: 2 }))
  await bed.rotate('new')
  for (const { name } of bed.observer.pods) {
    // It may be gone already.
    await bed.cluster.killContainer(bed.shop, name, 'app').catch(() => undefined)
  }
  await applied('orders')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBeLessThanOrEqual(2)
})

test('a budget that allows nothing holds and is named; when it is relaxed the restart goes on', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    podDisruptionBudget({
      name: 'all-of-them',
      namespace: bed.shop,
      app: 'orders',
      minAvailable: 2,
    }),
    orders({ replicas: 2 }),
  )
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'PodDisruptionBudget')).toBe(
    'Held: PodDisruptionBudget all-of-them needs all 2 pods and can never allow an eviction; lower it, or choose the strategy rollout',
  )
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
  await bed.cluster.apply(
    podDisruptionBudget({
      name: 'all-of-them',
      namespace: bed.shop,
      app: 'orders',
      minAvailable: 1,
    }),
  )
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

test('two budgets on one pod hold, and say why it cannot be evicted', async () => {
  const budgets = ['one', 'two'].map((name) =>
    podDisruptionBudget({ name, namespace: bed.shop, app: 'orders', minAvailable: 1 }),
  )
  await bed.deployed(dbSecret(bed.shop, 'old'), ...budgets, orders({ replicas: 2 }))
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'PodDisruptionBudget')).toBe(
    'Held: the pod has more than one PodDisruptionBudget, so it cannot be evicted',
  )
  await bed.neighbourIsRestarted()
  await bed.kubectl('delete', 'poddisruptionbudget/two')
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

test('without the right to evict it holds, names the right, and goes on when it is granted', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ replicas: 2 }))
  await takeAway('pods/eviction')
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'Forbidden')).toMatch(
    new RegExp(
      `^Held: .* the service account needs to create pods/eviction in namespace ${bed.shop}$`,
    ),
  )
  await bed.neighbourIsRestarted()
  await giveBack()
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

test('without the right to patch a rollout is held, names the right, and goes on when it is granted', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    orders({ replicas: 2, annotations: { 'sluice.dev/strategy': 'rollout' } }),
  )
  await takeAway('deployments')
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'Forbidden')).toMatch(
    new RegExp(
      `^Held: .* the service account needs to patch deployments.apps in namespace ${bed.shop}$`,
    ),
  )
  expect(newPods()).toBe(0)
  await giveBack()
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

// What a failed test took away would fail all others.
afterEach(() => giveBack(), 30_000)

let taken: { readonly role: string; readonly rules: string } | undefined

/** Removes a resource from the rights to restart. */
async function takeAway(resource: string): Promise<void> {
  const role = `clusterrole/${resource === 'deployments' ? 'sluice-rollout' : 'sluice-restart'}`
  const text = await bed.cluster.kubectl(['get', role, '--output=json'])
  const { rules } = JSON.parse(text) as { rules: { resources: string[] }[] }
  const left = rules.filter(({ resources }) => !resources.includes(resource))
  expect(left).toHaveLength(rules.length - 1)
  taken = { role, rules: JSON.stringify({ rules }) }
  await patchRole(role, JSON.stringify({ rules: left }))
}

async function giveBack(): Promise<void> {
  if (taken) await patchRole(taken.role, taken.rules)
  taken = undefined
}

async function patchRole(role: string, patch: string): Promise<void> {
  await bed.cluster.kubectl(['patch', role, '--type=merge', `--patch=${patch}`])
}

/** Waits until today's content is recorded as what every pod holds. */
async function applied(name: string): Promise<void> {
  await waitUntil(
    `today's content to be what every pod of ${name} holds`,
    async () => {
      const source = (await bed.consumer(name))?.status?.sources?.[0]
      const timeline = source?.contents[0]?.timeline ?? []
      const settled = timeline.length === 1 && !('since' in (timeline[0] ?? {}))
      return settled ? { value: true } : { instead: JSON.stringify(source) }
    },
    { deadline: 60_000, every: 100 },
  )
}

/** The pods of the test that Sluice evicted. */
function evictions(from: number): string[] {
  return writesBy(bed.cluster, SLUICE, from)
    .filter((write) => write.resource === 'pods/eviction' && write.namespace === bed.shop)
    .map(({ name }) => name)
}

function orders(
  options: Partial<Parameters<typeof consumerOf>[1]> = {},
): ReturnType<typeof consumerOf> {
  return consumerOf('env', { name: 'orders', namespace: bed.shop, ...options })
}

/** A pod that nobody controls, with the labels of the Deployment's pods and its use of the Secret. */
function barePod(name: string): V1Pod {
  const { template } = orders().spec ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: bed.shop, labels: { app: 'orders' } },
    ...(template?.spec && { spec: template.spec }),
  }
}

function newPods(): number {
  return bed.observer.newPods('orders').length
}
