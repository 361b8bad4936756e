/**
 * The next step of one workload: actions, a hold, or nothing. Pure.
 */
import type { Failure, Restart, Strategy } from '../records/consumer.ts'
import type { Action, RecordCause } from './action.ts'
import { everyPodIsSeen, type Assessment } from './judge/assessment.ts'
import { newFailure, stands, suspects } from './judge/failure.ts'
import { haltsSeen } from './halts/halts.ts'
import type { Hold } from '../model/hold.ts'
import { failureHold } from './gates/halted.ts'
import { firstHold } from './gates/gates.ts'
import type { Situation } from './gates/gate.ts'
import { isAwaiting, sourceUnreadable } from './gates/unread.ts'
import { podsAway, rolloutInProgress } from './gates/workload.ts'
import { podsInOrder } from './budget/order.ts'
import { record, recordStory, type Context, type LedgerChange } from './record.ts'
import {
  failedWithOldContent,
  ownRolloutRuns,
  rolloutSize,
  rolloutUndone,
} from './judge/rollout.ts'
import { chooseStrategy, mayEvictInstead } from './judge/strategy.ts'

/** A rollout is done, and the picture of the pods is older. */
const OLD_PODS_ARE_SEEN: Hold = { reason: 'RolloutInProgress', message: 'old pods are still seen' }

/** The budgets were asked, too: in mode `act` it would start. */
const OBSERVE_ONLY: Hold = {
  reason: 'ObserveOnly',
  message: 'would start now, but mode is observe',
}

/** Whether a restart takes a slot with this action, if it has none. */
export function takesSlot(action: Action): boolean {
  if (action.kind === 'record') return action.cause === 'started'
  return action.kind === 'evict' || action.kind === 'patch'
}

/** What to do for a workload now, and why not more. */
export interface Step {
  readonly actions: readonly Action[]
  readonly hold: Hold | undefined
  /** What mode `act` would do instead: it counts in the budgets as if it were done. */
  readonly withheld?: readonly Action[]
}

/** What the budgets say to a workload whose turn it is. */
export interface BudgetVerdict {
  /** Why its restart may not begin, or go on with another pod. */
  readonly toBegin: Hold | undefined
  /** Why this many pods may not start at once, if so many that are starting go for them. */
  readonly toStart: (pods: number, going?: number) => Hold | undefined
  /** How many pods may start. */
  readonly room: number
}

/** The next step of a workload. */
export function nextStep(
  assessment: Assessment,
  situation: Situation,
  turn: BudgetVerdict,
  context: Context,
): Step {
  const { consumer, workload, ledger, pending } = assessment
  if (pending.write) return { actions: [], hold: undefined }
  if (situation.blind !== undefined) {
    return { actions: [], hold: firstHold('any', assessment, situation) }
  }
  if (consumer && consumer.ownerUid !== workload.ref.uid) {
    // Until its controller has looked, nobody knows which pods it took over from the Deployment before it.
    if (!everyPodIsSeen(assessment)) return { actions: [], hold: undefined }
    if (!ledger)
      return { actions: [{ kind: 'forget', workload: workload.ref, consumer }], hold: undefined }
    return recording(assessment, context, 'adopted', {})
  }
  if (consumer?.fault) {
    return { actions: [], hold: firstHold('any', assessment, situation) }
  }
  if (sourceUnreadable(assessment, situation)) return heldUnread(assessment, situation, context)
  if (ledger?.failure && !stands(ledger.failure, assessment, context.now)) {
    return recording(assessment, context, 'recovered', { failure: undefined })
  }
  const seen = haltsSeen(assessment, situation.halts)
  if (ledger?.failure && seen) {
    return failing(assessment, context, 'halted', { ...ledger.failure, halts: seen })
  }
  const next = ledger?.restart
    ? continueRestart(assessment, situation, turn, context, ledger.restart)
    : beginRestart(assessment, situation, turn, context)
  const onlyObserves = situation.policy.mode === 'observe' && next.actions.some(takesSlot)
  const step: Step = onlyObserves
    ? { actions: [], hold: OBSERVE_ONLY, withheld: next.actions }
    : next
  if (step.actions.some(({ kind }) => kind === 'record')) return step
  // What changed is written down before the first pod is replaced for it.
  const story = recordStory(assessment, context, step.hold)
  return story ? { ...step, actions: [story] } : step
}

/** The first record says why there is no restart; with a content that is on the way even that waits. */
function heldUnread(assessment: Assessment, situation: Situation, context: Context): Step {
  const hold = firstHold('any', assessment, situation)
  if (isAwaiting(hold) || assessment.consumer?.status) return { actions: [], hold }
  return { actions: [record(assessment, context, 'adopted', hold)], hold }
}

function beginRestart(
  assessment: Assessment,
  situation: Situation,
  turn: BudgetVerdict,
  context: Context,
): Step {
  const { workload, ledger, settings, stale } = assessment
  if (stale.length === 0 || !ledger) {
    return { actions: [], hold: firstHold('any', assessment, situation) }
  }
  const strategy = chooseStrategy(workload, settings)
  const hold =
    firstHold('start', assessment, situation) ??
    turn.toBegin ??
    turn.toStart(strategy === 'rollout' ? rolloutSize(workload) : 1)
  if (hold) return { actions: [], hold }
  const restart = newRestart(assessment, strategy, context)
  return recording(assessment, context, 'started', { restart })
}

function newRestart(
  { workload, stale }: Assessment,
  strategy: Strategy,
  { now }: Context,
): Restart {
  return {
    id: newId(now),
    strategy,
    startedAt: now,
    // Where templates are mixed for good, none of them is that of the restart.
    templateHash:
      strategy === 'evict' && !workload.mixedTemplates ? stale[0]?.pod.templateHash : undefined,
    wasUnwell: stale.some(({ pod }) => !pod.ready),
    replicas: workload.replicas,
  }
}

/** Somebody deployed since it began: what is stale still is of his template, and goes in a restart of its own. */
function isOfOtherTemplate({ stale }: Assessment, { strategy, templateHash }: Restart): boolean {
  if (strategy !== 'evict' || templateHash === undefined) return false
  return stale.some(({ pod }) => pod.templateHash !== templateHash)
}

function continueRestart(
  assessment: Assessment,
  situation: Situation,
  turn: BudgetVerdict,
  context: Context,
  restart: Restart,
): Step {
  const { workload, pending, stale } = assessment
  const failure = newFailure(assessment, context.now)
  if (failure) {
    return failing(assessment, context, 'failed', failure)
  }
  const rolls = restart.strategy === 'rollout' && workload.restartId === restart.id
  if (rolls && failedWithOldContent(assessment, context.now)) {
    // Not a failure of today's content: there is nothing to hold the workload for.
    return recording(assessment, context, 'failed', { restart: undefined })
  }
  if (rolls && !restart.patched) {
    return recording(assessment, context, 'patched', { restart: { ...restart, patched: true } })
  }
  const allReplaced = stale.length === 0 && pending.evicted.size === 0
  // A rollout ends with its own pods, though newer content makes them stale: that is for the next restart.
  if (allReplaced || (rolls && !ownRolloutRuns(assessment))) {
    const hold =
      rolloutInProgress(assessment, situation) ??
      (ownRolloutRuns(assessment) ? OLD_PODS_ARE_SEEN : undefined) ??
      podsAway(assessment, untilAllAreBack(situation))
    if (hold) return { actions: [], hold }
    const lastRestart = { id: restart.id, finishedAt: context.now }
    return recording(assessment, context, 'finished', { restart: undefined, lastRestart })
  }
  const hold = firstHold('step', assessment, situation) ?? turn.toBegin
  if (hold) return { actions: [], hold }
  if (isOfOtherTemplate(assessment, restart)) {
    const again = newRestart(assessment, restart.strategy, context)
    return recording(assessment, context, 'started', { restart: again })
  }
  return restart.strategy === 'evict'
    ? evictNext(assessment, situation, turn)
    : rollOut(assessment, turn, context, restart)
}

function evictNext(assessment: Assessment, { availability }: Situation, turn: BudgetVerdict): Step {
  const { away, awaitedStale, desired, limit } = availability
  // A replacement that is to be replaced again is away and starting already: that costs nothing more, unless too many
  // start by now, since a limit was lowered.
  const again = podsInOrder(assessment)
    .filter((each) => awaitedStale.includes(each))
    .slice(0, limit - away)
  const hold = turn.toStart(1, again.length > 0 ? 1 : 0)
  if (hold) return { actions: [], hold }
  const more = Math.max(0, Math.min(limit - away - awaitedStale.length, turn.room))
  const others = podsInOrder(assessment).filter((each) => !awaitedStale.includes(each))
  const next = [...again, ...others.slice(0, more)]
  const { ref: workload } = assessment.workload
  return {
    actions: next.map(({ pod: { ref: pod, ready } }) => ({
      kind: 'evict',
      workload,
      pod,
      ready,
      desired,
    })),
    hold: undefined,
  }
}

function rollOut(
  assessment: Assessment,
  turn: BudgetVerdict,
  context: Context,
  restart: Restart,
): Step {
  const { workload } = assessment
  // The Deployment is done, yet pods of before are seen: the picture of the pods is older. Wait for it.
  if (workload.restartId === restart.id) return { actions: [], hold: OLD_PODS_ARE_SEEN }
  if (rolloutUndone(assessment, restart)) return afterUndo(assessment, turn, context, restart)
  // Its owner chose otherwise since it began.
  if (assessment.settings.strategy === 'evict') {
    return recording(assessment, context, 'started', {
      restart: newRestart(assessment, 'evict', context),
    })
  }
  const hold = turn.toStart(rolloutSize(workload))
  if (hold) return { actions: [], hold }
  const { ref, resourceVersion } = workload
  return { actions: [{ kind: 'patch', workload: ref, restart, resourceVersion }], hold: undefined }
}

/**
 * Whoever owns the template took the patch out of it: a second one would go the same way. The restart goes on by
 * evictions where its owner left the choice, and else has failed.
 */
function afterUndo(
  assessment: Assessment,
  turn: BudgetVerdict,
  context: Context,
  restart: Restart,
): Step {
  if (mayEvictInstead(assessment)) {
    const hold = turn.toStart(1)
    if (hold) return { actions: [], hold }
    return recording(assessment, context, 'started', {
      restart: newRestart(assessment, 'evict', context),
    })
  }
  return failing(assessment, context, 'failed', {
    id: restart.id,
    kind: 'Undone',
    failedAt: context.now,
    message:
      'the restart id was taken out of the pod template again (by GitOps or another operator); sluice.dev/strategy=evict needs none',
    contents: suspects(assessment),
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

/** What a person must know of a failure is written down with it. */
function failing(
  assessment: Assessment,
  context: Context,
  cause: RecordCause,
  failure: Failure,
): Step {
  const hold = failureHold(failure)
  const change = { restart: undefined, failure }
  return { actions: [record(assessment, context, cause, hold, change)], hold }
}

/** At the end of a restart no pod may be away any more, nor one awaited that is stale by now. */
function untilAllAreBack(situation: Situation): Situation {
  const { availability } = situation
  const away = availability.away + availability.awaitedStale.length
  return { ...situation, availability: { ...availability, away, limit: 1 } }
}

/** Unique for one workload: it never starts two restarts in one millisecond. Short enough to be typed. */
function newId(now: number): string {
  return Math.floor(now).toString(36)
}
