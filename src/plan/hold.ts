/**
 * A hold: a reason not to start yet, as a value. Every workload that is not restarted although it could be
 * has exactly one, the first that applies.
 */
import type { State } from '../consumers/consumer.ts'

/** How a workload with this hold is shown. A restart under way that merely waits is still `Restarting`. */
const STATE_OF = {
  NotSynced: 'Held',
  ObserveOnly: 'Held',
  Paused: 'Paused',
  InvalidSetting: 'Held',
  MalformedConsumer: 'Held',
  OtherRestarter: 'Held',
  NamespaceNotManaged: 'Held',
  SourceUnreadable: 'Held',
  DeploymentPaused: 'Held',
  SourceMissing: 'Held',
  KeyMissing: 'Held',
  ValueEmpty: 'Held',
  ImmutableRecreated: 'Held',
  SurgeOverLimit: 'Held',
  Forbidden: 'Held',
  Refused: 'Held',
  PodDisruptionBudget: 'Held',
  RestartFailed: 'Failed',
  CannotStart: 'Failed',
  GroupHalted: 'Held',
  Outage: 'Held',
  ServerBusy: 'Waiting',
  JustChanged: 'Waiting',
  QuietPeriod: 'Waiting',
  MinRestartInterval: 'Waiting',
  RolloutInProgress: 'Waiting',
  PodsAway: 'Waiting',
  ClusterBudget: 'Waiting',
  GroupBudget: 'Waiting',
  StartingPods: 'Waiting',
  YieldsToUrgent: 'Waiting',
} as const satisfies Record<string, State>

export type HoldReason = keyof typeof STATE_OF
export const HOLD_REASONS = Object.keys(STATE_OF) as readonly HoldReason[]

export interface Hold {
  readonly reason: HoldReason
  /** For a person: what is held against what, with the numbers. Never a value of a Secret. */
  readonly message: string
  /** When time alone may end it (ms); without it, something must change first. */
  readonly until?: number
}

/** The state that a hold shows as. */
export function stateOf(hold: Hold): State {
  return STATE_OF[hold.reason]
}
