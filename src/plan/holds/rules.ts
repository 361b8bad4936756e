/**
 * The rules in the order in which they are asked: what a person must put right comes before what time ends.
 */
import { immutableRecreated, keyMissing, sourceMissing, valueEmpty } from './content.ts'
import type { HoldRule } from './rule.ts'
import { groupHalted, outage, restartFailed } from './halted.ts'
import { killSwitch, observeOnly } from './sluice.ts'
import {
  deploymentPaused,
  invalidSetting,
  malformedConsumer,
  namespaceNotManaged,
  otherRestarter,
  paused,
} from './standing.ts'
import { sourceUnread } from './unread.ts'
import { justChanged, minRestartInterval, quietPeriod } from './time.ts'
import { obstacle, podsAway, rolloutInProgress, surgeOverLimit } from './workload.ts'

/** Shown even where nothing is stale. */
export const STANDING_RULES: readonly HoldRule[] = [
  invalidSetting,
  malformedConsumer,
  killSwitch,
  paused,
  otherRestarter,
  namespaceNotManaged,
  sourceUnread,
  sourceMissing,
  keyMissing,
  restartFailed,
]

/** Asked before each eviction and each patch of a restart. */
export const STEP_RULES: readonly HoldRule[] = [
  ...STANDING_RULES,
  deploymentPaused,
  valueEmpty,
  immutableRecreated,
  groupHalted,
  outage,
  obstacle,
  justChanged,
  rolloutInProgress,
  podsAway,
  observeOnly,
]

/** Asked before a restart begins. */
export const START_RULES: readonly HoldRule[] = [
  ...STANDING_RULES,
  deploymentPaused,
  valueEmpty,
  immutableRecreated,
  groupHalted,
  outage,
  surgeOverLimit,
  obstacle,
  minRestartInterval,
  quietPeriod,
  justChanged,
  rolloutInProgress,
  podsAway,
  observeOnly,
]
