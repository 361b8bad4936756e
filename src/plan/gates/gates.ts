/**
 * The gates, in the one order in which they are asked: what a person must put right comes before what time ends. The
 * budgets are asked after all of them.
 */
import type { Hold, HoldReason } from '../../model/hold.ts'
import type { Assessment } from '../judge/assessment.ts'
import { immutableRecreated, keyMissing, sourceMissing, valueEmpty } from './content.ts'
import { groupHalted, repeatedFailures, restartFailed } from './halted.ts'
import { withShortMessage, type HoldRule, type Situation } from './gate.ts'
import { killSwitch, notWatching } from './sluice.ts'
import {
  invalidSetting,
  malformedConsumer,
  namespaceNotManaged,
  conflictingController,
  paused,
  pendingTemplate,
  workloadPaused,
} from './preconditions.ts'
import { justChanged, minRestartInterval, quietPeriod } from './time.ts'
import { sourceAwaited, sourceUnreadable } from './unread.ts'
import { refusal, podCrashed, podsAway, rolloutInProgress, rolloutOverLimit } from './workload.ts'

interface Gate {
  /**
   * `always`: shown even where nothing is stale; `step`: before a restart begins and before each eviction or patch of it;
   * `start`: only before it begins.
   */
  readonly asked: 'always' | 'step' | 'start'
  /** The reasons that it can give. */
  readonly reasons: readonly HoldReason[]
  readonly check: HoldRule
}

export const GATES: readonly Gate[] = [
  { asked: 'always', reasons: ['NotSynced'], check: sourceAwaited },
  { asked: 'always', reasons: ['InvalidSetting'], check: invalidSetting },
  { asked: 'always', reasons: ['MalformedConsumer'], check: malformedConsumer },
  { asked: 'always', reasons: ['Paused'], check: killSwitch },
  { asked: 'always', reasons: ['Paused'], check: paused },
  { asked: 'always', reasons: ['ConflictingController'], check: conflictingController },
  { asked: 'always', reasons: ['NamespaceNotManaged'], check: namespaceNotManaged },
  { asked: 'always', reasons: ['SourceUnreadable'], check: sourceUnreadable },
  { asked: 'always', reasons: ['SourceMissing'], check: sourceMissing },
  { asked: 'always', reasons: ['KeyMissing'], check: keyMissing },
  {
    asked: 'always',
    reasons: ['RestartFailed', 'CannotStart', 'RolloutUndone'],
    check: restartFailed,
  },
  { asked: 'always', reasons: ['NotWatching'], check: notWatching },
  { asked: 'step', reasons: ['WorkloadPaused'], check: workloadPaused },
  { asked: 'step', reasons: ['PendingTemplate'], check: pendingTemplate },
  { asked: 'step', reasons: ['ValueEmpty'], check: valueEmpty },
  { asked: 'step', reasons: ['ImmutableRecreated'], check: immutableRecreated },
  { asked: 'step', reasons: ['GroupHalted'], check: groupHalted },
  { asked: 'step', reasons: ['RepeatedFailures'], check: repeatedFailures },
  {
    asked: 'step',
    reasons: ['MaxUnavailableExceeded', 'MaxSurgeExceeded'],
    check: rolloutOverLimit,
  },
  {
    asked: 'step',
    reasons: ['PodDisruptionBudget', 'Forbidden', 'Refused', 'ServerBusy'],
    check: refusal,
  },
  { asked: 'start', reasons: ['MinRestartInterval'], check: minRestartInterval },
  { asked: 'start', reasons: ['QuietPeriod'], check: quietPeriod },
  { asked: 'step', reasons: ['ChangeTooRecent'], check: justChanged },
  { asked: 'step', reasons: ['RolloutStuck', 'RolloutInProgress'], check: rolloutInProgress },
  { asked: 'step', reasons: ['PodCrashed'], check: podCrashed },
  { asked: 'step', reasons: ['PodsStuck', 'MaxUnavailable'], check: podsAway },
]

/** When a workload meets the gates. */
export type Moment = 'any' | 'start' | 'step'

const ASKED_AT = {
  any: ['always'],
  step: ['always', 'step'],
  start: ['always', 'step', 'start'],
} as const satisfies Record<Moment, readonly Gate['asked'][]>

const GATES_AT = {
  any: gatesAt('any'),
  step: gatesAt('step'),
  start: gatesAt('start'),
} satisfies Record<Moment, readonly HoldRule[]>

function gatesAt(moment: Moment): readonly HoldRule[] {
  const asked: readonly Gate['asked'][] = ASKED_AT[moment]
  return GATES.filter((gate) => asked.includes(gate.asked)).map(({ check }) => check)
}

/** The first reason that applies. */
export function firstHold(
  moment: Moment,
  workload: Assessment,
  situation: Situation,
): Hold | undefined {
  for (const check of GATES_AT[moment]) {
    const hold = check(workload, situation)
    if (hold) return withShortMessage(hold)
  }
  return undefined
}
