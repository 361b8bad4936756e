/**
 * How long a rotation takes that nothing but the starting pods bind, on the real control plane: beside as many
 * rounds of evictions by hand.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { RESTART_ON_CHANGE } from '../src/model/annotations.ts'
import type { TestCluster } from '../testbed/cluster.ts'
import { followPods } from '../testbed/follow-pods.ts'
import { deployment, secret } from '../testbed/fixtures.ts'
import { waitUntil } from '../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  freshNamespace,
  removeNamespace,
} from '../test/e2e/installed-cluster.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { median, timed } from './samples.ts'

const WORKLOADS = 20
const PODS_EACH = 5
const PODS = WORKLOADS * PODS_EACH
/** From running until Ready (ms). */
const TO_START = 2_000
const BUDGETS = [25, 5, 1]
/** At most so much longer than rounds of the start and one round trip. */
const TARGET = 1.05
/** Rounds by hand. */
const SAMPLES = 3
const MARGIN = 1_000

export async function measureRotationTime(cluster: TestCluster, program: string): Promise<Chapter> {
  const figures: Figure[] = []
  for (const budget of BUDGETS) figures.push(await measure(cluster, program, budget))
  return {
    title: `rotation-time: ${WORKLOADS} Deployments of ${PODS_EACH} pods that take ${TO_START / 1000} s to start`,
    figures,
    remarks: [
      `From the first pod that goes to the last replacement that is Ready, as a watch of the pods sees it; \`settle\` is 0. The baseline is what a round by hand takes (the median of ${SAMPLES}), as many evictions at once as the budget has until all the replacements are Ready, in as many rounds as are necessary: the controllers, the scheduler and the nodes are in it. The target is ${TARGET} times these rounds of ${TO_START / 1000} s and a GET.`,
    ],
  }
}

async function measure(cluster: TestCluster, program: string, budget: number): Promise<Figure> {
  const namespace = await freshNamespace(cluster)
  const names = Array.from({ length: WORKLOADS }, (_, i) => `app-${i}`)
  const db = (password: string) => secret({ name: 'db', namespace, data: { password } })
  await cluster.apply(db('old'))
  await beyondDoubt(MARGIN)
  await cluster.apply(
    ...names.map((name) =>
      deployment({
        name,
        namespace,
        replicas: PODS_EACH,
        uses: [{ secret: 'db', mode: 'env' }],
        annotations: { [RESTART_ON_CHANGE]: 'true', 'sluice.dev/max-unavailable': '100%' },
        podAnnotations: { 'sim.sluice.dev/ready-delay': `${TO_START}ms` },
      }),
    ),
  )
  await available(cluster, namespace, ...names)
  const pods = await watchPods(cluster, namespace)
  const admin = new Admin(cluster, budget)
  const gets = await timed(50, () => admin.get(`/api/v1/namespaces/${namespace}/secrets/db`))
  const round = median(await timed(SAMPLES, () => replaceByHand(admin, namespace, pods, budget)))

  const operator = await startOperator(
    cluster,
    [
      '--quiet-period=0s',
      '--settle=0s',
      `--margin=${MARGIN}ms`,
      '--min-restart-interval=0s',
      `--max-concurrent-restarts=${WORKLOADS}`,
      `--max-concurrent-per-group=${WORKLOADS}`,
      `--max-starting-pods=${budget}`,
    ],
    { program },
  )
  const isFresh = async (fresh: number) => {
    const rows = (await operator.status()).filter((row) => row.namespace === namespace)
    const done = rows.filter((row) => row.restart === undefined && row.freshPods === fresh)
    return done.length === WORKLOADS ? { value: true } : { instead: `${done.length} of them` }
  }
  await waitUntil('the baseline', () => isFresh(PODS_EACH), { deadline: 60_000, every: 100 })
  await beyondDoubt(MARGIN)
  pods.reset()
  await cluster.apply(db('new'))
  await waitUntil('all pods to be replaced', () => replaced(pods), {
    deadline: 600_000,
    every: 100,
  })
  const { firstGone, lastReady, peakStarting } = pods
  pods.stop()
  await Promise.all([admin.close(), operator.end('SIGTERM')])
  await removeNamespace(cluster, namespace)

  const rounds = Math.ceil(PODS / budget)
  return {
    what: `${budget} starting ${budget === 1 ? 'pod' : 'pods'} at once`,
    value: lastReady - firstGone,
    unit: 'ms',
    baseline: { what: `${rounds} × ${Math.round(round)} ms by hand`, value: rounds * round },
    target: TARGET * rounds * (TO_START + median(gets)),
    note: `${peakStarting} at once at most`,
  }
}

/** Evicts so many pods at once as a script would; resolves when their replacements are Ready. */
async function replaceByHand(
  admin: Admin,
  namespace: string,
  pods: Pods,
  count: number,
): Promise<void> {
  pods.reset()
  const evict = (name: string) => {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }
    return admin.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction)
  }
  const allReady = pods.until(() => pods.newReady === count)
  await Promise.all(pods.ready().slice(0, count).map(evict))
  await allReady
}

function replaced({ newReady }: Pods) {
  return Promise.resolve(newReady === PODS ? { value: true } : { instead: `${newReady} pods` })
}

type Pods = Awaited<ReturnType<typeof watchPods>>

/** When pods went and came, by the clock of this process (ms). */
async function watchPods(cluster: TestCluster, namespace: string) {
  const live = new Map<string, boolean>()
  let old = new Set<string>()
  let waiting: { condition: () => boolean; resolve: () => void } | undefined
  const seen = { firstGone: Infinity, lastReady: 0, newReady: 0, peakStarting: 0 }
  const see = (phase: string, { metadata, status }: V1Pod) => {
    const name = metadata?.name ?? ''
    if (phase === 'DELETED' || metadata?.deletionTimestamp) {
      live.delete(name)
      seen.firstGone = Math.min(seen.firstGone, performance.now())
    } else {
      const ready =
        status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false
      if (ready && live.get(name) !== true && !old.has(name)) {
        seen.newReady++
        seen.lastReady = performance.now()
      }
      live.set(name, ready)
    }
    const starting = [...live.values()].filter((ready) => !ready).length
    seen.peakStarting = Math.max(seen.peakStarting, starting)
    if (waiting?.condition()) waiting.resolve()
  }
  const watch = await followPods(cluster, namespace, see)
  return {
    get firstGone() {
      return seen.firstGone
    },
    get lastReady() {
      return seen.lastReady
    },
    /** Pods that came and were Ready since the reset. */
    get newReady() {
      return seen.newReady
    },
    get peakStarting() {
      return seen.peakStarting
    },
    ready: () => [...live].flatMap(([name, ready]) => (ready ? [name] : [])),
    until: (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        waiting = { condition, resolve }
      }),
    /** Counts anew: the pods that are there now are the old ones. */
    reset() {
      old = new Set(live.keys())
      Object.assign(seen, { firstGone: Infinity, lastReady: 0, newReady: 0, peakStarting: 0 })
    },
    stop: () => watch.stop(),
  }
}
