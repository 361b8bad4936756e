// What the other integration tests take for granted about the test bed.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HeldContainer, startCluster, type TestCluster } from './cluster.ts'
import * as fixtures from './fixtures.ts'
import { followPods } from './follow-pods.ts'
import { type Seen, waitUntil } from './wait.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster({ nodes: 2 })
})
afterAll(async () => {
  await cluster.stop()
})

const db = { secret: 'db', key: 'password' }
const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex')

let spaces = 0
async function freshNamespace(): Promise<string> {
  const name = `space-${++spaces}`
  await cluster.apply(fixtures.namespace({ name }))
  return name
}

async function pods(namespace: string): Promise<V1Pod[]> {
  const list = JSON.parse(
    await cluster.kubectl(['get', 'pods', '-n', namespace, '-o', 'json']),
  ) as { items: V1Pod[] }
  return list.items.filter((pod) => pod.metadata?.deletionTimestamp === undefined)
}

/** Waits until the only pod of a namespace is as expected, and returns it. */
function pod(
  namespace: string,
  what: string,
  expected: (status: V1ContainerStatus, pod: V1Pod) => boolean,
): Promise<V1Pod> {
  return waitUntil(`one pod of ${namespace} ${what}`, async (): Promise<Seen<V1Pod>> => {
    const found = await pods(namespace)
    const [only] = found
    const status = only?.status?.containerStatuses?.[0]
    if (found.length === 1 && only && status && expected(status, only)) return { value: only }
    return { instead: JSON.stringify(found.map((each) => each.status)) }
  })
}

const ready = (status: V1ContainerStatus): boolean => status.ready
const nameOf = (found: V1Pod): string => found.metadata?.name ?? ''
const statusOf = (found: V1Pod): V1ContainerStatus => {
  const status = found.status?.containerStatuses?.[0]
  if (!status) throw new Error(`expected a container status, found ${JSON.stringify(found.status)}`)
  return status
}

async function held(namespace: string, name: string): Promise<HeldContainer> {
  const found = (await cluster.heldContent()).find(
    (each) => each.namespace === namespace && each.name === name,
  )
  const [app] = found?.containers ?? []
  if (!app)
    throw new Error(
      `expected a live container in ${namespace}/${name}, found ${JSON.stringify(found)}`,
    )
  return app
}

test('a Deployment of three becomes available', async () => {
  const namespace = await freshNamespace()
  await cluster.apply(fixtures.deployment({ name: 'web', namespace, replicas: 3 }))
  await cluster.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=20s'])
  expect((await pods(namespace)).map((each) => each.status?.phase)).toEqual([
    'Running',
    'Running',
    'Running',
  ])
})

test('a deleted pod is replaced and the new one holds the new Secret value', async () => {
  const namespace = await freshNamespace()
  await cluster.apply(
    fixtures.secret({ name: 'db', namespace, data: { password: 'old' } }),
    fixtures.deployment({ name: 'web', namespace, uses: [{ ...db, mode: 'env' }] }),
  )
  const before = nameOf(await pod(namespace, 'Ready', ready))
  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'new' } }))
  expect((await held(namespace, before)).env).toEqual({ DB_PASSWORD: sha256('old') })

  await cluster.kubectl(['-n', namespace, 'delete', 'pod', before])
  const after = nameOf(await pod(namespace, 'Ready', ready))
  expect(after).not.toBe(before)
  expect((await held(namespace, after)).env).toEqual({ DB_PASSWORD: sha256('new') })
})

test('a killed container reads its environment anew, but a subPath file as old as its volume', async () => {
  const namespace = await freshNamespace()
  const web = fixtures.deployment({
    name: 'web',
    namespace,
    uses: [
      { ...db, mode: 'envFrom' },
      { ...db, mode: 'subPath' },
    ],
    podAnnotations: { 'sim.sluice.dev/volume-delay': '5m', 'sim.sluice.dev/crash-backoff': '10ms' },
  })
  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'old' } }), web)
  const first = await pod(namespace, 'Ready', ready)
  const name = nameOf(first)
  const contents = async (): Promise<unknown> => {
    const { env, files } = await held(namespace, name)
    return [env['password'], files['/etc/db/password']]
  }
  expect(await contents()).toEqual([sha256('old'), sha256('old')])

  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'new' } }))
  await cluster.killContainer(namespace, name, 'app')
  const second = await pod(
    namespace,
    'restarted',
    (status) => status.restartCount === 1 && status.ready,
  )
  expect(await contents()).toEqual([sha256('new'), sha256('old')])
  expect(statusOf(second).containerID).not.toBe(statusOf(first).containerID)
  expect(statusOf(second).lastState?.terminated).toMatchObject({
    exitCode: 137,
    containerID: statusOf(first).containerID,
  })

  await cluster.kubectl([
    '-n',
    namespace,
    'annotate',
    'pod',
    name,
    '--overwrite',
    'sim.sluice.dev/volume-delay=0s',
  ])
  await waitUntil('a new container to hold the new file', async () => {
    await cluster.killContainer(namespace, name, 'app')
    const seen = JSON.stringify(await pod(namespace, 'Ready', ready).then(contents))
    return seen === JSON.stringify([sha256('new'), sha256('new')])
      ? { value: true }
      : { instead: seen }
  })
})

test('a missing required Secret shows CreateContainerConfigError until it appears, an optional one is skipped', async () => {
  const namespace = await freshNamespace()
  const uses: fixtures.Use[] = [
    { ...db, mode: 'env' },
    { secret: 'extra', mode: 'env', optional: true },
  ]
  await cluster.apply(fixtures.deployment({ name: 'web', namespace, uses }))
  const waiting = await pod(
    namespace,
    'waiting for its Secret',
    (status) => status.state?.waiting?.reason === 'CreateContainerConfigError',
  )
  expect(statusOf(waiting).state?.waiting?.message).toBe('secret "db" not found')
  expect(waiting.status?.phase).toBe('Pending')

  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { user: 'app' } }))
  await pod(
    namespace,
    'waiting for its key',
    (status) =>
      status.state?.waiting?.message === `couldn't find key password in Secret ${namespace}/db`,
  )

  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'there' } }))
  const started = await pod(namespace, 'Ready', ready)
  expect((await held(namespace, nameOf(started))).env).toEqual({ DB_PASSWORD: sha256('there') })
})

test('who follows pods misses none when the API server ends the stream', async () => {
  const space = await freshNamespace()
  const seen = new Set<string>()
  const see = (phase: string, { metadata }: V1Pod) =>
    phase === 'DELETED' ? seen.delete(metadata?.name ?? '') : seen.add(metadata?.name ?? '')
  const followed = await followPods(cluster, space, see, { timeoutSeconds: '1' })
  const endsBefore = watchesOf(space)
  await waitUntil('the stream to have ended twice', () => {
    const ends = watchesOf(space) - endsBefore
    return Promise.resolve(ends >= 2 ? { value: true } : { instead: `${ends} times` })
  })
  await cluster.apply(fixtures.deployment({ name: 'app', namespace: space, replicas: 2 }))
  await waitUntil('both pods', () =>
    Promise.resolve(seen.size === 2 ? { value: true } : { instead: [...seen].join() }),
  )
  followed.stop()
})

/** How often pods of a namespace were watched, by the audit log. */
function watchesOf(space: string): number {
  const path = `"/api/v1/namespaces/${space}/pods?`
  const lines = readFileSync(cluster.auditLog, 'utf8').split('\n')
  return lines.filter((line) => line.includes(path) && line.includes('"verb":"watch"')).length
}

describe('an annotation makes the container', () => {
  async function simulated(annotations: Record<string, string>): Promise<string> {
    const namespace = await freshNamespace()
    const prefixed = Object.entries(annotations).map(
      ([name, value]) => [`sim.sluice.dev/${name}`, value] as const,
    )
    await cluster.apply(
      fixtures.deployment({ name: 'web', namespace, podAnnotations: Object.fromEntries(prefixed) }),
    )
    return namespace
  }

  test('crash, which shows CrashLoopBackOff and counts restarts', async () => {
    const namespace = await simulated({ crash: '3 after 100ms', 'crash-backoff': '300ms' })
    const crashing = await pod(
      namespace,
      'in CrashLoopBackOff',
      (status) => status.restartCount >= 2 && status.state?.waiting?.reason === 'CrashLoopBackOff',
    )
    expect(statusOf(crashing).lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
    expect(crashing.status?.phase).toBe('Running')
  })

  test('start and get Ready late', async () => {
    const namespace = await simulated({ 'start-delay': '1s', 'ready-delay': '1s' })
    await pod(
      namespace,
      'being created',
      (status) => status.state?.waiting?.reason === 'ContainerCreating',
    )
    await pod(
      namespace,
      'running, not Ready',
      (status) => status.state?.running !== undefined && !status.ready,
    )
    await pod(namespace, 'Ready', ready)
  })

  test('never Ready, until the annotation goes away', async () => {
    const namespace = await simulated({ 'never-ready': 'true' })
    const unready = await pod(
      namespace,
      'running, not Ready',
      (status) => status.state?.running !== undefined && !status.ready,
    )
    await cluster.kubectl([
      '-n',
      namespace,
      'annotate',
      'pod',
      nameOf(unready),
      'sim.sluice.dev/never-ready-',
    ])
    await pod(namespace, 'Ready', ready)
  })

  test('unable to start, for its image or its configuration', async () => {
    const image = await simulated({ 'image-error': 'true' })
    await pod(
      image,
      'without image',
      (status) => status.state?.waiting?.reason === 'ImagePullBackOff',
    )
    const config = await simulated({ 'config-error': 'true' })
    await pod(
      config,
      'without configuration',
      (status) => status.state?.waiting?.reason === 'CreateContainerConfigError',
    )
  })

  test('live by a clock that is wrong', async () => {
    const namespace = await simulated({ 'clock-skew': '-1h' })
    const skewed = await pod(namespace, 'Ready', ready)
    const created = new Date(skewed.metadata?.creationTimestamp ?? 0).getTime()
    const startedAt = new Date(statusOf(skewed).state?.running?.startedAt ?? 0).getTime()
    expect(created - startedAt).toBeGreaterThan(3_500_000)
  })

  test('linger when it is told to stop, at most for its grace period', async () => {
    const namespace = await simulated({ 'termination-delay': '1h' })
    const name = nameOf(await pod(namespace, 'Ready', ready))
    const asked = performance.now()
    await cluster.kubectl(['-n', namespace, 'delete', 'pod', name, '--grace-period=2'])
    expect(performance.now() - asked).toBeGreaterThan(1900)
  })

  test('wait with a reason that says what is wrong with the annotation', async () => {
    const namespace = await simulated({ 'ready-delay': 'soon' })
    const waiting = await pod(
      namespace,
      'refused',
      (status) => status.state?.waiting?.reason === 'InvalidSimulation',
    )
    expect(statusOf(waiting).state?.waiting?.message).toBe(
      'sim.sluice.dev/ready-delay: expected a duration like 500ms, found "soon"',
    )
  })
})

test('a bad value crashes the containers that start with it, not those that still hold another', async () => {
  const namespace = await freshNamespace()
  const web = fixtures.deployment({
    name: 'web',
    namespace,
    replicas: 2,
    uses: [{ ...db, mode: 'env' }],
    podAnnotations: { 'sim.sluice.dev/bad-value': 'wrong' },
  })
  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'right' } }), web)
  await cluster.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=20s'])
  await cluster.apply(fixtures.secret({ name: 'db', namespace, data: { password: 'wrong' } }))
  const [restarted, untouched] = (await pods(namespace)).map(nameOf)
  await cluster.killContainer(namespace, restarted ?? '', 'app')

  await waitUntil('one pod in CrashLoopBackOff, the other Ready', async () => {
    const found = new Map((await pods(namespace)).map((each) => [nameOf(each), statusOf(each)]))
    const crashing = found.get(restarted ?? '')?.state?.waiting?.reason === 'CrashLoopBackOff'
    return crashing && found.get(untouched ?? '')?.ready === true
      ? { value: true }
      : { instead: JSON.stringify([...found]) }
  })
})

test('init containers run in order, before the sidecar and the container proper', async () => {
  const namespace = await freshNamespace()
  const web = fixtures.deployment({
    name: 'web',
    namespace,
    initContainers: [
      fixtures.container('first'),
      fixtures.sidecar('proxy'),
      fixtures.container('last'),
    ],
    podAnnotations: { 'sim.sluice.dev/init-time.last': '1s' },
  })
  await cluster.apply(web)
  const initializing = await pod(
    namespace,
    'running its last init container',
    (_, { status }) => status?.initContainerStatuses?.[2]?.state?.running !== undefined,
  )
  expect(initializing.status?.initContainerStatuses?.[0]?.state?.terminated?.reason).toBe(
    'Completed',
  )
  expect(initializing.status?.initContainerStatuses?.[1]).toMatchObject({
    started: true,
    ready: true,
  })
  expect(statusOf(initializing).state?.waiting?.reason).toBe('PodInitializing')
  expect(initializing.status?.phase).toBe('Pending')
  await pod(namespace, 'Ready', ready)
})

test('an eviction that a PodDisruptionBudget forbids answers 429', async () => {
  const namespace = await freshNamespace()
  await cluster.apply(
    fixtures.deployment({ name: 'web', namespace }),
    fixtures.podDisruptionBudget({ name: 'web', namespace, app: 'web', minAvailable: 1 }),
  )
  const name = nameOf(await pod(namespace, 'Ready', ready))
  const eviction = JSON.stringify({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
  })
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`
  await expect(
    cluster.kubectl(['create', '--raw', path, '-f', '-'], { input: eviction }),
  ).rejects.toThrow("Cannot evict pod as it would violate the pod's disruption budget")
  const audited = readFileSync(cluster.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(path))
  expect(
    audited.map(
      (line) => (JSON.parse(line) as { responseStatus: { code: number } }).responseStatus.code,
    ),
  ).toEqual([429])
})

test('a service account has the rights that RBAC gives it, and no more', async () => {
  const namespace = await freshNamespace()
  await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'reader'])
  await cluster.kubectl([
    '-n',
    namespace,
    'create',
    'role',
    'reader',
    '--verb=list',
    '--resource=pods',
  ])
  await cluster.kubectl([
    '-n',
    namespace,
    'create',
    'rolebinding',
    'reader',
    '--role=reader',
    `--serviceaccount=${namespace}:reader`,
  ])
  const kubeconfig = await cluster.kubeconfigFor(namespace, 'reader')
  await expect(cluster.kubectl(['get', 'pods'], { kubeconfig })).resolves.toBe('')
  await expect(cluster.kubectl(['get', 'secrets'], { kubeconfig })).rejects.toThrow('Forbidden')
})

test('a killed API server comes back where it was, and the pods go on', async () => {
  const namespace = await freshNamespace()
  await cluster.apply(fixtures.deployment({ name: 'web', namespace }))
  await pod(namespace, 'Ready', ready)
  await cluster.restartApiServer()
  await cluster.kubectl(['-n', namespace, 'scale', 'deployment/web', '--replicas=2'])
  await cluster.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=30s'])
})

test('stop leaves no process and no scratch folder behind', async () => {
  const other = await startCluster()
  expect(processesOf(other.dir).length).toBeGreaterThan(0)
  await other.stop()
  await other.stop()
  expect(processesOf(other.dir)).toEqual([])
  expect(existsSync(other.dir)).toBe(false)
})

test('a cluster ends with the process that started it, however that ends', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-orphan-'))
  const script = `
    const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))})
    await startCluster({ dir: ${JSON.stringify(dir)} })
    process.kill(process.pid, 'SIGKILL')
  `
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: 'ignore',
  })
  const [, signal] = (await once(parent, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  await waitUntil('the processes of the cluster to end', () => {
    const left = processesOf(dir)
    return Promise.resolve(left.length === 0 ? { value: true } : { instead: left.join('\n') })
  })
  rmSync(dir, { recursive: true })
})

/** The command lines, of all processes, that name a folder. */
function processesOf(dir: string): string[] {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
  return all.filter((line) => line.includes(dir) && !line.includes('--eval'))
}
