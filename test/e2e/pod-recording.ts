/**
 * What an observer saw of the pods, over time: how many old ones were left, and how many new ones were starting.
 */
import type { Observer, PodLife } from './observer.ts'

export interface PodRecording {
  /** Numbers of old pods of an app at any moment of a time span (ms); 0 is among them if it reaches to before `change`. */
  staleDuring(app: string, from: number, to: number, change: number): ReadonlySet<number>
  /** Most new pods of all apps that were not Ready at one moment. */
  readonly peakStarting: number
  stop(): void
}

/** How often the pods are counted (ms): much oftener than Prometheus does. */
const EVERY = 20

/** Starts recording; the pods that there are now are the old ones. */
export function recordPods(observer: Observer, apps: readonly string[]): PodRecording {
  const old = new Set(observer.pods.map(({ uid }) => uid))
  const moments: { at: number; left: ReadonlyMap<string, number> }[] = []
  let peakStarting = 0
  const isUp = ({ terminating, gone }: PodLife) => !terminating && !gone
  const look = () => {
    const pods = observer.pods.filter(({ app }) => apps.includes(app))
    const up = pods.filter(isUp)
    const starting = up.filter(({ uid, ready }) => !old.has(uid) && !ready).length
    peakStarting = Math.max(peakStarting, starting)
    const left = (app: string) => up.filter((pod) => old.has(pod.uid) && pod.app === app).length
    moments.push({ at: Date.now(), left: new Map(apps.map((app) => [app, left(app)])) })
  }
  look()
  const timer = setInterval(look, EVERY)
  return {
    staleDuring(app, from, to, change) {
      const inside = moments.filter(({ at }) => at >= Math.max(from, change) && at <= to)
      const before = moments.findLast(({ at }) => at < from && at >= change)
      const counts = [...(before ? [before] : []), ...inside].map(({ left }) => left.get(app) ?? 0)
      return new Set(from < change ? [0, ...counts] : counts)
    },
    get peakStarting() {
      return peakStarting
    },
    stop: () => clearInterval(timer),
  }
}
