/**
 * How many pods of a workload are away: the one number behind health and budget. Pure.
 */
import type { PodRecord } from '../consumers/pod.ts'
import { deadlineOf, givenUpAt } from './deadline.ts'
import { resolveLimit, type Limit } from './limit.ts'
import type { Assessment, JudgedPod } from './assessment.ts'
import { isReplacement } from './replacement.ts'

export interface Availability {
  readonly desired: number
  /**
   * Pods that are missing, terminating, starting, settling, or fresh and unwell. Stale pods that are not Ready are
   * not away: they are the disease, and waiting for their health would wait for ever.
   */
  readonly away: number
  /**
   * The pods that are away by the restart under way: missing, going, or its replacements within their deadline,
   * though they may be stale again by now.
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
  const { deployment, judged, ledger, stale } = assessment
  const sick = new Set(stale.map(({ pod }) => pod.ref.uid))
  let up = 0
  let exempt = 0
  const awaitedStale: JudgedPod[] = []
  let byOthers = 0
  let nextAt = Infinity
  for (const each of judged) {
    const { pod } = each
    const calmAt = calmSince(assessment, pod)
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
    }
  }
  const away = Math.max(0, deployment.replicas - up - exempt)
  return {
    desired: deployment.replicas,
    away,
    byRestart: ledger?.restart ? Math.max(0, away - byOthers) + awaitedStale.length : 0,
    awaitedStale,
    limit: limitOf(assessment, urgentLimit),
    nextAt,
  }
}

/**
 * From when on a pod is Available: Ready for `minReadySeconds`, and, if it came in the restart that is under way,
 * calm for `settle` after that. Infinity while it is not Ready.
 */
export function calmSince({ deployment, settings, ledger }: Assessment, pod: PodRecord): number {
  if (pod.readyAt === undefined) return Infinity
  const startedAt = ledger?.restart?.startedAt ?? Infinity
  const isNew = pod.createdAt >= Math.floor(startedAt / 1000) * 1000
  return pod.readyAt + deployment.minReady + (isNew ? settings.settle : 0)
}

/** A replacement that is waited for, or settles. */
function isAwaited(
  { deployment, ledger, settings }: Assessment,
  pod: PodRecord,
  now: number,
): boolean {
  if (ledger?.restart === undefined || !isReplacement(pod, ledger.restart)) return false
  return now < givenUpAt(pod, deadlineOf(deployment, settings))
}

/** An urgent Secret widens the limit, but not one that the workload itself gives. */
function limitOf(
  { deployment, settings, urgent }: Assessment,
  urgentLimit: Limit | undefined,
): number {
  const limit = resolveLimit(settings.maxUnavailable, deployment.replicas)
  if (!urgent || !urgentLimit || settings.maxUnavailableIsExplicit) return limit
  return Math.max(limit, resolveLimit(urgentLimit, deployment.replicas))
}
