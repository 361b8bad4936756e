/**
 * A hold: a reason not to start yet, as a value. Every workload that is not restarted although it could be
 * has exactly one, the first that applies.
 */
import type { State } from './state.ts'

/**
 * What ends a hold: `time` alone, its `turn`, its `pods` when they are there again, its `owner` (or another person who must
 * act), or the end of a `halt`. Nobody can say when the last two will be.
 */
export type EndedBy = 'time' | 'turn' | 'pods' | 'owner' | 'halt'

interface ReasonRow {
  /** How a workload with this hold is shown. A restart under way that merely waits is still `Restarting`. */
  readonly state: State
  readonly endedBy: EndedBy
  /** For a person, as Markdown: what to do, or that nothing is to be done. */
  readonly hint: string
}

/** All that a reason means, in the order in which the gates are asked: docs/annotations.md is made from it. */
export const REASONS = {
  NotSynced: {
    state: 'Held',
    endedBy: 'time',
    hint: 'Sluice is still reading a Secret of the workload (`secretAccess` other than `cluster`). This takes a moment, so only `/status`, metrics and the log show it. If it stays, `/readyz` says why.',
  },
  InvalidSetting: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'Correct the annotation that the message names.',
  },
  MalformedConsumer: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The record cannot be read, and Sluice leaves it as it is: `kubectl get consumers` shows what was there before. Delete the Consumer: a new record begins with what Sluice has seen since it started.',
  },
  Paused: {
    state: 'Paused',
    endedBy: 'owner',
    hint: 'Remove the `paused` annotation when it is time.',
  },
  ConflictingController: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'Annotations hand the workload to Reloader or wave as well. Remove those, or the opt-in.',
  },
  NamespaceNotManaged: {
    state: 'Held',
    endedBy: 'owner',
    hint: '`managedNamespaces` is `required`, and the Namespace lacks the label `sluice.dev/managed=true`.',
  },
  SourceUnreadable: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'Sluice may not read a Secret of the workload. Grant the rule that the message names, or add the namespace to `secretAccess`.',
  },
  SourceMissing: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'A required Secret or ConfigMap does not exist: a new pod would not start. Create it.',
  },
  KeyMissing: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'A required key does not exist in its Secret or ConfigMap: a new pod would not start. Add it.',
  },
  RestartFailed: {
    state: 'Failed',
    endedBy: 'owner',
    hint: 'A new pod ran and failed: see the message and the pod. Its groups are halted. The failure ends with other content, when its new pods have been Available for a minute, or by `resume`.',
  },
  CannotStart: {
    state: 'Failed',
    endedBy: 'owner',
    hint: 'A new pod never ran (image, scheduling), was never created (a quota or a webhook), or the workload was unwell before. Only this workload is held. The failure ends as above.',
  },
  RolloutUndone: {
    state: 'Failed',
    endedBy: 'owner',
    hint: "Another operator or GitOps took Sluice's annotation out of the pod template again. Let it keep `sluice.dev/restart-id`, or set `sluice.dev/strategy: evict`. The failure ends as above.",
  },
  NotWatching: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'A watch of Sluice fails or is silent, so that it cannot see whether a restart does harm. The message names the watch. Restarts go on as soon as it delivers again.',
  },
  WorkloadPaused: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'Resume the Deployment (`spec.paused`) when it is time.',
  },
  PendingTemplate: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The update strategy is `OnDelete`, and a new pod template waits for pods to be deleted. An evicted pod would come back from it. Delete the pods that are to have it, or take the change back.',
  },
  ValueEmpty: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The change left a consumed value empty. Fill it in.',
  },
  ImmutableRecreated: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'An immutable source was replaced under its name; nodes may still serve the old one. Use a new name.',
  },
  GroupHalted: {
    state: 'Held',
    endedBy: 'halt',
    hint: 'Another restart of the group failed; the message names the Halt, which says more. Resume that failure, or delete the Halt to release the group alone.',
  },
  RepeatedFailures: {
    state: 'Held',
    endedBy: 'time',
    hint: 'Two restarts failed within `failureWindow`, in the namespace or in two namespaces. Nothing new starts there; after `failureCooldown` one restart is tried, and closes the breaker if it ends well. Repair the failures that the message names.',
  },
  MaxUnavailableExceeded: {
    state: 'Held',
    endedBy: 'owner',
    hint: "A rollout would take away more pods at once than the workload's own `max-unavailable` allows (all of them with `Recreate`). Raise it, lower `maxUnavailable`, or choose the strategy `evict`.",
  },
  MaxSurgeExceeded: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'A rollout would start more pods at once than `max-unavailable` or `maxStartingPods` allows. Raise the limit, lower `maxSurge`, or choose the strategy `evict`.',
  },
  PodDisruptionBudget: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The PodDisruptionBudget in the message allows no eviction. Sluice tries again.',
  },
  Forbidden: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'Grant the service account the right that the message names.',
  },
  Refused: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The API server refused the write; the message says why. Sluice tries again.',
  },
  ServerBusy: {
    state: 'Waiting',
    endedBy: 'time',
    hint: 'The API server is overloaded or cannot be reached. Sluice tries again.',
  },
  MinRestartInterval: {
    state: 'Waiting',
    endedBy: 'time',
    hint: 'The last restart ended less than `min-interval` ago.',
  },
  QuietPeriod: {
    state: 'Waiting',
    endedBy: 'time',
    hint: 'The source has just changed, and more changes may follow.',
  },
  ChangeTooRecent: {
    state: 'Waiting',
    endedBy: 'time',
    hint: 'The source changed a moment ago: the times of a pod created now could not prove what it holds.',
  },
  RolloutStuck: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'A rollout made no progress within `progressDeadlineSeconds`. Repair or undo it: `kubectl rollout status`.',
  },
  RolloutInProgress: {
    state: 'Waiting',
    endedBy: 'pods',
    hint: 'A rollout is in progress. Sluice judges the workload again when the rollout is done.',
  },
  PodCrashed: {
    state: 'Waiting',
    endedBy: 'pods',
    hint: 'A container of a new pod crashed. The restart goes on when that pod has been Ready for twice as long as it ran before. A second crash of that pod fails it.',
  },
  PodsStuck: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'As many pods are unavailable as `max-unavailable` allows, and waiting does not bring them back: missing, or not Ready, for longer than the progress deadline. See `kubectl describe pod`.',
  },
  MaxUnavailable: {
    state: 'Waiting',
    endedBy: 'pods',
    hint: 'As many pods are unavailable as `max-unavailable` allows: missing, starting, settling, or still terminating.',
  },
  WaitingForUrgent: {
    state: 'Waiting',
    endedBy: 'turn',
    hint: 'An urgent source goes first.',
  },
  ClusterBudget: {
    state: 'Waiting',
    endedBy: 'turn',
    hint: 'The limit on concurrent restarts in the cluster is reached.',
  },
  GroupBudget: {
    state: 'Waiting',
    endedBy: 'turn',
    hint: 'The limit on concurrent restarts in the group is reached.',
  },
  StartingPods: {
    state: 'Waiting',
    endedBy: 'turn',
    hint: 'The limit on starting pods in the group is reached. Pods of workloads without opt-in count too.',
  },
  ObserveOnly: {
    state: 'Held',
    endedBy: 'owner',
    hint: 'The workload would start now, but mode is `observe`.',
  },
} as const satisfies Record<string, ReasonRow>

export type HoldReason = keyof typeof REASONS
export const HOLD_REASONS = Object.keys(REASONS) as readonly HoldReason[]

export interface Hold {
  readonly reason: HoldReason
  /** For a person: what is held against what, with the numbers. Never a value of a Secret. */
  readonly message: string
  /** When time alone may end it (ms); without it, something must change first. */
  readonly until?: number
}

/** The state that a hold shows as. */
export function stateOf({ reason }: Hold): State {
  return REASONS[reason].state
}

/** What ends a hold. */
export function endedBy({ reason }: Hold): EndedBy {
  return REASONS[reason].endedBy
}
