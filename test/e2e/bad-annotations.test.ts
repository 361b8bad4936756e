import { afterEach, expect, test } from 'vitest'
import { deployment } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { beyondDoubt, consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator()

const OPT_IN = '"true", "secrets", "configmaps" or "false"'
const LIMIT = 'a whole number of at least 1, or a percentage from 1% to 100%'
const DURATION = 'a duration such as 5s, 1m30s or 500ms, at most 24 days'
const UP_TO_AN_HOUR = 'a duration such as 5s or 1m30s, at most 1h'

test('each annotation that cannot be read holds its workload, and says what was expected and found', async () => {
  const faults = [
    ['restart-on-change', 'yes', OPT_IN],
    ['restart-on-change', 'secrets,configmaps', OPT_IN],
    ['paused', 'maybe', '"true" or "false"'],
    [
      'ignore',
      'db, cache',
      'names like secret/db, secret/db/password or configmap/app, separated by commas',
    ],
    ['volumes', 'both', 'one of ignore, restart, live'],
    ['strategy', 'recreate', 'one of auto, evict, rollout'],
    ['max-unavailable', '-1', LIMIT],
    ['max-unavailable', '0', LIMIT],
    ['max-unavailable', '0%', LIMIT],
    ['max-unavailable', '', LIMIT],
    ['priority', 'high', 'a whole number from -1000000 to 1000000'],
    ['min-interval', '5', DURATION],
    ['settle', '-5s', UP_TO_AN_HOUR],
  ].map(([annotation = '', found = '', expected = ''], index) => ({
    name: `faulty-${index}`,
    annotation: `sluice.dev/${annotation}`,
    found,
    message: `annotation sluice.dev/${annotation} of the workload: expected ${expected}, found "${found}"`,
  }))
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    ...faults.map(({ name, annotation, found }) =>
      consumerOf('env', { name, namespace: bed.shop, annotations: { [annotation]: found } }),
    ),
  )
  await bed.rotate('new')
  for (const { name, message } of faults) {
    expect(await bed.heldWithStalePods(name, 'InvalidSetting')).toBe(`Held: ${message}`)
  }
  await bed.neighbourIsRestarted()
  for (const { name } of faults) expect(observed(name)).toBe(0)

  for (const { name, annotation } of faults) {
    const right = annotation.endsWith('restart-on-change') ? '=true' : '-'
    await bed.kubectl('annotate', '--overwrite', `deployment/${name}`, `${annotation}${right}`)
  }
  for (const { name } of faults) await bed.finished(name)
  for (const { name } of faults) expect(observed(name)).toBe(1)
})

test('all faults of the annotations of a namespace, a workload and its pod template are shown at once', async () => {
  await bed.cluster.kubectl([
    'annotate',
    `namespace/${bed.shop}`,
    'sluice.dev/restart-on-change=on',
    'sluice.dev/volumes=sometimes',
    'sluice.dev/paused=perhaps',
  ])
  const story = 'a long story '.repeat(2000)
  const orders = deployment({
    name: 'orders',
    namespace: bed.shop,
    uses: [{ secret: 'db', mode: 'env' }],
    annotations: { 'sluice.dev/settle': story },
    podAnnotations: { 'sluice.dev/max-unavailable': 'few' },
  })
  await bed.cluster.apply(dbSecret(bed.shop, 'old'), orders)
  const { message } = (await bed.inState('orders', 'Held', 'InvalidSetting')).status ?? {}
  expect(message?.split('; ')).toEqual([
    `annotation sluice.dev/restart-on-change of the namespace: expected ${OPT_IN}, found "on"`,
    `annotation sluice.dev/max-unavailable of the pod template: expected ${LIMIT}, found "few"`,
    'annotation sluice.dev/volumes of the namespace: expected one of ignore, restart, live, found "sometimes"',
    // A tenant's text, cut short.
    `annotation sluice.dev/settle of the workload: expected ${UP_TO_AN_HOUR}, found "${story.slice(0, 64)}…"`,
    'annotation sluice.dev/paused of the namespace: expected "true" or "false", found "perhaps"',
  ])
})

test('a surge above an explicit max-unavailable is told with both numbers', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    consumerOf('env', {
      name: 'orders',
      namespace: bed.shop,
      replicas: 3,
      annotations: { 'sluice.dev/max-unavailable': '1' },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } },
    }),
  )
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'MaxSurgeExceeded')).toBe(
    'Held: a rollout starts 2 pods at once (maxSurge), max-unavailable allows 1',
  )
  await bed.neighbourIsRestarted()
  expect(observed('orders')).toBe(0)
})

test('a kill switch that cannot be read is on, and says that it cannot be read', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: bed.shop, replicas: 2 }),
  )
  await killSwitch('=maybe')
  await bed.rotate('new')
  expect(await bed.heldWithStalePods('orders', 'Paused')).toBe(
    'Paused: annotation sluice.dev/paused of namespace sluice-system: expected "true" or "false", found "maybe"; until it can be read nothing is started anywhere',
  )
  expect(observed('orders')).toBe(0)
  await killSwitch('-')
  await bed.finished('orders')
  expect(observed('orders')).toBe(2)
})

test('the kill switch stops a restart between two pods, and without it the restart goes on', async () => {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    consumerOf('env', {
      name: 'orders',
      namespace: bed.shop,
      replicas: 3,
      // Long enough to pull the switch before the next pod goes.
      podAnnotations: { 'sim.sluice.dev/ready-delay': '4s' },
    }),
  )
  await bed.rotate('new')
  await waitUntil('the first pod to be replaced', () =>
    Promise.resolve(observed('orders') > 0 ? { value: true } : { instead: 'no new pod' }),
  )
  await killSwitch('=true')
  await bed.inState('orders', 'Paused', 'Paused')
  await waitUntil('all three pods to be Ready', async () => {
    const [row] = (await bed.operator.status()).filter(({ namespace }) => namespace === bed.shop)
    return row?.unavailablePods === 0 ? { value: row } : { instead: JSON.stringify(row) }
  })
  // How many went before the switch was pulled depends on how fast kubectl is.
  const replaced = observed('orders')
  expect(replaced).toBeLessThan(3)
  // Twice the time in which the next one would have gone.
  await beyondDoubt()
  expect(observed('orders')).toBe(replaced)
  await killSwitch('-')
  await bed.finished('orders')
  expect(observed('orders')).toBe(3)
  expect(bed.observer.peakAway('orders')).toBe(1)
})

/** Sets or removes the annotation of Sluice's own namespace. */
async function killSwitch(change: '=true' | '=maybe' | '-'): Promise<void> {
  const annotation = `sluice.dev/paused${change}`
  await bed.cluster.kubectl(['annotate', '--overwrite', 'namespace/sluice-system', annotation])
}

// A switch that a failed test left on would fail all others.
afterEach(() => killSwitch('-'))

/** How many pods of a Deployment the observer has seen appear. */
function observed(name: string): number {
  return bed.observer.newPods(name).length
}
