/**
 * How many pods of a workload are away: the one number behind health and budget. Pure.
 */
import type { PodRecord } from '../../workloads/pod.ts'
import { crashesOf } from './crashes.ts'
import { deadlineOf, givenUpAt, isLate, stepEndsAt } from './deadline.ts'
import { resolveLimit, type Limit } from '../../config/limit.ts'
import type { Assessment, JudgedPod } from './assessment.ts'
import { cameAfter, isReplacement, tookAway } from './replacement.ts'

export interface Availability {
  readonly desired: number
  /**
   * Pods that are missing, terminating, starting, settling, or fresh and unwell; or as many as leave by the restart under
   * way, where those are more. Stale pods that are not Ready are not away: they are what a restart is to cure.
   */
  readonly away: number
  /** Of these, the pods that waiting does not bring back: missing or not Ready since more than a deadline ago. */
  readonly stuck: number
  /**
   * The pods that are away by the restart under way: leaving, missing, or its replacements within their deadline,
   * though they may be stale again by now. Never more than it took away, and not without end.
   */
  readonly byRestart: number
  /** Of these, the replacements that are stale by now. */
  readonly awaitedStale: Assessment['stale']
  /** The workload's `max-unavailable` in pods. */
  readonly limit: number
  /** When the next pod may become Available or calm by time alone (ms). */
  readonly nextAt: number
}

/** Counts the pods that are away now. */
export function availability(
  assessment: Assessment,
  now: number,
  urgentLimit?: Limit,
): Availability {
  const { workload, judged, ledger, missingSince, settings, stale } = assessment
  const sick = new Set(stale.map(({ pod }) => pod.ref.uid))
  let up = 0
  let exempt = 0
  const awaitedStale: JudgedPod[] = []
  let byOthers = 0
  let stuck = 0
  // Those that it took away: all that it began with, but for those of before.
  let taken = ledger?.restart?.replicas ?? workload.replicas
  // Those that are not back. Which of them are others', who scaled it up, does not show.
  let missing = workload.replicas
  let nextAt = Infinity
  const deadline = deadlineOf(workload, settings)
  for (const each of judged) {
    const { pod } = each
    const calmAt = calmSince(assessment, pod, now)
    const cameWithIt = ledger?.restart !== undefined && isReplacement(pod, ledger.restart)
    if (!cameWithIt) taken--
    if (!cameWithIt || calmAt <= now) missing--
    if (calmAt <= now) {
      up++
      continue
    }
    const ours = isAwaited(assessment, pod, now)
    // One that is Ready is waited for: it will be Available in a moment.
    if (sick.has(pod.ref.uid) && (ours || pod.readyAt === undefined)) {
      exempt++
      if (ours) awaitedStale.push(each)
    } else {
      nextAt = Math.min(nextAt, calmAt)
      if (!ours) byOthers++
      if (isLate(pod, deadline, now)) stuck++
    }
  }
  const notUp = Math.max(0, workload.replicas - up - exempt)
  if (now >= (missingSince ?? Infinity) + deadline) stuck += workload.replicas - judged.length
  const leaving = leavingPods(assessment, now)
  const owedNow = Math.min(
    Math.max(0, notUp - byOthers) + awaitedStale.length,
    Math.max(0, Math.min(taken, missing)),
  )
  const byRestart =
    tookAway(assessment) && now < stepEndsAt(assessment) ? Math.max(owedNow, leaving.count) : 0
  return {
    desired: workload.replicas,
    away: Math.max(notUp, leaving.count),
    stuck: Math.min(stuck, notUp),
    byRestart,
    awaitedStale,
    limit: limitOf(assessment, urgentLimit),
    nextAt: Math.min(nextAt, leaving.nextAt),
  }
}

/** The longest that a leaving pod counts (ms), however long its grace period is: it must block nobody without end. */
const LONGEST_LEAVE = 3_600_000

/**
 * The pods that left since the restart began and still run: until then they hold their connections, beside those that
 * came for them. Each counts until it is gone, at most for its own grace period. Who took it away does not show.
 */
function leavingPods(
  { ledger, pods, pending, settings }: Assessment,
  now: number,
): { readonly count: number; readonly nextAt: number } {
  const { restart } = ledger ?? {}
  if (!restart || !settings.waitForTermination) return { count: 0, nextAt: Infinity }
  const ends = pods.flatMap(({ leaving, terminal }) =>
    leaving && !terminal && cameAfter(leaving.since, restart)
      ? [Math.min(leaving.until, leaving.since + LONGEST_LEAVE)]
      : [],
  )
  const left = ends.filter((end) => end > now)
  const sent = pods.filter(({ ref, terminating }) => !terminating && pending.evicted.has(ref.uid))
  return { count: left.length + sent.length, nextAt: Math.min(...left) }
}

/**
 * From when on a pod is Available: Ready for `minReadySeconds`, and, if it came in the restart that is under way,
 * calm for `settle` after that, or for longer after a crash. Infinity while it is not Ready.
 */
function calmSince(
  { workload, settings, ledger }: Assessment,
  pod: PodRecord,
  now: number,
): number {
  if (pod.readyAt === undefined) return Infinity
  const startedAt = ledger?.restart?.startedAt ?? Infinity
  const isNew = pod.createdAt >= Math.floor(startedAt / 1000) * 1000
  if (!isNew) return pod.readyAt + workload.minReady
  const calm = workload.minReady + settings.settle
  return pod.readyAt + crashesOf(pod, { calm, deadline: deadlineOf(workload, settings) }, now).calm
}

/** A replacement that is waited for, or settles. */
function isAwaited(
  { workload, ledger, settings }: Assessment,
  pod: PodRecord,
  now: number,
): boolean {
  if (ledger?.restart === undefined || !isReplacement(pod, ledger.restart)) return false
  return now < givenUpAt(pod, workload, settings)
}

/** An urgent Secret widens the limit, but not one that the workload itself gives. */
function limitOf(
  { workload, settings, urgent }: Assessment,
  urgentLimit: Limit | undefined,
): number {
  const { replicas, mostUnavailable = Infinity } = workload
  const limit = Math.min(mostUnavailable, resolveLimit(settings.maxUnavailable, replicas))
  if (!urgent || !urgentLimit || settings.maxUnavailableIsExplicit) return limit
  return Math.min(mostUnavailable, Math.max(limit, resolveLimit(urgentLimit, replicas)))
}
