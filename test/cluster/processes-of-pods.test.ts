// What pods that are real processes do, told by what a kubelet would write: the same manifests would pass on any node
// whose image has sh and node.
import { execFileSync, spawnSync } from 'node:child_process'
import type { V1Container, V1Pod, V1PodSpec, V1Probe } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestCluster, startCluster } from './cluster.ts'
import { namespace, secret } from './fixtures.ts'
import { type Seen, waitUntil } from './wait.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.apply(namespace({ name: SPACE }))
})
afterAll(() => cluster.stop())

const SPACE = 'processes'
const FOREVER = 'while true; do sleep 0.05; done'

/** A pod of one process, which a shell runs. */
function pod(
  name: string,
  script: string,
  container: Partial<V1Container> = {},
  spec: Partial<V1PodSpec> = {},
  annotations: Record<string, string> = {},
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: SPACE,
      annotations: { 'sim.sluice.dev/runtime': 'process', ...annotations },
    },
    spec: {
      containers: [
        {
          name: 'app',
          image: 'registry.example/app:1',
          command: ['sh', '-c', script],
          ...container,
        },
      ],
      terminationGracePeriodSeconds: 5,
      ...spec,
    },
  }
}

/** A readiness probe that runs a line of shell in the container. */
function probe(script: string, failureThreshold = 3): V1Probe {
  return { exec: { command: ['sh', '-c', script] }, periodSeconds: 1, failureThreshold }
}

function db(password: string): object {
  return secret({ name: 'db', namespace: SPACE, data: { password } })
}

const fromSecret = (name: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: 'db', key: 'password' } },
})
const fromField = (name: string, fieldPath: string) => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
})

async function read(name: string): Promise<V1Pod | undefined> {
  const args = ['get', 'pod', name, '-n', SPACE, '--ignore-not-found', '-o', 'json']
  const text = await cluster.kubectl(args)
  return text === '' ? undefined : (JSON.parse(text) as V1Pod)
}

/** Waits until the pod is as expected. */
function until(name: string, what: string, expected: (seen: V1Pod) => boolean): Promise<V1Pod> {
  return waitUntil(`pod ${name} to be ${what}`, async (): Promise<Seen<V1Pod>> => {
    const seen = await read(name)
    return seen && expected(seen) ? { value: seen } : { instead: JSON.stringify(seen?.status) }
  })
}

const app = (seen: V1Pod) => seen.status?.containerStatuses?.[0]
const ready = (seen: V1Pod) => app(seen)?.ready === true
const running = (seen: V1Pod) => app(seen)?.state?.running !== undefined

/** Deletes the pod, and tells how long it took to end (ms). */
async function end(name: string): Promise<number> {
  const from = performance.now()
  await cluster.kubectl(['delete', 'pod', name, '-n', SPACE, '--wait=true', '--timeout=30s'])
  return performance.now() - from
}

test('variables are read at each start of a container, and stay until the next', async () => {
  await cluster.apply(db('old'))
  const holdsNew = probe(
    'test "$PASSWORD" = new && test "$URL" = "app:new@$NAME" && test "$1" = ""',
  )
  await cluster.apply(
    pod('env', FOREVER, {
      env: [
        fromSecret('PASSWORD'),
        fromField('NAME', 'metadata.name'),
        { name: 'URL', value: 'app:$(PASSWORD)@$(NAME)' },
      ],
      readinessProbe: holdsNew,
    }),
  )
  await until('env', 'running', running)
  await cluster.apply(db('new'))
  const before = await until('env', 'running', running)
  expect(ready(before)).toBe(false)

  await cluster.killContainer(SPACE, 'env', 'app')
  const after = await until('env', 'restarted and Ready', ready)
  expect(app(after)?.restartCount).toBe(1)
  expect(app(after)?.containerID).not.toBe(app(before)?.containerID)
  expect(app(after)?.lastState?.terminated).toMatchObject({
    exitCode: 137,
    containerID: app(before)?.containerID,
  })
})

test('a process has the environment of its container and nothing of the machine', async () => {
  process.env['SLUICE_OF_THE_MACHINE'] = 'leaked'
  await cluster.apply(
    pod('clean', FOREVER, {
      env: [fromField('IP', 'status.podIP')],
      readinessProbe: probe(
        'test "$HOSTNAME" = clean && test -z "$KUBECONFIG$HOME" && case "$IP" in 127.*) ;; *) exit 1 ;; esac',
      ),
    }),
  )
  const seen = await until('clean', 'Ready', ready)
  expect(seen.status?.podIP).toMatch(/^127\./)
})

test('files of a volume follow the Secret, a subPath file stays as it was when its container was made', async () => {
  await cluster.apply(db('old'))
  const volumes = [{ name: 'db', secret: { secretName: 'db' } }]
  const root = '"$CONTAINER_SANDBOX_MOUNT_POINT"'
  const mounts = [
    { name: 'db', mountPath: '/run/db' },
    { name: 'db', mountPath: '/etc/password', subPath: 'password' },
  ]
  const delay = { 'sim.sluice.dev/volume-delay': '200ms' }
  const of = (name: string, file: string, subPath: string) =>
    pod(
      name,
      FOREVER,
      {
        volumeMounts: mounts,
        readinessProbe: probe(
          `test "$(cat ${root}/run/db/password)" = ${file} && test "$(cat ${root}/etc/password)" = ${subPath}`,
        ),
      },
      { volumes },
      delay,
    )
  await cluster.apply(of('lag', 'new', 'old'), of('both', 'new', 'new'))
  for (const name of ['lag', 'both']) await until(name, 'running', running)
  await cluster.apply(db('new'))
  await until('lag', 'Ready', ready)
  expect(ready((await read('both')) ?? {})).toBe(false)
  // A new container binds what the volume holds by now.
  await cluster.killContainer(SPACE, 'both', 'app')
  await until('both', 'Ready', ready)
})

test('a process that exits is started again at once, then ever later', async () => {
  await cluster.apply(pod('crash', 'exit 3', {}, {}, { 'sim.sluice.dev/crash-backoff': '500ms' }))
  const seen = await until(
    'crash',
    'backing off',
    (each) => app(each)?.state?.waiting?.reason === 'CrashLoopBackOff',
  )
  expect(app(seen)?.restartCount).toBeGreaterThanOrEqual(1)
  expect(app(seen)?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
  await until('crash', 'started again', (each) => (app(each)?.restartCount ?? 0) >= 2)
})

test('a command that does not exist, and one that is not given, are told apart', async () => {
  await cluster.apply(
    pod('absent', '', { command: ['/no/such/program'] }),
    pod('none', '', { command: [] }),
  )
  const absent = await until(
    'absent',
    'failed',
    (each) => app(each)?.lastState?.terminated !== undefined,
  )
  expect(app(absent)?.lastState?.terminated?.exitCode).toBe(128)
  const none = await until(
    'none',
    'refused',
    (each) => app(each)?.state?.waiting?.message !== undefined,
  )
  expect(app(none)?.state?.waiting?.reason).toBe('CreateContainerConfigError')
})

test('a process that heeds SIGTERM ends when it is done, one that does not at the end of its grace', async () => {
  await cluster.apply(
    pod('polite', `trap 'sleep 0.2; exit 0' TERM; ${FOREVER}`),
    pod('deaf', `trap '' TERM; ${FOREVER}`, {}, { terminationGracePeriodSeconds: 2 }),
    pod('parent', `sleep 4321.5 & ${FOREVER}`),
  )
  for (const name of ['polite', 'deaf', 'parent']) await until(name, 'running', running)
  const [polite, deaf] = await Promise.all([end('polite'), end('deaf'), end('parent')])
  expect(polite).toBeLessThan(2_000)
  expect(deaf).toBeGreaterThan(2_000)
  // What a process had started ends with it.
  expect(() => execFileSync('pgrep', ['-f', 'sleep 4321[.]5'])).toThrow()
})

test('HTTP and TCP probes ask the address of the pod, and a failed liveness probe restarts the container', async () => {
  const server = (answer: string) =>
    `exec node -e "require('http').createServer((q,r)=>{${answer};r.end()}).listen(8080,process.env.IP)"`
  const env = [fromField('IP', 'status.podIP')]
  const ports = [{ name: 'web', containerPort: 8080 }]
  const get = (path: string) => ({ httpGet: { path, port: 'web' }, periodSeconds: 1 })
  await cluster.apply(
    pod('http', server("r.statusCode=q.url==='/well'?200:503"), {
      env,
      ports,
      readinessProbe: get('/well'),
    }),
    pod('unwell', server('r.statusCode=503'), { env, ports, readinessProbe: get('/well') }),
    pod('tcp', server(''), {
      env,
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    }),
    pod('dead', FOREVER, { livenessProbe: probe('exit 1', 1) }),
    pod('slow', 'sleep 1; touch "$CONTAINER_SANDBOX_MOUNT_POINT/up"; sleep 100', {
      startupProbe: probe('test -e "$CONTAINER_SANDBOX_MOUNT_POINT/up"'),
      livenessProbe: probe('test -e "$CONTAINER_SANDBOX_MOUNT_POINT/up"', 1),
    }),
  )
  for (const name of ['http', 'tcp', 'slow']) await until(name, 'Ready', ready)
  const dead = await until('dead', 'restarted', (each) => (app(each)?.restartCount ?? 0) > 0)
  expect(app(dead)?.lastState?.terminated?.exitCode).toBe(143)
  expect(app((await read('slow')) ?? {})?.restartCount).toBe(0)
  expect(ready((await read('unwell')) ?? {})).toBe(false)
})

test('no process outlives its node, though that is killed', async () => {
  await cluster.apply(pod('orphan', 'exec sleep 4322.5'))
  await until('orphan', 'running', running)
  expect(orphans()).toBe(1)
  await cluster.stop()
  await waitUntil('the processes to be gone', () =>
    Promise.resolve(orphans() === 0 ? { value: true } : { instead: `${orphans()} left` }),
  )
})

function orphans(): number {
  const { stdout } = spawnSync('pgrep', ['-fc', 'sleep 4322[.]5'], { encoding: 'utf8' })
  return Number(stdout)
}
