/**
 * What pods that are processes do, told by what a kubelet writes: one list for our own nodes and for a real one.
 *
 * A node may have other settings than a kubelet has by default, so that nobody waits for minutes: the files of a volume
 * follow their Secret within seconds, and a container that crashed again is started within about one.
 */
import { spawnSync } from 'node:child_process'
import type { V1Container, V1Pod, V1PodSpec, V1Probe } from '@kubernetes/client-node'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TestCluster } from './cluster.ts'
import { namespace, secret } from './fixtures.ts'
import { type Seen, waitUntil } from './wait.ts'

const SPACE = 'processes'
const FOREVER = 'while true; do sleep 0.05; done'
/** A process that is the first of its PID namespace gets no SIGTERM that it has no handler for. */
const UNTIL_TERMINATED = `trap 'exit 143' TERM; ${FOREVER}`
const APP = 'registry.example/app:1'
/** One that has node as well. */
const NODE = 'registry.example/node:1'
/** A command that no other process of this machine has, by which its processes can be counted. */
const sleeping = (seconds: number) => `sleep ${seconds}.${process.pid}`
/** Where a container has its mounts: on our own nodes below a folder, on a real one at the root. */
const ROOT = '"$CONTAINER_SANDBOX_MOUNT_POINT"'

let cluster: TestCluster

/**
 * Registers the tests. The last one stops the cluster.
 *
 * @param started the cluster; undefined where there can be none, and the tests are skipped
 * @param addresses how the addresses of its pods begin
 */
export function podContract(started: () => TestCluster | undefined, addresses: string): void {
  // Before the hook of the caller that starts the cluster: its programs have it in their environment.
  process.env['SLUICE_OF_THE_MACHINE'] = 'leaked'
  beforeAll(async () => {
    const given = started()
    if (given === undefined) return
    cluster = given
    await cluster.apply(namespace({ name: SPACE }))
  })

  describe('while the node runs', () => {
    afterEach(async ({ task }) => {
      if (task.result?.state === 'skip' || started() === undefined) return
      const now = ['--grace-period=1', '--wait=false']
      await cluster.kubectl(['delete', 'pods', '--all', `--namespace=${SPACE}`, ...now])
    })
    content()
    restarts(addresses)
    ends()
  })

  test('no process outlives its node, though that is killed', async () => {
    await cluster.apply(pod('orphan', `exec ${sleeping(4322)}`))
    await until('orphan', 'running', running)
    expect(processes(sleeping(4322))).toBe(1)
    await cluster.stop()
    await waitUntil('the processes to be gone', () => {
      const left = processes(sleeping(4322))
      return Promise.resolve(left === 0 ? { value: true } : { instead: `${left} left` })
    })
  })
}

/** What a container holds of a Secret, and since when. */
function content(): void {
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
    expect(after.metadata?.uid).toBe(before.metadata?.uid)
    expect(app(after)?.restartCount).toBe(1)
    expect(app(after)?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'Error',
      containerID: app(before)?.containerID,
      startedAt: app(before)?.state?.running?.startedAt,
    })
    // What Sluice tells containers apart by, and how old it takes them for.
    for (const seen of [before, after]) {
      expect(app(seen)?.containerID).toMatch(/^[a-z]+:\/\/[0-9a-f]{64}$/)
    }
    expect(app(after)?.containerID).not.toBe(app(before)?.containerID)
    const times = [
      after.metadata?.creationTimestamp,
      after.status?.startTime,
      app(before)?.state?.running?.startedAt,
      app(after)?.lastState?.terminated?.finishedAt,
      app(after)?.state?.running?.startedAt,
    ].map((time) => Date.parse(String(time)))
    expect(times).toEqual(times.toSorted((one, other) => one - other))
  })

  test('files of a volume follow the Secret, a subPath file stays as it was when its container was made', async () => {
    await cluster.apply(db('old'))
    const volumes = [{ name: 'db', secret: { secretName: 'db' } }]
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
            `test "$(cat ${ROOT}/run/db/password)" = ${file} && test "$(cat ${ROOT}/etc/password)" = ${subPath}`,
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

  test('a container whose Secret or key is missing waits for it, and holds nothing', async () => {
    const reads = (secretName: string, key: string) => ({
      env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: secretName, key } } }],
    })
    const token = (data: Record<string, string>) =>
      secret({ name: 'token', namespace: SPACE, data })
    await cluster.apply(token({ other: 'x' }))
    await cluster.apply(
      pod('no-secret', FOREVER, reads('absent', 'token')),
      pod('no-key', FOREVER, reads('token', 'token')),
    )
    for (const name of ['no-secret', 'no-key']) {
      const seen = await until(name, 'refused', (each) => waits(each) !== undefined)
      expect(waits(seen)).toBe('CreateContainerConfigError')
      expect(app(seen)?.containerID ?? '').toBe('')
    }
    await cluster.apply(token({ token: 'x' }))
    await until('no-key', 'running', running)
  })

  test('a process has the environment of its container and nothing of the machine', async () => {
    const itsOwn = [
      'test "$HOSTNAME" = clean',
      'test "$HOME" = /',
      'test -z "$KUBECONFIG$SLUICE_OF_THE_MACHINE"',
    ]
    await cluster.apply(
      pod('clean', FOREVER, {
        env: [fromField('IP', 'status.podIP')],
        readinessProbe: probe(`${itsOwn.join(' && ')} && test -n "$IP"`),
      }),
    )
    await until('clean', 'Ready', ready)
  })
}

/** When a container is started again, and what is seen of it. */
function restarts(addresses: string): void {
  test('a process that exits is started again at once, then ever later', async () => {
    await cluster.apply(pod('crash', 'exit 3', {}, {}, { 'sim.sluice.dev/crash-backoff': '500ms' }))
    const seen = await until('crash', 'backing off', (each) => waits(each) === 'CrashLoopBackOff')
    expect(app(seen)?.restartCount).toBeGreaterThanOrEqual(1)
    expect(app(seen)?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
    await until('crash', 'started again', (each) => (app(each)?.restartCount ?? 0) >= 2)
  })

  test('a pod whose work is done stays, and tells how it went', async () => {
    const once = { restartPolicy: 'Never' }
    await cluster.apply(pod('well', 'exit 0', {}, once), pod('badly', 'exit 4', {}, once))
    for (const [name, phase, exitCode, reason] of [
      ['well', 'Succeeded', 0, 'Completed'],
      ['badly', 'Failed', 4, 'Error'],
    ] as const) {
      const seen = await until(name, phase, ({ status }) => status?.phase === phase)
      expect(app(seen)?.state?.terminated).toMatchObject({ exitCode, reason })
    }
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
    expect(app(absent)?.lastState?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
    })
    const none = await until(
      'none',
      'refused',
      (each) => app(each)?.state?.waiting?.message !== undefined,
    )
    expect(waits(none)).toBe('CreateContainerError')
  })

  test('HTTP and TCP probes ask the address of the pod, and a failed liveness probe restarts the container', async () => {
    const server = (answer: string) =>
      `exec node -e "require('http').createServer((q,r)=>{${answer};r.end()}).listen(8080,process.env.IP)"`
    const env = [fromField('IP', 'status.podIP')]
    const ports = [{ name: 'web', containerPort: 8080 }]
    const get = (path: string) => ({ httpGet: { path, port: 'web' }, periodSeconds: 1 })
    await cluster.apply(
      pod('http', server("r.statusCode=q.url==='/well'?200:503"), {
        image: NODE,
        env,
        ports,
        readinessProbe: get('/well'),
      }),
      pod('unwell', server('r.statusCode=503'), {
        image: NODE,
        env,
        ports,
        readinessProbe: get('/well'),
      }),
      pod('tcp', server(''), {
        image: NODE,
        env,
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      }),
      pod('dead', UNTIL_TERMINATED, { livenessProbe: probe('exit 1', 1) }),
      pod('slow', `sleep 1; touch ${ROOT}/up; sleep 100`, {
        startupProbe: probe(`test -e ${ROOT}/up`, 10),
        livenessProbe: probe(`test -e ${ROOT}/up`, 1),
      }),
    )
    for (const name of ['http', 'tcp', 'slow']) await until(name, 'Ready', ready)
    const dead = await until('dead', 'restarted', (each) => (app(each)?.restartCount ?? 0) > 0)
    expect(app(dead)?.lastState?.terminated?.exitCode).toBe(143)
    expect(app((await read('slow')) ?? {})?.restartCount).toBe(0)
    const unwell = await read('unwell')
    expect(ready(unwell ?? {})).toBe(false)
    const [one, other] = [unwell?.status?.podIP, (await read('http'))?.status?.podIP]
    expect(one?.startsWith(addresses) && other?.startsWith(addresses)).toBe(true)
    expect(one).not.toBe(other)
  })
}

/** How a pod that was deleted ends. */
function ends(): void {
  test('a process that heeds SIGTERM ends when it is done, one that does not at the end of its grace', async () => {
    await cluster.apply(
      pod(
        'polite',
        `trap 'sleep 0.2; exit 0' TERM; ${FOREVER}`,
        {},
        { terminationGracePeriodSeconds: 20 },
      ),
      pod('deaf', `trap '' TERM; ${FOREVER}`, {}, { terminationGracePeriodSeconds: 2 }),
      pod('parent', `${sleeping(4321)} & ${UNTIL_TERMINATED}`),
    )
    for (const name of ['polite', 'deaf', 'parent']) await until(name, 'running', running)
    const [polite, deaf] = await Promise.all([end('polite'), end('deaf'), end('parent')])
    // Beside its own 0.2 s, the node's time to clean up and the API server's to forget.
    expect(polite).toBeLessThan(10_000)
    expect(deaf).toBeGreaterThan(2_000)
    // What a process had started ends with it.
    expect(processes(sleeping(4321))).toBe(0)
  })
}

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
      containers: [{ name: 'app', image: APP, command: ['sh', '-c', script], ...container }],
      terminationGracePeriodSeconds: 5,
      ...spec,
    },
  }
}

/** A probe that runs a line of shell in the container. */
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
  const look = async (): Promise<Seen<V1Pod>> => {
    const seen = await read(name)
    return seen && expected(seen) ? { value: seen } : { instead: JSON.stringify(seen?.status) }
  }
  return waitUntil(`pod ${name} to be ${what}`, look, { deadline: 60_000 })
}

const app = (seen: V1Pod) => seen.status?.containerStatuses?.[0]
const ready = (seen: V1Pod) => app(seen)?.ready === true
const running = (seen: V1Pod) => app(seen)?.state?.running !== undefined
/** Why the container waits, if it was refused and is not merely being made. */
const waits = (seen: V1Pod) => {
  const reason = app(seen)?.state?.waiting?.reason
  return reason === 'ContainerCreating' ? undefined : reason
}

/** Deletes the pod, and tells how long it took to end (ms). */
async function end(name: string): Promise<number> {
  const from = performance.now()
  await cluster.kubectl(['delete', 'pod', name, '-n', SPACE, '--wait=true', '--timeout=30s'])
  return performance.now() - from
}

/** How many processes of this machine have this command line and no more. */
function processes(commandLine: string): number {
  const args = ['-fxc', commandLine.replaceAll('.', '[.]')]
  return Number(spawnSync('pgrep', args, { encoding: 'utf8' }).stdout)
}
