/**
 * The rollout that Sluice began: it cannot be stopped half-way. Pure.
 */
import type { Restart } from '../../records/consumer.ts'
import type { WorkloadRecord } from '../../workloads/workload.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import type { Assessment } from './assessment.ts'
import { deadlineOf, isLate, patienceFor } from './deadline.ts'
import { withTemplate } from './replacement.ts'

/** How many pods a rollout may start at once: all of it is reserved. */
export function rolloutSize({ rollout, replicas }: WorkloadRecord): number {
  if (!rollout) return 1
  const { recreates, maxSurge, maxUnavailable } = rollout
  return recreates ? replicas : Math.min(replicas, Math.max(1, maxSurge + maxUnavailable))
}

/** Pods of an older template exist, or the controller has not seen the newest one. */
export function rollingOut({ observed, status }: WorkloadRecord): boolean {
  return !observed || status.replicas > status.updated
}

/**
 * The newest pods are of a rollout of Sluice's, and those that are not Ready all hold older content past their deadline:
 * the rollout may never end, so it is given up, and the next one takes its place. A container that crashes reads today's
 * content at its next start.
 */
export function failedWithOldContent(
  { workload, judged, settings, stale }: Assessment,
  now: number,
): boolean {
  const { observed, restartId } = workload
  if (!observed || restartId === undefined) return false
  const own = judged.filter(({ pod }) => pod.restartId === restartId)
  const awaited = own.filter(({ pod }) => !pod.ready)
  // Somebody who deployed since kept the id: what is in progress is theirs.
  const isOurs = new Set(own.map(({ pod }) => pod.templateHash)).size === 1
  const deadline = deadlineOf(workload, settings)
  return (
    isOurs &&
    awaited.length > 0 &&
    awaited.every((each) => stale.includes(each) && isLate(each.pod, deadline, now))
  )
}

/** Sluice's own rollout is under way, and others leave it its room. */
export function rolloutHoldsRoom(assessment: Assessment, now: number): boolean {
  return ownRolloutRuns(assessment) && now < rolloutEndsAt(assessment, now)
}

/**
 * Until when a rollout keeps its room (ms): for as long as its newest pod may take, and never longer than all that are
 * Available and the next ones may take together. So neither one that comes and goes nor a long `minReadySeconds` keeps
 * others from their turn without end.
 */
export function rolloutEndsAt(assessment: Assessment, now: number): number {
  const { workload, pending, settings } = assessment
  const own = ownPods(assessment)
  const ready = own.filter(({ readyAt }) => (readyAt ?? Infinity) + workload.minReady <= now)
  const time = deadlineOf(workload, settings) + patienceFor(workload, settings)
  const rounds = Math.floor(ready.length / rolloutSize(workload)) + 1
  const newest = Math.max(
    pending.owedSince,
    ...own.map(({ scheduledAt, createdAt }) => scheduledAt ?? createdAt),
  )
  return Math.min(newest + time, pending.owedSince + rounds * time)
}

/** When a rollout has failed if no pod of it is made or gets Available until then (ms); Infinity where pods tell. */
export function rolloutStallsAt(assessment: Assessment, deadline: number): number {
  const { workload, pending } = assessment
  if (workload.paused || !rollingOut(workload) || !ownRolloutRuns(assessment)) return Infinity
  const times = ownPods(assessment).map(({ readyAt }) => (readyAt ?? Infinity) + workload.minReady)
  return Math.max(pending.owedSince, workload.progressedAt ?? -Infinity, ...times) + deadline
}

/** The pods of the newest template, if Sluice made it. */
function ownPods({ workload, judged }: Assessment): readonly PodRecord[] {
  const { restartId } = workload
  return judged.flatMap(({ pod }) =>
    restartId !== undefined && pod.restartId === restartId ? [pod] : [],
  )
}

/** Sluice's own rollout is under way, or was when the pods were seen last. One of somebody else is not Sluice's. */
export function ownRolloutRuns({ workload, judged, ledger, pending }: Assessment): boolean {
  if (pending.write?.kind === 'patch') return true
  const restart = ledger?.restart
  if (restart?.strategy !== 'rollout' || workload.restartId !== restart.id) return false
  const pods = judged.map(({ pod }) => pod)
  const newest = pods.filter(({ restartId }) => restartId === restart.id)
  const { templateHash } = withTemplate(restart, pods)
  // Somebody who deployed since kept the id.
  if (templateHash !== undefined && newest.some((pod) => pod.templateHash !== templateHash))
    return false
  // Done, yet the picture of the pods is older: those that are starting are not in it.
  return newest.length < pods.length || rollingOut(workload)
}

/** Sluice's patch was seen in the template, by this process or one before it, and is not there any more. */
export function rolloutUndone({ workload, judged }: Assessment, restart: Restart): boolean {
  if (workload.restartId === restart.id) return false
  return (
    restart.patched === true ||
    workload.lastRestartId === restart.id ||
    judged.some(({ pod }) => pod.restartId === restart.id)
  )
}
