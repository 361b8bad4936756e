/**
 * The pods of a namespace as an admin sees them, event by event and without a gap.
 */
import { KubeConfig, Watch, type V1Pod } from '@kubernetes/client-node'
import type { TestCluster } from './cluster.ts'

export interface FollowedPods {
  /** Nothing is told any more. */
  stop(): void
}

/**
 * Tells of every pod, and then of every change; resolves when the first picture is complete. An API server that is busy
 * ends the streams of whoever does not keep up ("Forcing pods watcher close"): the next one goes on where it ended.
 *
 * Throws, uncaught, where it cannot go on: what an observer did not see, it cannot vouch for.
 */
export async function followPods(
  { kubeconfig }: Pick<TestCluster, 'kubeconfig'>,
  namespace: string,
  see: (phase: 'ADDED' | 'MODIFIED' | 'DELETED', pod: V1Pod) => void,
  /** Further parameters of the request, such as `timeoutSeconds`. */
  parameters: Readonly<Record<string, string>> = {},
): Promise<FollowedPods> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const watch = new Watch(config)
  // A quiet namespace is no reason to stop looking; the library has no setting for it.
  Reflect.set(watch, 'requestTimeoutMs', 2 ** 31 - 1)

  let stopped = false
  let abort = () => {}
  let resourceVersion: string | undefined
  let gap: unknown
  const firstPicture = Promise.withResolvers<undefined>()

  const follow = async (): Promise<void> => {
    const query = resourceVersion
      ? { resourceVersion }
      : { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
    const path = `/api/v1/namespaces/${namespace}/pods`
    const request = await watch.watch(
      path,
      { ...parameters, ...query, allowWatchBookmarks: true },
      (phase, pod: V1Pod) => {
        if (stopped) return
        // Thrown when the stream has ended: the library swallows what is thrown here.
        if (phase === 'ERROR') gap = pod
        else if (phase === 'BOOKMARK') firstPicture.resolve(undefined)
        else see(phase as 'ADDED' | 'MODIFIED' | 'DELETED', pod)
        // Those of the first picture come in any order; it is complete with the bookmark.
        if (resourceVersion !== undefined || phase === 'BOOKMARK') {
          resourceVersion = pod.metadata?.resourceVersion
        }
      },
      (error) => {
        if (stopped) return
        if (error !== null || gap !== undefined) {
          throw new Error(`the watch of the pods was lost: ${JSON.stringify(gap)}`, {
            cause: error,
          })
        }
        void follow()
      },
    )
    if (stopped) request.abort()
    else abort = () => request.abort()
  }
  await follow()
  await firstPicture.promise
  return {
    stop() {
      stopped = true
      abort()
    },
  }
}
