/**
 * The demonstration: a real control plane, the shipped manifests, the bundle of the operator, and one rotation. With
 * `--metrics`, a Prometheus watches it, and a picture is drawn from what that has.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { KubernetesObject } from '@kubernetes/client-node'
import { startCluster, type TestCluster } from '../testbed/cluster.ts'
import { daemonSet, deployment, secret, statefulSet } from '../testbed/fixtures.ts'
import { beyondDoubt, freshNamespace, install } from '../test/e2e/installed-cluster.ts'
import { observe } from '../test/e2e/observer.ts'
import { startOperator, type StatusRow } from '../test/e2e/operator-process.ts'
import { waitUntil } from '../testbed/wait.ts'
import { startPrometheus, type Prometheus } from '../testbed/prometheus.ts'
import { drawRotation } from './picture.ts'
import { createScreen, type Row } from './screen.ts'

const screen = createScreen(process.stdout)
const { values: asked } = parseArgs({ options: { metrics: { type: 'boolean', default: false } } })
const PICTURE = 'dist/rotation.svg'

/** What is deployed: each pod takes a second to be Ready. */
const NODES = 2
const WORKLOADS = [
  { name: 'orders', kind: 'Deployment', mode: 'env', how: 'Deployment, env variable', replicas: 3 },
  {
    name: 'queue',
    kind: 'StatefulSet',
    mode: 'envFrom',
    how: 'StatefulSet, all keys',
    replicas: 3,
  },
  { name: 'agent', kind: 'DaemonSet', mode: 'subPath', how: 'DaemonSet, subPath', replicas: NODES },
] as const
const BYSTANDER = { name: 'bystander', how: 'Deployment, not opted in', replicas: 2 } as const
const podAnnotations = { 'sim.sluice.dev/ready-delay': '1s' }

async function main(): Promise<void> {
  screen.say(
    'Starting a Kubernetes control plane on this machine (the first time it is built: about 5 minutes) …',
  )
  const cluster = await startCluster({ nodes: NODES })
  await install(cluster)
  process.once('SIGINT', () => {
    screen.say('\nInterrupted: ending everything that was started.')
    // The operator ends with this process.
    void cluster.stop().finally(() => process.exit(130))
  })
  try {
    await show(cluster)
  } finally {
    await cluster.stop()
  }
}

async function show(cluster: TestCluster): Promise<void> {
  screen.say(`The API server answers at ${cluster.server}; manifests/install.yaml is installed.`)
  screen.say('Starting Sluice with the token of its service account …')
  const flags = ['--settle=1s', '--max-starting-pods=2']
  const operator = await startOperator(cluster, flags, { program: 'dist/sluice.mjs' })
  const prometheus = asked.metrics
    ? await startPrometheus({
        dir: cluster.dir,
        targets: [{ pod: 'sluice-1', url: operator.url }],
        log: (line) => screen.say(line),
      })
    : undefined
  const namespace = await freshNamespace(cluster)
  const observer = await observe(cluster, namespace)
  try {
    await cluster.apply(password(namespace, 'correct horse'))
    await beyondDoubt(3_000)
    await cluster.apply(
      ...WORKLOADS.map((each) => workload(each, namespace)),
      deployment({
        ...BYSTANDER,
        namespace,
        podAnnotations,
        uses: [{ secret: 'db', mode: 'env' }],
      }),
    )
    screen.say(
      '\nThree workloads of three kinds share the Secret "db"; a fourth one did not opt in.\n',
    )
    await watchUntil(
      () => operator.status(),
      namespace,
      (rows) => rows.every(({ fresh, replicas }) => fresh === replicas),
    )
    await beyondDoubt(3_000)

    observer.reset(
      Object.fromEntries([...WORKLOADS, BYSTANDER].map(({ name, replicas }) => [name, replicas])),
    )
    screen.say('\nRotating the password in the Secret "db".\n')
    const changedAt = Date.now()
    await cluster.apply(password(namespace, 'battery staple'))
    let seenStale = false
    await watchUntil(
      () => operator.status(),
      namespace,
      (rows) => {
        seenStale ||= rows.some(({ stale }) => stale > 0)
        return (
          seenStale && rows.every(({ fresh, replicas, running }) => fresh === replicas && !running)
        )
      },
    )
    const endedAt = Date.now()
    const seconds = (endedAt - changedAt) / 1000

    screen.say(`\nkubectl get consumers --namespace ${namespace}`)
    screen.say(await cluster.kubectl(['get', 'consumers', `--namespace=${namespace}`]))
    const restarted = WORKLOADS.map(({ name }) => `${name} ${observer.newPods(name).length}`).join(
      ', ',
    )
    const peak = Math.max(...WORKLOADS.map(({ name }) => observer.peakAway(name)))
    screen.say(`Restarted, in this order:   ${observer.order.join(', ')}`)
    screen.say(
      `New pods:                   ${restarted}, bystander ${observer.newPods('bystander').length}`,
    )
    screen.say(`Most workloads at once:     ${observer.peakApps}`)
    screen.say(`Most pods away at once:     ${peak}`)
    screen.say(`From the change to the end: ${seconds.toFixed(1)} s (5 s of them the quiet period)`)
    if (prometheus) await showMetrics(prometheus, changedAt, endedAt)
  } finally {
    observer.stop()
    await prometheus?.stop()
    await operator.end('SIGTERM')
  }
}

/** How much of the picture is before the change and after the end (ms). */
const AROUND = 3_000

async function showMetrics(
  prometheus: Prometheus,
  changedAt: number,
  endedAt: number,
): Promise<void> {
  const to = endedAt + AROUND
  await waitUntil('the last scrape', async () => {
    const [last] = await prometheus.query('timestamp(up{job="sluice"})')
    const at = Number(last?.values[0]?.[1]) * 1000
    return at > to ? { value: true } : { instead: `${at} of ${to}` }
  })
  const picture = await drawRotation(prometheus, { changedAt, from: changedAt - AROUND, to })
  mkdirSync('dist', { recursive: true })
  writeFileSync(PICTURE, picture)
  screen.say(`The rotation as Prometheus saw it: ${PICTURE}`)
  screen.say(`\nPrometheus answers at ${prometheus.url}, as a data source of a Grafana or by hand:`)
  screen.say(`  curl '${prometheus.url}/api/v1/query?query=sluice_stale_pods'`)
  if (!process.stdout.isTTY) return
  screen.say('Ctrl-C ends everything.')
  await new Promise(() => {})
}

interface LiveRow extends Row {
  readonly replicas: number
  readonly running: boolean
}

/** Draws what `/status` says until `done`. */
async function watchUntil(
  status: () => Promise<readonly StatusRow[]>,
  namespace: string,
  done: (rows: readonly LiveRow[]) => boolean,
): Promise<void> {
  await waitUntil(
    'all pods to be fresh',
    async () => {
      const seen = (await status()).filter((row) => row.namespace === namespace)
      const rows = WORKLOADS.map(({ name, how, replicas }) =>
        rowOf(
          name,
          how,
          replicas,
          seen.find((row) => row.name === name),
        ),
      )
      const { name, how } = BYSTANDER
      screen.show([...rows, { name, how, fresh: 0, stale: 0, away: 0, note: 'keeps what it has' }])
      return done(rows) ? { value: true } : { instead: JSON.stringify(seen) }
    },
    { deadline: 120_000, every: 100 },
  )
  screen.finish()
}

function rowOf(name: string, how: string, replicas: number, seen: StatusRow | undefined): LiveRow {
  const stale = seen?.stalePods ?? 0
  const fresh = Math.max(0, Math.min(seen?.freshPods ?? 0, replicas - (seen?.unavailablePods ?? 0)))
  const running = seen?.restart !== undefined
  const note = running
    ? `restarting by ${seen.restart.strategy}`
    : stale > 0 && seen?.hold
      ? seen.hold.reason
      : ''
  return { name, how, replicas, running, stale, fresh, away: replicas - stale - fresh, note }
}

function workload(
  { name, kind, mode, replicas }: (typeof WORKLOADS)[number],
  namespace: string,
): KubernetesObject {
  const annotations = { 'sluice.dev/restart-on-change': 'true' }
  const options = { name, namespace, annotations, podAnnotations, uses: [{ secret: 'db', mode }] }
  switch (kind) {
    case 'Deployment':
      return deployment({ ...options, replicas })
    case 'StatefulSet':
      return statefulSet({ ...options, replicas })
    case 'DaemonSet':
      return daemonSet(options)
  }
}

function password(namespace: string, value: string): object {
  return secret({ name: 'db', namespace, data: { password: value } })
}

await main()
