/**
 * The pods of a namespace as the admin sees them: who can be sent requests, and how many are starting. It knows
 * nothing of Sluice.
 */
import type { V1Pod } from '@kubernetes/client-node'
import type { TestCluster } from '../testbed/cluster.ts'
import { followPods } from '../testbed/follow-pods.ts'

/** One pod. */
interface Pod {
  readonly service: string
  readonly ip: string
  readonly ready: boolean
  /** Not Ready yet since it was created; a pod that was and is not any more is unwell, not starting. */
  readonly starting: boolean
  readonly terminating: boolean
}

export interface Pods {
  /** By UID; those that are gone are not in it. */
  readonly all: ReadonlyMap<string, Pod>
  /** Addresses of a service as its EndpointSlices would list them: Ready, and not terminating. */
  endpoints(service: string): readonly string[]
  readonly ready: number
  readonly starting: number
  /** The most that were starting at one moment since this was last asked, and the fewest that were Ready. */
  takeExtremes(): { readonly starting: number; readonly ready: number }
  stop(): void
}

/** Watches; resolves with the first picture taken. */
export async function watchPods(cluster: TestCluster, namespace: string): Promise<Pods> {
  const all = new Map<string, Pod>()
  const were = new Set<string>() // Ready once
  const count = (wanted: (pod: Pod) => boolean) => [...all.values()].filter(wanted).length
  const starting = () => count((pod) => pod.starting && !pod.terminating)
  const ready = () => count((pod) => pod.ready && !pod.terminating)
  let extremes = { starting: 0, ready: 0 }

  const see = (phase: string, { metadata, spec, status }: V1Pod) => {
    const uid = metadata?.uid ?? ''
    if (phase === 'DELETED') all.delete(uid)
    else {
      const isReady =
        status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false
      if (isReady) were.add(uid)
      all.set(uid, {
        service: metadata?.labels?.['app'] ?? '',
        ip: status?.podIP ?? '',
        ready: isReady,
        starting: spec?.nodeName !== undefined && !were.has(uid),
        terminating: metadata?.deletionTimestamp !== undefined,
      })
    }
    extremes = {
      starting: Math.max(extremes.starting, starting()),
      ready: Math.min(extremes.ready, ready()),
    }
  }

  const watch = await followPods(cluster, namespace, see)
  return {
    all,
    endpoints: (service) =>
      [...all.values()]
        .filter((pod) => pod.service === service && pod.ready && !pod.terminating)
        .map(({ ip }) => ip),
    get ready() {
      return ready()
    },
    get starting() {
      return starting()
    },
    takeExtremes() {
      const taken = extremes
      extremes = { starting: starting(), ready: ready() }
      return taken
    },
    stop: () => watch.stop(),
  }
}
