/**
 * One workload's part in a rotation: how far it has come, and its pods. Pure.
 */
import type { Hold } from '../../model/hold.ts'
import type { PlannedWorkload } from '../../plan/planned-workload.ts'
import { stateToShow } from '../../plan/record.ts'
import type { WorkloadRef } from '../../model/refs.ts'
import { NONE, PROGRESS, type Counts, type Progress } from '../../records/rotation.ts'

export interface Member {
  readonly workload: WorkloadRef
  readonly progress: Progress
  readonly pods: Counts
  readonly hold: Hold | undefined
  /** When the restart under way began (ms). */
  readonly restartingSince: number | undefined
}

const PROGRESS_OF = {
  Fresh: 'done',
  Unproven: 'done',
  Waiting: 'waiting',
  Restarting: 'restarting',
  Held: 'held',
  Paused: 'held',
  Failed: 'failed',
} as const

/** A workload that is stale, being restarted, or failed. */
export function memberOf(planned: PlannedWorkload): Member {
  const { workload, restart, failure, stalePods, availability, hold } = planned
  const state = failure ? 'Failed' : stateToShow(restart, hold, stalePods > 0)
  const progress = PROGRESS_OF[state]
  const { away, byRestart, awaitedStale, desired } = availability
  // Each pod once: those that are to be replaced, those that are being replaced, and the others.
  const replacing = restart ? byRestart - awaitedStale.length : failure ? away : 0
  const { doubtfulPods: unproven } = planned
  const total = Math.max(desired, stalePods + replacing + unproven)
  const left = stalePods + replacing
  const done = total - left - unproven
  const pods: Counts =
    progress === 'restarting'
      ? { ...NONE, total, done, unproven, restarting: replacing, waiting: stalePods }
      : { ...NONE, total, done, unproven, [progress]: left }
  return {
    workload,
    progress,
    pods,
    hold,
    restartingSince: restart?.startedAt,
  }
}

/** The same workload once nothing of it is stale; not all of its pods need be proven fresh. */
export function finished(
  member: Member,
  { doubtfulPods: unproven, availability }: Pick<PlannedWorkload, 'doubtfulPods' | 'availability'>,
): Member {
  const total = Math.max(availability.desired, unproven)
  const pods = { ...NONE, total, done: total - unproven, unproven }
  return { ...member, progress: 'done', pods, hold: undefined, restartingSince: undefined }
}

/** How many members have come how far. */
export function countMembers(members: readonly Member[]): Counts {
  const counts = { ...NONE, total: members.length }
  for (const { progress } of members) counts[progress]++
  return counts
}

/** How many pods of the members have come how far. */
export function countPods(members: readonly Member[]): Counts {
  const counts = { ...NONE }
  for (const { pods } of members) {
    for (const each of [...PROGRESS, 'total'] as const) counts[each] += pods[each]
  }
  return counts
}
