/**
 * How long the replacement of a pod takes, learnt from restarts that ended.
 */
import type { Restart } from '../consumers/consumer.ts'

/** Before anything was seen (ms). */
const FIRST_GUESS = 15_000
/** How much one more restart changes what is known. */
const WEIGHT = 0.3

export interface Pace {
  /** Milliseconds for one pod. */
  readonly perPod: number
  /** A restart began, or goes on, with this many pods to be replaced. */
  goesOn(restart: Restart, stalePods: number): void
  /** A restart ended (ms). */
  ended(restart: Restart, now: number): void
}

/** A pace that knows nothing yet. */
export function createPace(): Pace {
  const pods = new Map<string, number>()
  let perPod = FIRST_GUESS
  return {
    get perPod() {
      return perPod
    },
    goesOn({ id }, stalePods) {
      pods.set(id, Math.max(stalePods, pods.get(id) ?? 0))
    },
    ended({ id, startedAt }, now) {
      const replaced = pods.get(id) ?? 0
      pods.delete(id)
      if (replaced > 0) perPod += WEIGHT * ((now - startedAt) / replaced - perPod)
    },
  }
}
