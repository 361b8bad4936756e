/**
 * Restarts that wait for something that never comes: each ends, says so, and leaves its slot to a workload of another
 * namespace.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { followPods } from '../../testbed/follow-pods.ts'
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
  restarted,
  startInstalledCluster,
} from './installed-cluster.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let operator: OperatorProcess
let shop: string
let mail: string

beforeAll(async () => {
  cluster = await startInstalledCluster()
})
afterAll(() => cluster.stop())

beforeEach(async () => {
  shop = await freshNamespace(cluster)
  mail = await freshNamespace(cluster)
  operator = await startOperator(cluster)
})
afterEach(async () => {
  await operator.end('SIGTERM')
  // Some of them would drain for an hour.
  for (const name of [shop, mail]) {
    await cluster.kubectl(['delete', 'halts', '--all', `--namespace=${name}`])
    await cluster.kubectl(['delete', 'deployments', '--all', `--namespace=${name}`, '--wait=false'])
    await cluster.kubectl([
      'delete',
      'pods',
      '--all',
      `--namespace=${name}`,
      '--force',
      '--grace-period=0',
    ])
    await removeNamespace(cluster, name)
  }
})

type Options = Omit<Parameters<typeof consumerOf>[1], 'name' | 'namespace'>

/** `web` in the first namespace and `news` in the second one, each with a Secret of its own. */
async function deployed(web: Options): Promise<void> {
  await cluster.apply(
    dbSecret(shop, 'old'),
    dbSecret(mail, 'old'),
    consumerOf('env', { name: 'web', namespace: shop, ...web }),
    consumerOf('env', { name: 'news', namespace: mail, replicas: 2 }),
  )
  await available(cluster, shop, 'web')
  await available(cluster, mail, 'news')
  await inState(cluster, shop, 'web', 'Fresh')
  await inState(cluster, mail, 'news', 'Fresh')
  await beyondDoubt()
}

async function underWay(): Promise<void> {
  await waitUntil('the restart of web to begin', async () => {
    const status = (await consumer(cluster, shop, 'web'))?.status
    return status?.restart ? { value: true } : { instead: JSON.stringify(status) }
  })
}

test('a rollout whose surge pod a quota refuses fails at its deadline and names the quota', async () => {
  await deployed({ progressDeadlineSeconds: 10 })
  const quota: object = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'one-pod', namespace: shop },
    spec: { hard: { pods: '1' } },
  }
  await cluster.apply(quota)
  await cluster.apply(dbSecret(shop, 'new'))
  await underWay()
  await cluster.apply(dbSecret(mail, 'new'))
  const failed = await inState(cluster, shop, 'web', 'Failed', 'CannotStart')
  expect(failed.status?.message).toContain(
    '1 of 1 new pods were not created within 10 s: ResourceQuota one-pod refuses them',
  )
  await restarted(cluster, mail, 'news')
})

test('Recreate behind a pod that drains for an hour gives its slot back', async () => {
  await deployed({
    progressDeadlineSeconds: 10,
    strategy: { type: 'Recreate' },
    annotations: { 'sluice.dev/strategy': 'rollout' },
    podAnnotations: { 'sim.sluice.dev/termination-delay': '1h' },
    terminationGracePeriodSeconds: 3600,
  })
  await cluster.apply(dbSecret(shop, 'new'))
  await underWay()
  await cluster.apply(dbSecret(mail, 'new'))
  const failed = await inState(cluster, shop, 'web', 'Failed', 'CannotStart')
  expect(failed.status?.message).toContain('old ones are still terminating')
  await restarted(cluster, mail, 'news')
})

test('a Deployment that is deleted in the foreground is no workload any more', async () => {
  await deployed({
    replicas: 3,
    podAnnotations: { 'sim.sluice.dev/termination-delay': '1h' },
    terminationGracePeriodSeconds: 3600,
  })
  await cluster.apply(dbSecret(shop, 'new'))
  await underWay()
  await cluster.kubectl([
    'delete',
    'deployment/web',
    `--namespace=${shop}`,
    '--cascade=foreground',
    '--wait=false',
  ])
  await cluster.apply(dbSecret(mail, 'new'))
  await restarted(cluster, mail, 'news')
  expect((await operator.status()).map(({ namespace }) => namespace)).not.toContain(shop)
})

test('a namespace that is being deleted is left alone, quietly', async () => {
  const held = consumerOf('env', { name: 'web', namespace: shop, replicas: 2 })
  if (held.metadata) held.metadata.finalizers = ['example.com/held']
  await cluster.apply(
    dbSecret(shop, 'old'),
    held,
    dbSecret(mail, 'old'),
    consumerOf('env', { name: 'news', namespace: mail, replicas: 2 }),
  )
  await available(cluster, shop, 'web')
  await available(cluster, mail, 'news')
  await inState(cluster, shop, 'web', 'Fresh')
  await inState(cluster, mail, 'news', 'Fresh')
  await beyondDoubt()
  // Said once after a start, whenever the reviews are answered.
  await waitUntil('the rights to be compared', () => {
    const compared = operator.log.some(({ msg }) => msg.startsWith('the service account'))
    return Promise.resolve(compared ? { value: true } : { instead: 'no word of them' })
  })
  const before = operator.log.length
  try {
    await cluster.kubectl(['delete', 'namespace', shop, '--wait=false'])
    await waitUntil('its Secret to be gone', async () => {
      const found = await cluster.kubectl([
        'get',
        'secrets',
        `--namespace=${shop}`,
        '--output=name',
      ])
      return found.includes('secret/db') ? { instead: found } : { value: true }
    })
    await cluster.apply(dbSecret(mail, 'new'))
    await restarted(cluster, mail, 'news')
    const said = operator.log
      .slice(before)
      .filter((line) => JSON.stringify(line).includes(`"${shop}"`) || line['level'] === 'warn')
    expect(said).toEqual([])
    expect((await operator.status()).map(({ namespace }) => namespace)).not.toContain(shop)
  } finally {
    await cluster.kubectl([
      'patch',
      'deployment/web',
      `--namespace=${shop}`,
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    ])
  }
})

/** Follows the pods of the first namespace. */
async function follow(see: (pods: readonly V1Pod[]) => void): Promise<{ stop: () => void }> {
  const pods = new Map<string, V1Pod>()
  return followPods(cluster, shop, (phase, pod) => {
    const uid = pod.metadata?.uid ?? ''
    if (phase === 'DELETED') pods.delete(uid)
    else pods.set(uid, pod)
    see([...pods.values()])
  })
}

test('after the first crash of a new pod no other one goes', async () => {
  await deployed({
    replicas: 8,
    podAnnotations: {
      'sim.sluice.dev/ready-delay': '3s',
      'sim.sluice.dev/bad-value': 'wrong',
      'sim.sluice.dev/bad-value-effect': '1 after 10s',
    },
  })
  const old = new Set<string>()
  let changed = false
  let atFirstCrash: number | undefined
  let replaced = 0
  const watch = await follow((pods) => {
    for (const { metadata } of pods) if (!changed) old.add(metadata?.uid ?? '')
    replaced = Math.max(
      replaced,
      pods.filter(({ metadata }) => !old.has(metadata?.uid ?? '')).length,
    )
    const crashed = pods.some(({ status }) =>
      status?.containerStatuses?.some(({ restartCount }) => restartCount > 0),
    )
    if (crashed) atFirstCrash ??= replaced
  })
  changed = true
  await cluster.apply(dbSecret(shop, 'wrong'))
  await inState(cluster, shop, 'web', 'Failed', 'RestartFailed')
  watch.stop()
  expect(atFirstCrash).toBeGreaterThan(0)
  expect(atFirstCrash).toBeLessThan(8)
  expect(replaced).toBe(atFirstCrash)
})

test.each([
  ['holds its place until it is gone', undefined, 1],
  ['overlaps with the next one where that is allowed', 'false', 3],
])('a pod that drains slowly %s', async (_, wait, most) => {
  await deployed({
    replicas: 4,
    ...(wait !== undefined && { annotations: { 'sluice.dev/wait-for-termination': wait } }),
    podAnnotations: { 'sim.sluice.dev/termination-delay': '6s' },
    terminationGracePeriodSeconds: 30,
  })
  let peak = 0
  const watch = await follow((pods) => {
    const leaving = pods.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)
    peak = Math.max(peak, leaving.length)
  })
  await cluster.apply(dbSecret(shop, 'new'))
  await restarted(cluster, shop, 'web')
  watch.stop()
  if (wait === undefined) expect(peak).toBe(most)
  else expect(peak).toBeGreaterThanOrEqual(most)
})
