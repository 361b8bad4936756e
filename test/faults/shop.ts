/**
 * Four apps that share one Secret, and what a rotation of it must come to, whatever went wrong on the way.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { V1Deployment } from '@kubernetes/client-node'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  removeNamespace,
  type ConsumerView,
} from '../e2e/installed-cluster.ts'
import { recordContent } from './held-content.ts'
import { recordPods, type PodHistory } from './pod-history.ts'

interface App {
  readonly mode: 'env' | 'envFrom' | 'subPath'
  readonly replicas: number
  readonly maxUnavailable: number
}

const APPS: Readonly<Record<string, App>> = {
  mail: { mode: 'env', replicas: 2, maxUnavailable: 1 },
  orders: { mode: 'env', replicas: 3, maxUnavailable: 2 },
  payments: { mode: 'envFrom', replicas: 2, maxUnavailable: 1 },
  search: { mode: 'subPath', replicas: 1, maxUnavailable: 1 },
}
/** The margin of the quick settings (ms), and the second that times of the API server are cut to. */
const DOUBT = 2_000

/** What became of the pods in one rotation. The last three are empty if all is well. */
interface Health {
  readonly replaced: number
  /** Pods that still hold old content, or no known one, at the end. */
  readonly lost: readonly string[]
  /** Pods that were replaced though they held the new content, or once too often. */
  readonly repeated: readonly string[]
  /** Budgets that were exceeded. */
  readonly overBudget: readonly string[]
}

/** The verdict of a run in which nothing went wrong for anybody. */
export const CLEAN = { lost: [], repeated: [], overBudget: [] } as const

export interface Shop {
  readonly namespace: string
  readonly history: PodHistory
  /** Changes the password; resolves with the moment from which on it was surely current (ms). */
  change(): Promise<void>
  /** Waits for the end of what {@link Shop.change} began, and judges it. Everything since the verdict before counts. */
  verdict(): Promise<Health>
  /** Looks no longer. */
  stop(): Promise<void>
  /** And is gone. */
  close(): Promise<void>
}

/**
 * Deploys, and waits until Sluice has taken the baseline.
 * @param options the apps, all of them if not given; how long a rotation may take (ms); what is told after each event
 * of a pod
 */
export async function openShop(
  cluster: TestCluster,
  {
    names = Object.keys(APPS),
    deadline,
    onCount,
  }: { names?: readonly string[]; deadline: number; onCount?: () => void },
): Promise<Shop> {
  const apps = new Map(Object.entries(APPS).filter(([name]) => names.includes(name)))
  const namespace = await freshNamespace(cluster)
  let password = 0
  await cluster.apply(dbSecret(namespace, `password-${password}`))
  // Pods created with their Secret would be unproven, and so restarted at once.
  await sleep(DOUBT)
  await cluster.apply(...[...apps].map(([name, app]) => deploymentOf(namespace, name, app)))
  await available(cluster, namespace, ...apps.keys())
  for (const name of apps.keys()) await inState(cluster, namespace, name, 'Fresh')
  const replicas = Object.fromEntries([...apps].map(([name, app]) => [name, app.replicas]))
  const history = await recordPods(cluster, namespace, replicas, onCount)
  const content = recordContent(cluster, namespace)
  await sleep(DOUBT)

  const startOver = () => {
    changes = []
    before = new Set(history.pods.map(({ uid }) => uid))
    history.reset()
  }
  let changes: number[] = []
  let before = new Set<string>()
  startOver()

  const current = () => createHash('sha256').update(`password-${password}`).digest('hex')
  const lastFinish = new Map<string, number>()

  const statuses = async (): Promise<Map<string, ConsumerView['status']>> => {
    const path = `/apis/sluice.dev/v1alpha1/namespaces/${namespace}/consumers`
    const list = await cluster.read<{ items: ConsumerView[] }>(path)
    return new Map(
      list?.items.map(({ metadata, status }) => [metadata.name.replace('deployment-', ''), status]),
    )
  }
  const finishedAt = (status: ConsumerView['status']) =>
    Date.parse(status?.lastRestart?.finishedAt ?? '') || 0
  const isDone = (name: string, status: ConsumerView['status']) => {
    const applied = status?.sources?.every(({ contents }) =>
      contents.every(({ timeline }) => timeline.length === 1),
    )
    const finished = finishedAt(status) > (lastFinish.get(name) ?? 0)
    return status?.state === 'Fresh' && applied === true && finished
  }
  const stop = async () => {
    history.stop()
    await content.stop()
  }
  const live = () => history.pods.filter(({ endedAt }) => endedAt === undefined)

  return {
    namespace,
    history,
    async change() {
      password++
      await cluster.apply(dbSecret(namespace, `password-${password}`))
      changes.push(Date.now())
    },
    async verdict() {
      const ended = await waitUntil(
        'every workload to be fresh',
        async () => {
          const seen = await statuses()
          const open = [...apps.keys()].filter((name) => !isDone(name, seen.get(name)))
          if (open.length === 0) return { value: seen }
          return { instead: open.map((name) => JSON.stringify(seen.get(name) ?? name)).join('\n') }
        },
        { deadline, every: 300 },
      )
      for (const [name, status] of ended) lastFinish.set(name, finishedAt(status))
      // Anything that were done too much would be done about now.
      await sleep(DOUBT)

      const created = history.pods.filter(({ uid }) => !before.has(uid))
      const lost = live()
        .filter(({ uid }) => content.passwords.get(uid) !== current())
        .map(({ name }) => name)
      const repeated: string[] = []
      const overBudget: string[] = []
      for (const [name, { replicas, maxUnavailable }] of apps) {
        const ofApp = created.filter(({ app }) => app === name)
        if (changes.length === 1) {
          repeated.push(...ofApp.slice(replicas).map((pod) => pod.name))
          if (ofApp.length < replicas) lost.push(`${replicas - ofApp.length} of ${name}`)
        }
        const away = history.peakAway(name)
        if (away > maxUnavailable) overBudget.push(`${away} pods of ${name} away`)
      }
      const last = changes.at(-1) ?? 0
      const inVain = created.filter(
        ({ uid, createdAt, endedAt }) =>
          endedAt !== undefined &&
          content.passwords.get(uid) === current() &&
          createdAt > last + DOUBT,
      )
      repeated.push(...inVain.map(({ name }) => name))
      if (history.busiest.length > 1) overBudget.push(`${history.busiest.join(' and ')} at once`)
      startOver()
      return { replaced: created.length, lost, repeated, overBudget }
    },
    stop,
    async close() {
      await stop()
      await removeNamespace(cluster, namespace)
    },
  }
}

function deploymentOf(namespace: string, name: string, app: App): V1Deployment {
  return consumerOf(app.mode, {
    name,
    namespace,
    replicas: app.replicas,
    annotations: {
      'sluice.dev/max-unavailable': String(app.maxUnavailable),
    },
    podAnnotations: { 'sim.sluice.dev/ready-delay': '200ms' },
  })
}
