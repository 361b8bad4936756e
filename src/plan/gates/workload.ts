/**
 * Holds over the state of the workload itself.
 */
import { isPastTurn } from '../judge/deadline.ts'
import { crashedPods } from '../judge/failure.ts'
import { failedWithOldContent, rollingOut } from '../judge/rollout.ts'
import { chooseStrategy } from '../judge/strategy.ts'
import type { HoldRule } from './gate.ts'

/** A rollout is in progress, whoever began it: judge again when it is done. */
export const rolloutInProgress: HoldRule = (assessment, { now }) => {
  const { workload, judged } = assessment
  if (failedWithOldContent(assessment, now)) return undefined
  const { updated, replicas } = workload.status
  if (rollingOut(workload) && workload.stuck) {
    return {
      reason: 'RolloutStuck',
      message: `a rollout made no progress within progressDeadlineSeconds: ${updated} of ${replicas} pods updated`,
    }
  }
  if (rollingOut(workload)) {
    return {
      reason: 'RolloutInProgress',
      message: `a rollout is in progress: ${updated} of ${replicas} pods updated`,
    }
  }
  // The picture of the pods may be older than that of the Deployment: then others are there by now.
  return !workload.mixedTemplates && new Set(judged.map(({ pod }) => pod.templateHash)).size > 1
    ? { reason: 'RolloutInProgress', message: 'pods of two templates are still seen' }
    : undefined
}

/** As many pods are away as may be: it is not healthy enough, or those that were replaced are not back yet. */
export const podsAway: HoldRule = ({ ledger }, { availability, now }) => {
  const { away, byRestart, desired, limit, nextAt, stuck } = availability
  const waitsForAll = byRestart > 0 && isPastTurn(ledger?.restart, now)
  if (away < limit && !waitsForAll) return undefined
  const message = `${away} of ${desired} pods unavailable (limit ${limit})`
  if (stuck >= limit) {
    return {
      reason: 'PodsStuck',
      message: `${message}, ${stuck} of them past the progress deadline: see kubectl describe`,
    }
  }
  return { reason: 'MaxUnavailable', message, ...(nextAt < Infinity && { until: nextAt }) }
}

/** The first crash stops the restart until that pod has been up for longer than it was before. */
export const podCrashed: HoldRule = (assessment, { now }) => {
  const [crashed] = crashedPods(assessment, now)
  if (!crashed) return undefined
  const { pod, calm } = crashed
  const until = (pod.readyAt ?? Infinity) + calm
  return {
    reason: 'PodCrashed',
    message: `a container of new pod ${pod.ref.name} crashed: no further pod before it has been Ready for ${Math.ceil(calm / 1000)} s`,
    ...(until < Infinity && { until }),
  }
}

/** A rollout would start, or take away, more pods at once than the workload's owner allows explicitly. */
export const rolloutOverLimit: HoldRule = (
  { workload, ledger, settings },
  { availability: { limit } },
) => {
  if (!settings.maxUnavailableIsExplicit) return undefined
  const { restart } = ledger ?? {}
  // What is under way cannot be stopped half-way.
  if (restart && (restart.strategy === 'evict' || restart.id === workload.restartId)) {
    return undefined
  }
  if (chooseStrategy(workload, settings) !== 'rollout') return undefined
  if (!workload.rollout) return undefined
  const { recreates, maxSurge, maxUnavailable } = workload.rollout
  const away = recreates ? workload.replicas : maxUnavailable
  if (away > limit) {
    return {
      reason: 'MaxUnavailableExceeded',
      message: `a rollout takes away ${away} pods at once (${recreates ? 'Recreate' : 'maxUnavailable'}), max-unavailable allows ${limit}`,
    }
  }
  if (recreates || maxSurge <= limit) return undefined
  return {
    reason: 'MaxSurgeExceeded',
    message: `a rollout starts ${maxSurge} pods at once (maxSurge), max-unavailable allows ${limit}`,
  }
}

/** What the API server answered to the last write must be waited for; it stands while the write is tried again. */
export const refusal: HoldRule = ({ pending }, { now }) =>
  pending.refusal && (now < (pending.refusal.until ?? Infinity) || pending.evicted.size > 0)
    ? pending.refusal
    : undefined
