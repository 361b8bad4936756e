/**
 * The next step of one workload: actions, a hold, or nothing. Pure.
 */
import type { Restart } from '../consumers/consumer.ts'
import type { Action, RecordCause } from './action.ts'
import type { Assessment } from './assessment.ts'
import type { Hold } from './hold.ts'
import { firstHold, type Situation } from './holds/rule.ts'
import { START_RULES, STANDING_RULES, STEP_RULES } from './holds/rules.ts'
import { podsAway, rolloutInProgress } from './holds/workload.ts'
import { podsInOrder } from './order.ts'
import { record, recordStory, type Context, type LedgerChange } from './record.ts'
import { chooseStrategy } from './strategy.ts'

/** What to do for a workload now, and why not more. */
export interface Step {
  readonly actions: readonly Action[]
  readonly hold: Hold | undefined
}

/**
 * The next step of a workload.
 * @param slot why no further restart may begin in the cluster, undefined while one may
 */
export function nextStep(
  assessment: Assessment,
  situation: Situation,
  slot: Hold | undefined,
  context: Context,
): Step {
  const { consumer, deployment, ledger, pending } = assessment
  if (pending.write) return { actions: [], hold: undefined }
  if (consumer && consumer.ownerUid !== deployment.ref.uid) {
    return { actions: [{ kind: 'forget', workload: deployment.ref, consumer }], hold: undefined }
  }
  if (consumer?.fault)
    return { actions: [], hold: firstHold(STANDING_RULES, assessment, situation) }
  const step = ledger?.restart
    ? continueRestart(assessment, situation, slot, context, ledger.restart)
    : beginRestart(assessment, situation, slot, context)
  if (step.actions.some(({ kind }) => kind === 'record')) return step
  // What changed is written down before the first pod is replaced for it.
  const story = recordStory(assessment, context, step.hold)
  return story ? { actions: [story], hold: step.hold } : step
}

function beginRestart(
  assessment: Assessment,
  situation: Situation,
  slot: Hold | undefined,
  context: Context,
): Step {
  const { deployment, ledger, settings, stale } = assessment
  if (stale.length === 0 || !ledger) {
    return { actions: [], hold: firstHold(STANDING_RULES, assessment, situation) }
  }
  const hold = firstHold(START_RULES, assessment, situation) ?? slot
  if (hold) return { actions: [], hold }
  const restart: Restart = {
    id: newId(context.now),
    strategy: chooseStrategy(deployment, settings),
    startedAt: context.now,
  }
  return recording(assessment, context, 'started', { restart })
}

function continueRestart(
  assessment: Assessment,
  situation: Situation,
  slot: Hold | undefined,
  context: Context,
  restart: Restart,
): Step {
  const { deployment, pending, stale } = assessment
  const { away, limit } = situation.availability
  if (stale.length === 0 && pending.evicted.size === 0) {
    const hold =
      rolloutInProgress(assessment, situation) ?? podsAway(assessment, untilAllAreBack(situation))
    if (hold) return { actions: [], hold }
    const lastRestart = { id: restart.id, finishedAt: context.now }
    return recording(assessment, context, 'finished', { restart: undefined, lastRestart })
  }
  const hold = firstHold(STEP_RULES, assessment, situation) ?? slot
  if (hold) return { actions: [], hold }
  const { ref: workload, resourceVersion } = deployment
  if (restart.strategy === 'evict') {
    const next = podsInOrder(assessment).slice(0, limit - away)
    return {
      actions: next.map(({ pod }) => ({ kind: 'evict', workload, pod: pod.ref })),
      hold: undefined,
    }
  }
  if (deployment.restartId !== restart.id) {
    return { actions: [{ kind: 'patch', workload, restart, resourceVersion }], hold: undefined }
  }
  // The Deployment is done, yet pods of before are seen: the picture of the pods is older. Wait for it.
  if (stale.some(({ pod }) => pod.restartId !== restart.id)) {
    return {
      actions: [],
      hold: { reason: 'RolloutInProgress', message: 'old pods are still seen' },
    }
  }
  return recording(assessment, context, 'extended', {
    restart: { ...restart, id: newId(context.now) },
  })
}

function recording(
  assessment: Assessment,
  context: Context,
  cause: RecordCause,
  change: LedgerChange,
): Step {
  return { actions: [record(assessment, context, cause, undefined, change)], hold: undefined }
}

/** At the end of a restart no pod may be away any more. */
function untilAllAreBack(situation: Situation): Situation {
  return { ...situation, availability: { ...situation.availability, limit: 1 } }
}

/** Unique for one workload: it never starts two restarts in one millisecond. Short enough to be typed. */
function newId(now: number): string {
  return Math.floor(now).toString(36)
}
