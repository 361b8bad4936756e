/**
 * Every pod of a namespace from its creation to its end, seen by the admin, not through the proxy: what a person
 * would swear to afterwards. It outlives restarts of the API server.
 */
import { KubeConfig, Watch, type V1Pod } from '@kubernetes/client-node'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../../testbed/cluster.ts'

/** One pod's life. */
interface PodLife {
  readonly uid: string
  readonly name: string
  /** The Deployment, told by the `app` label. */
  readonly app: string
  /** Whole seconds of the API server (ms). */
  readonly createdAt: number
  ready: boolean
  /** When it was seen to be ending (ms, local clock, which is the API server's); undefined while it lives. */
  endedAt: number | undefined
}

export interface PodHistory {
  /** All pods ever seen, in the order in which they were. */
  readonly pods: readonly PodLife[]
  /** Most pods of an app that were away at one moment since the last reset. */
  peakAway(app: string): number
  /** Apps of which pods were away, starting, or more than asked for, most of them at one moment. */
  readonly busiest: readonly string[]
  /** The same, at this moment. */
  readonly busy: readonly string[]
  /** How often the watch could not be resumed without a gap. */
  readonly gaps: number
  /** Starts counting anew. */
  reset(): void
  stop(): void
}

/**
 * Watches; resolves with the first picture taken. `replicas` says how many pods each app should have; `onCount` is told
 * after each event.
 */
export async function recordPods(
  cluster: TestCluster,
  namespace: string,
  replicas: Readonly<Record<string, number>>,
  onCount = () => {},
): Promise<PodHistory> {
  const config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  const watch = new Watch(config)
  // A quiet namespace is no reason to stop looking; the library has no setting for it.
  Reflect.set(watch, 'requestTimeoutMs', 2 ** 31 - 1)

  const pods = new Map<string, PodLife>()
  let peaks = new Map<string, number>()
  let busiest: readonly string[] = []
  let busy: readonly string[] = []
  let gaps = 0
  let stopped = false
  let abort = () => {}
  let resourceVersion: string | undefined
  const firstPicture = Promise.withResolvers<undefined>()

  const count = () => {
    const now: string[] = []
    for (const [app, desired] of Object.entries(replicas)) {
      const live = [...pods.values()].filter((pod) => pod.app === app && pod.endedAt === undefined)
      const up = live.filter(({ ready }) => ready).length
      peaks.set(app, Math.max(desired - up, peaks.get(app) ?? 0))
      if (up !== desired || live.length !== desired) now.push(app)
    }
    busy = now
    if (busy.length > busiest.length) busiest = busy
    onCount()
  }
  const see = (phase: string, { metadata, status }: V1Pod) => {
    const {
      uid = '',
      name = '',
      labels = {},
      creationTimestamp,
      deletionTimestamp,
    } = metadata ?? {}
    const known = pods.get(uid)
    const life: PodLife = known ?? {
      uid,
      name,
      app: labels['app'] ?? '',
      createdAt: new Date(creationTimestamp ?? 0).getTime(),
      ready: false,
      endedAt: undefined,
    }
    life.ready = status?.conditions?.some(isReady) ?? false
    if (deletionTimestamp !== undefined || phase === 'DELETED') life.endedAt ??= Date.now()
    pods.set(uid, life)
  }

  /** One stream to its end; without a version to go on from, a new picture first. */
  const follow = async () => {
    const listed = resourceVersion === undefined ? new Set<string>() : undefined
    let complete = listed === undefined
    const over = Promise.withResolvers<undefined>()
    const query = listed
      ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      : { resourceVersion }
    const request = await watch.watch(
      `/api/v1/namespaces/${namespace}/pods`,
      { ...query, allowWatchBookmarks: true },
      (phase, object: V1Pod) => {
        if (phase === 'ERROR') {
          gaps++
          resourceVersion = undefined
          return
        }
        if (phase === 'BOOKMARK') {
          if (!complete) {
            complete = true
            for (const life of pods.values())
              if (!listed?.has(life.uid)) life.endedAt ??= Date.now()
            firstPicture.resolve(undefined)
          }
        } else {
          listed?.add(object.metadata?.uid ?? '')
          see(phase, object)
        }
        if (!complete) return
        resourceVersion = object.metadata?.resourceVersion
        count()
      },
      () => over.resolve(undefined),
    )
    abort = () => request.abort()
    await over.promise
  }
  const run = async () => {
    while (!stopped) {
      await follow().catch(() => {}) // the API server is away
      await sleep(20)
    }
  }
  void run()
  await firstPicture.promise
  return {
    get pods() {
      return [...pods.values()]
    },
    peakAway: (app) => peaks.get(app) ?? 0,
    get busiest() {
      return busiest
    },
    get busy() {
      return busy
    },
    get gaps() {
      return gaps
    },
    reset() {
      peaks = new Map()
      busiest = []
      count()
    },
    stop() {
      stopped = true
      abort()
    },
  }
}

function isReady({ type, status }: { type: string; status: string }): boolean {
  return type === 'Ready' && status === 'True'
}
