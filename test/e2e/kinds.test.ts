// Every kind of workload and source, with the real controllers of Kubernetes.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node'
import type { TestCluster } from '../../testbed/cluster.ts'
import { configMap, daemonSet, deployment, statefulSet } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  beyondDoubt,
  dbSecret,
  inState,
  install,
  removeNamespace,
  restarted,
  freshNamespace,
} from './installed-cluster.ts'
import { startCluster } from '../../testbed/cluster.ts'
import { observe, type Observer } from './observer.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

const NODES = 3
const uses = [{ secret: 'db', mode: 'env' as const }]
const ON_DELETE = { type: 'OnDelete' }

let cluster: TestCluster
let shop: string
let operator: OperatorProcess
let observer: Observer

beforeAll(async () => {
  cluster = await startCluster({ nodes: NODES })
  await install(cluster)
})
afterAll(() => cluster.stop())

beforeEach(async () => {
  // The opt-in of the Namespace reaches every kind.
  shop = await freshNamespace(cluster, { 'sluice.dev/restart-on-change': 'true' })
  observer = await observe(cluster, shop)
  operator = await startOperator(cluster)
})
afterEach(async () => {
  observer.stop()
  await operator.end('SIGTERM')
  await removeNamespace(cluster, shop)
})

function kubectl(...args: readonly string[]): Promise<string> {
  return cluster.kubectl([...args, `--namespace=${shop}`])
}

/** Deploys next to the Secret `db` and waits until Sluice has a record of each that is named with its replicas. */
async function deployed(
  replicas: Readonly<Record<string, number>>,
  ...objects: readonly KubernetesObject[]
): Promise<void> {
  await cluster.apply(dbSecret(shop, 'old'), ...objects)
  for (const [workload, count] of Object.entries(replicas)) {
    const [, app = ''] = workload.split('/')
    await waitUntil(`${count} pods of ${workload} to be Ready`, () => {
      const ready = observer.pods.filter((pod) => pod.app === app && pod.ready && !pod.gone)
      return Promise.resolve(
        ready.length === count ? { value: true } : { instead: `${ready.length} Ready` },
      )
    })
    await inState(cluster, shop, workload, 'Fresh')
  }
  await beyondDoubt()
  observer.reset(
    Object.fromEntries(
      Object.entries(replicas).map(([workload, count]) => [workload.split('/')[1] ?? '', count]),
    ),
  )
}

/** Names of the new pods of an app, in the order of their creation. */
const newPods = (app: string) => observer.newPods(app).map(({ name }) => name)

test('one Secret of a Deployment, a StatefulSet and a DaemonSet restarts each pod once, one at a time', async () => {
  await deployed(
    { 'deployment/web': 2, 'statefulset/redis': 3, 'daemonset/agent': NODES },
    deployment({ name: 'web', namespace: shop, replicas: 2, uses }),
    statefulSet({ name: 'redis', namespace: shop, replicas: 3, uses }),
    daemonSet({ name: 'agent', namespace: shop, uses }),
  )
  await cluster.apply(dbSecret(shop, 'new'))
  for (const workload of ['deployment/web', 'statefulset/redis', 'daemonset/agent']) {
    await restarted(cluster, shop, workload)
  }
  expect(newPods('redis')).toEqual(['redis-2', 'redis-1', 'redis-0'])
  expect(newPods('agent')).toHaveLength(NODES)
  expect(newPods('web')).toHaveLength(2)
  expect(observer.peakApps).toBe(1)
  for (const app of ['web', 'redis', 'agent']) expect(observer.peakAway(app)).toBe(1)
  await kubectl('wait', '--for=condition=OldContentUnused', 'rotation', '--all', '--timeout=30s')
  const nodes = await kubectl(
    'get',
    'pods',
    '--selector=app=agent',
    '--output=jsonpath={.items[*].spec.nodeName}',
  )
  expect(new Set(nodes.split(' ')).size).toBe(NODES)
})

describe('a StatefulSet', () => {
  test('that starts its pods in order misses one at a time, one that is Parallel as many as it may', async () => {
    const annotations = {
      'sluice.dev/max-unavailable': '2',
      'sluice.dev/wait-for-termination': 'false',
    }
    const podAnnotations = { 'sim.sluice.dev/ready-delay': '300ms' }
    await deployed(
      { 'statefulset/ordered': 3, 'statefulset/parallel': 4 },
      statefulSet({
        name: 'ordered',
        namespace: shop,
        replicas: 3,
        uses,
        annotations,
        podAnnotations,
      }),
      statefulSet({
        ...{ name: 'parallel', namespace: shop, replicas: 4, uses, annotations, podAnnotations },
        podManagementPolicy: 'Parallel',
      }),
    )
    await cluster.apply(dbSecret(shop, 'new'))
    for (const name of ['ordered', 'parallel'])
      await restarted(cluster, shop, `statefulset/${name}`)
    expect(newPods('ordered')).toEqual(['ordered-2', 'ordered-1', 'ordered-0'])
    expect(observer.peakAway('ordered')).toBe(1)
    expect(newPods('parallel').toSorted()).toEqual([0, 1, 2, 3].map((n) => `parallel-${n}`))
    expect(observer.peakAway('parallel')).toBe(2)
  })

  test('with a partition is restarted, and its pods below come back from the old template', async () => {
    const partition = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }
    const redis = (image: string) => {
      const made = statefulSet({
        name: 'redis',
        namespace: shop,
        replicas: 3,
        uses,
        updateStrategy: partition,
      })
      for (const container of made.spec?.template.spec?.containers ?? []) container.image = image
      return made
    }
    await deployed({ 'statefulset/redis': 3 }, redis('registry.example/app:1'))
    await cluster.apply(redis('registry.example/app:2'))
    const images = '--output=jsonpath={.items[*].spec.containers[0].image}'
    const shown = async () =>
      (await kubectl('get', 'pods', images)).split(' ').map((image) => image.slice(-1))
    await waitUntil('the pod above the partition to be updated', async () => {
      const found = await shown()
      return found.join() === '1,1,2' ? { value: true } : { instead: found.join() }
    })
    await inState(cluster, shop, 'statefulset/redis', 'Fresh')
    await beyondDoubt()
    observer.reset({ redis: 3 })
    await cluster.apply(dbSecret(shop, 'new'))
    await restarted(cluster, shop, 'statefulset/redis')
    expect(newPods('redis')).toEqual(['redis-2', 'redis-1', 'redis-0'])
    expect(await shown()).toEqual(['1', '1', '2'])
  })

  test('rolls out where its owner asks for that, by one annotation of its template', async () => {
    const annotations = { 'sluice.dev/strategy': 'rollout' }
    await deployed(
      { 'statefulset/redis': 2, 'daemonset/agent': NODES },
      statefulSet({ name: 'redis', namespace: shop, replicas: 2, uses, annotations }),
      daemonSet({ name: 'agent', namespace: shop, uses, annotations }),
    )
    await cluster.apply(dbSecret(shop, 'new'))
    for (const workload of ['statefulset/redis', 'daemonset/agent']) {
      await restarted(cluster, shop, workload)
      const template = '--output=jsonpath={.spec.template.metadata.annotations}'
      expect(JSON.parse(await kubectl('get', workload, template))).toEqual({
        'sluice.dev/restart-id': expect.stringMatching(/./) as string,
      })
    }
    expect(newPods('redis')).toEqual(['redis-1', 'redis-0'])
    expect(newPods('agent')).toHaveLength(NODES)
    expect(observer.peakApps).toBe(1)
  })
})

test.each([
  ['statefulset/redis', 3],
  ['daemonset/redis', NODES],
])('%s with OnDelete lets no new template in by the back door', async (workload, count) => {
  const redis = (podAnnotations = {}) => {
    const options = {
      name: 'redis',
      namespace: shop,
      uses,
      podAnnotations,
      updateStrategy: ON_DELETE,
    }
    return workload.startsWith('stateful')
      ? statefulSet({ ...options, replicas: count })
      : daemonSet(options)
  }
  await deployed({ [workload]: count }, redis())
  await cluster.apply(redis({ version: 'two' }))
  await cluster.apply(dbSecret(shop, 'new'))
  const held = await inState(cluster, shop, workload, 'Held', 'PendingTemplate')
  expect(held.status?.message).toMatch(/^updateStrategy is OnDelete, and the pod template/)
  await beyondDoubt()
  expect(newPods('redis')).toEqual([])
  // Its owner brings the template to all pods but one; the last one is not Sluice's to bring it to.
  const [first = '', ...others] = observer.pods.map(({ name }) => name)
  await kubectl('delete', 'pod', ...others)
  await inState(cluster, shop, workload, 'Held', 'PendingTemplate')
  await kubectl('delete', 'pod', first)
  await inState(cluster, shop, workload, 'Fresh')
  expect(newPods('redis')).toHaveLength(count)
  // From then on its template is the newest one, and it is restarted like any other.
  await beyondDoubt()
  observer.reset({ redis: count })
  await cluster.apply(dbSecret(shop, 'newest'))
  await restarted(cluster, shop, workload)
  expect(newPods('redis')).toHaveLength(count)
  expect(observer.peakAway('redis')).toBe(1)
})

describe('a ConfigMap', () => {
  const app = (values: Parameters<typeof configMap>[0]) => configMap({ ...values, namespace: shop })

  test.each(['env', 'envFrom', 'subPath'] as const)('restarts who reads it by %s', async (mode) => {
    const used = [{ configMap: 'app', mode, key: 'url' }]
    await cluster.apply(app({ name: 'app', data: { url: 'old' } }))
    await deployed(
      { 'deployment/web': 2 },
      deployment({ name: 'web', namespace: shop, replicas: 2, uses: used }),
    )
    await cluster.apply(app({ name: 'app', data: { url: 'new' } }))
    await restarted(cluster, shop, 'web')
    expect(newPods('web')).toHaveLength(2)
    const names = await kubectl('get', 'rotations', '--output=name')
    expect(names).toMatch(/rotation.sluice.dev\/configmap-app-\d{8}t\d{6}z/)
    await kubectl('wait', '--for=condition=OldContentUnused', 'rotation', '--all', '--timeout=30s')
  })

  test('of the name of a Secret is another thing, and bytes of binaryData count', async () => {
    const logo = (byte: number) => ({ logo: Buffer.from([0, 255, byte]).toString('base64') })
    await cluster.apply(app({ name: 'db', binaryData: logo(1) }))
    const subPath = [{ configMap: 'db', mode: 'subPath' as const, key: 'logo' }]
    await deployed(
      { 'deployment/secret': 1, 'deployment/bytes': 1 },
      deployment({ name: 'secret', namespace: shop, uses }),
      deployment({ name: 'bytes', namespace: shop, uses: subPath }),
    )
    await cluster.apply(app({ name: 'db', binaryData: logo(2) }))
    await restarted(cluster, shop, 'bytes')
    expect(newPods('bytes')).toHaveLength(1)
    expect(newPods('secret')).toEqual([])
    await cluster.apply(dbSecret(shop, 'new'))
    await restarted(cluster, shop, 'secret')
    expect(newPods('bytes')).toHaveLength(1)
  })

  test('restarts nothing of a workload that opted in for Secrets alone, and its pods count as holders', async () => {
    const both = [...uses, { configMap: 'app', mode: 'env' as const, key: 'url' }]
    const annotations = { 'sluice.dev/restart-on-change': 'secrets' }
    await cluster.apply(app({ name: 'app', data: { url: 'old' } }))
    await deployed(
      { 'deployment/web': 1, 'deployment/api': 1 },
      deployment({ name: 'web', namespace: shop, uses: both, annotations }),
      deployment({ name: 'api', namespace: shop, uses: both }),
    )
    await cluster.apply(app({ name: 'app', data: { url: 'new' } }))
    await restarted(cluster, shop, 'api')
    expect(newPods('web')).toEqual([])
    const held = await waitUntil('the holder to be named', async () => {
      const path = '{.items[*].status.conditions[?(@.type=="OldContentUnused")].message}'
      const message = await kubectl('get', 'rotations', `--output=jsonpath=${path}`)
      return message.includes('Deployment/web') ? { value: message } : { instead: message }
    })
    expect(held).toContain('Deployment/web (1 stale)')
  })

  test('that is missing holds what requires it, by its kind', async () => {
    const both = [...uses, { configMap: 'app', mode: 'env' as const, key: 'url' }]
    await cluster.apply(app({ name: 'app', data: { url: 'old' } }))
    await deployed(
      { 'deployment/web': 1 },
      deployment({ name: 'web', namespace: shop, uses: both }),
    )
    await kubectl('delete', 'configmap/app')
    await cluster.apply(dbSecret(shop, 'new'))
    const held = await inState(cluster, shop, 'web', 'Held', 'SourceMissing')
    expect(held.status?.message).toBe('missing: ConfigMap app')
    await cluster.apply(app({ name: 'app', data: { url: 'old' } }))
    await restarted(cluster, shop, 'web')
  })
})

test('the pods of a DaemonSet stay on their nodes', async () => {
  const nodesOf = async (): Promise<string[]> => {
    const { items } = JSON.parse(await kubectl('get', 'pods', '--output=json')) as {
      items: V1Pod[]
    }
    return items.map(({ spec }) => spec?.nodeName ?? '').toSorted()
  }
  await deployed({ 'daemonset/agent': NODES }, daemonSet({ name: 'agent', namespace: shop, uses }))
  const before = await nodesOf()
  await cluster.apply(dbSecret(shop, 'new'))
  await restarted(cluster, shop, 'daemonset/agent')
  expect(await nodesOf()).toEqual(before)
})
