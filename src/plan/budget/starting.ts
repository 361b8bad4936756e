/**
 * How many pods of a workload are starting: what meets the database next. Pure.
 */
import type { WorkloadRecord } from '../../workloads/workload.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import type { Assessment } from '../judge/assessment.ts'
import type { UnmanagedWorkload } from '../snapshot.ts'
import { availability } from '../judge/availability.ts'
import { deadlineOf } from '../judge/deadline.ts'
import { isCrashLooping } from '../judge/crashes.ts'
import { isReplacement } from '../judge/replacement.ts'
import { rolloutHoldsRoom, rolloutSize } from '../judge/rollout.ts'

/**
 * Pods that are not yet Available, with a node, whoever started them: a deploy, an autoscaler, a node drain. One that
 * fails (crash loop, or past its deadline) starts no more, and blocks nobody for ever.
 */
export function startingPods({ workload, pods }: UnmanagedWorkload, now: number): number {
  return pods.filter((pod) => isStarting(pod, workload, deadlineOf(workload), now)).length
}

/** The same for a workload in Sluice's care, with what Sluice is owed or has reserved for it. */
export function startingPodsOf(assessment: Assessment, now: number): number {
  const { workload, judged, ledger, settings, stale } = assessment
  const restart = ledger?.restart
  const deadline = deadlineOf(workload, settings)
  // A stale pod that is not Ready any more is sick, not starting.
  const sick = new Set(stale.flatMap(({ pod }) => (wasReady(pod) ? [pod.ref.uid] : [])))
  const seen = judged.filter(
    ({ pod }) => !sick.has(pod.ref.uid) && isStarting(pod, workload, deadline, now),
  )
  const others = seen.filter(({ pod }) => !restart || !isReplacement(pod, restart))
  const reserved = rolloutHoldsRoom(assessment, now) ? rolloutSize(workload) : 0
  return Math.max(seen.length, reserved, owed(assessment, now) + (restart ? others.length : 0))
}

/** Pods that Sluice took away and that are not back yet. Of a failed restart those that failed do not come back. */
function owed(assessment: Assessment, now: number): number {
  const { workload, judged, ledger, missingSince, pending, settings } = assessment
  const { away, byRestart } = availability(assessment, now)
  if (ledger?.restart) return byRestart
  if (!ledger?.failure) return pending.evicted.size > 0 ? away : 0
  const deadline = deadlineOf(workload, settings)
  const failed = judged.filter(
    ({ pod }) =>
      pod.readyAt === undefined &&
      (isCrashLooping(pod) || now >= (pod.scheduledAt ?? pod.createdAt) + deadline),
  ).length
  const isLate = now >= (missingSince ?? Infinity) + deadline
  const missing = isLate ? Math.max(0, workload.replicas - judged.length) : 0
  return Math.max(0, away - failed - missing)
}

/** Not Ready since later than its containers run, both by the clock of its node: it was Ready in between. */
function wasReady({ containers, unreadyAt }: PodRecord): boolean {
  return (
    unreadyAt !== undefined &&
    containers.length > 0 &&
    containers.every(({ startedAt }) => startedAt !== undefined && startedAt < unreadyAt)
  )
}

function isStarting(
  pod: PodRecord,
  workload: WorkloadRecord,
  deadline: number,
  now: number,
): boolean {
  return now < startsUntil(pod, workload, deadline)
}

/** Until when a pod counts as starting if nothing happens (ms); -Infinity if it does not start. */
function startsUntil(pod: PodRecord, { minReady }: WorkloadRecord, deadline: number): number {
  if (pod.terminal || pod.terminating || pod.scheduledAt === undefined) return -Infinity
  if (isCrashLooping(pod)) return -Infinity
  return Math.min(pod.scheduledAt + deadline, (pod.readyAt ?? Infinity) + minReady)
}

/** When the next of these pods starts no more by time alone (ms); Infinity if none does. */
export function nextStarted(
  { workload, pods }: UnmanagedWorkload,
  now: number,
  deadline: number,
): number {
  const times = pods.map((pod) => startsUntil(pod, workload, deadline))
  return Math.min(...times.filter((time) => time > now))
}
