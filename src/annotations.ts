/**
 * Every annotation and label of the public surface, from one prefix.
 */
export const PREFIX = 'sluice.dev/'

/** On a workload or a Namespace: "true" opts in. */
export const RESTART_ON_CHANGE = `${PREFIX}restart-on-change`
/** On a Secret "true"; on a workload: sources (`name`) or single keys (`name/key`) to leave out, separated by commas. */
export const IGNORE = `${PREFIX}ignore`
/** On a workload or a Namespace: what to do for plain volumes, `ignore` or `restart`. */
export const VOLUMES = `${PREFIX}volumes`
/** On a workload: `auto`, `evict` or `rollout`. */
export const STRATEGY = `${PREFIX}strategy`
/** On a workload: how many of its pods may be away at once, a count or a percentage. */
export const MAX_UNAVAILABLE = `${PREFIX}max-unavailable`
/** On a workload: a whole number; higher goes first inside its namespace. */
export const PRIORITY = `${PREFIX}priority`
/** On a workload: least time between two restarts. */
export const MIN_INTERVAL = `${PREFIX}min-interval`
/** On a workload: calm time after each replaced pod. */
export const SETTLE = `${PREFIX}settle`
/** On a workload: what to do with pods created around the change, `ignore` or `restart`. */
export const UNPROVEN = `${PREFIX}unproven`
/** On a workload, a Namespace or Sluice's own Namespace: "true" stops all new actions there. */
export const PAUSED = `${PREFIX}paused`
/** On a workload or a Secret: the name of a group that restarts with it share their limits with. */
export const GROUP = `${PREFIX}group`
/** On a workload: how long a replacement may take before it counts as failed. */
export const PROGRESS_DEADLINE = `${PREFIX}progress-deadline`
/** On a workload: the id of a failure that a person has dealt with. */
export const RESUME = `${PREFIX}resume`
/** On a Secret: "true" for a leaked key, or a cut-over where the old password is already dead. */
export const URGENT = `${PREFIX}urgent`
/** A label of a Namespace, "true": pods may be evicted there. The admission policy of the default install asks for it. */
export const MANAGED = `${PREFIX}managed`
/** On a pod template, written by Sluice and by nobody else: the id of the last `rollout` restart. */
export const RESTART_ID = `${PREFIX}restart-id`

/** All of them that are read: what else has the prefix is nothing to Sluice. */
export const NAMES: ReadonlySet<string> = new Set([
  RESTART_ON_CHANGE,
  IGNORE,
  VOLUMES,
  STRATEGY,
  MAX_UNAVAILABLE,
  PRIORITY,
  MIN_INTERVAL,
  SETTLE,
  UNPROVEN,
  PAUSED,
  GROUP,
  PROGRESS_DEADLINE,
  RESUME,
  URGENT,
])
