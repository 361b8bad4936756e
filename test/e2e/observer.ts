/**
 * An observer of the cluster that knows nothing of Sluice: it watches the pods of a namespace as the admin, and
 * counts what a person on call would count.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { TestCluster } from '../../testbed/cluster.ts'
import { followPods } from '../../testbed/follow-pods.ts'

/** One pod's life. */
export interface PodLife {
  readonly uid: string
  readonly name: string
  /** The Deployment, told by the `app` label. */
  readonly app: string
  readonly createdAt: number
  ready: boolean
  terminating: boolean
  gone: boolean
}

export interface Observer {
  /** All pods ever seen, in the order of their creation. */
  readonly pods: readonly PodLife[]
  /** Most pods of an app that were away at one moment since the last reset. */
  peakAway(app: string): number
  /** Most apps that had a pod away at one moment. */
  readonly peakApps: number
  /** Apps in the order in which they first had a pod away. */
  readonly order: readonly string[]
  /** Starts counting anew: pods seen so far are the old ones. */
  reset(desired: Readonly<Record<string, number>>): void
  /** Pods of an app that appeared since the reset. */
  newPods(app: string): readonly PodLife[]
  stop(): void
}

/** Starts watching; resolves with the first picture taken. */
export async function observe(cluster: TestCluster, namespace: string): Promise<Observer> {
  const pods = new Map<string, PodLife>()
  let desired: Readonly<Record<string, number>> = {}
  let old = new Set<string>()
  let peaks = new Map<string, number>()
  let order: string[] = []
  let peakApps = 0

  const count = () => {
    let apps = 0
    for (const [app, replicas] of Object.entries(desired)) {
      const up = [...pods.values()].filter(
        (pod) => pod.app === app && pod.ready && !pod.terminating && !pod.gone,
      ).length
      const away = Math.max(0, replicas - up)
      peaks.set(app, Math.max(away, peaks.get(app) ?? 0))
      if (away > 0) {
        apps++
        if (!order.includes(app)) order.push(app)
      }
    }
    peakApps = Math.max(peakApps, apps)
  }

  const see = (phase: string, pod: V1Pod) => {
    const {
      uid = '',
      name = '',
      labels = {},
      creationTimestamp,
      deletionTimestamp,
    } = pod.metadata ?? {}
    const ready = pod.status?.conditions?.some(
      (each) => each.type === 'Ready' && each.status === 'True',
    )
    const life: PodLife = pods.get(uid) ?? {
      uid,
      name,
      app: labels['app'] ?? '',
      createdAt: new Date(creationTimestamp ?? 0).getTime(),
      ready: false,
      terminating: false,
      gone: false,
    }
    life.ready = ready ?? false
    life.terminating = deletionTimestamp !== undefined
    life.gone = phase === 'DELETED'
    pods.set(uid, life)
    count()
  }

  const watch = await followPods(cluster, namespace, see)
  return {
    get pods() {
      return [...pods.values()]
    },
    get peakApps() {
      return peakApps
    },
    get order() {
      return order
    },
    peakAway: (app) => peaks.get(app) ?? 0,
    reset(replicas) {
      desired = replicas
      old = new Set(pods.keys())
      peaks = new Map()
      order = []
      peakApps = 0
      count()
    },
    newPods: (app) => [...pods.values()].filter((pod) => pod.app === app && !old.has(pod.uid)),
    stop: () => watch.stop(),
  }
}
