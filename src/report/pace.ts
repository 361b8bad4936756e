/**
 * How long the replacement of a pod takes, learnt from restarts that ended.
 */
import type { Restart } from '../records/consumer.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import type { WorkloadRef } from '../model/refs.ts'

/** Before anything was seen (ms). */
const FIRST_GUESS = 15_000
/** How much one more restart changes what is known. */
const WEIGHT = 0.3

export interface Pace {
  /** Milliseconds for one pod. */
  readonly perPod: number
  /** A plan was made, and shows what is being restarted. */
  planned(workloads: readonly PlannedWorkload[]): void
  /** A restart ended (ms). */
  ended(workload: WorkloadRef, restart: Restart, now: number): void
}

/** The last restart of a workload that was seen: when it began, and how many pods it had to replace at most. */
interface Seen {
  readonly startedAt: number
  readonly pods: number
}

/** A pace that knows nothing yet. */
export function createPace(): Pace {
  // By UID: the ids of restarts differ within one workload alone.
  let seen = new Map<string, Seen>()
  let perPod = FIRST_GUESS
  return {
    get perPod() {
      return perPod
    },
    planned(workloads) {
      const next = new Map<string, Seen>()
      for (const planned of workloads) {
        const { uid } = planned.workload
        const now = seenOf(planned, seen.get(uid))
        if (now) next.set(uid, now)
      }
      seen = next
    },
    ended({ uid }, { startedAt }, now) {
      const known = seen.get(uid)
      if (known?.startedAt !== startedAt || known.pods === 0) return
      perPod += WEIGHT * ((now - startedAt) / known.pods - perPod)
    },
  }
}

/** Without a restart, what was known stays: the answer to the record of its end may be yet to come. */
function seenOf(
  { restart, stalePods }: PlannedWorkload,
  known: Seen | undefined,
): Seen | undefined {
  const startedAt = restart?.startedAt
  if (startedAt === undefined) return known
  const before = known?.startedAt === startedAt ? known.pods : 0
  return { startedAt, pods: Math.max(stalePods, before) }
}
