/**
 * Every annotation and label of the public surface, from one prefix.
 */
import { nearest } from './nearest.ts'

export const PREFIX = 'sluice.dev/'

// Unless one says otherwise, it stands on a workload, its pod template or its Namespace.

/** "true" or "secrets" opts in. */
export const RESTART_ON_CHANGE = `${PREFIX}restart-on-change`
/** On a Secret "true"; else sources (`name`) or single keys (`name/key`) to leave out, separated by commas. */
export const IGNORE = `${PREFIX}ignore`
/** What a change means for plain volumes: `restart`, `live` or `ignore`. */
export const VOLUMES = `${PREFIX}volumes`
/** `auto`, `evict` or `rollout`. */
export const STRATEGY = `${PREFIX}strategy`
/** How many pods of a workload may be away at once, a count or a percentage. */
export const MAX_UNAVAILABLE = `${PREFIX}max-unavailable`
/** A whole number; higher goes first inside its namespace. */
export const PRIORITY = `${PREFIX}priority`
/** Least time between two restarts. */
export const MIN_INTERVAL = `${PREFIX}min-interval`
/** Calm time after each replaced pod. */
export const SETTLE = `${PREFIX}settle`
/** "false" lets pods that leave overlap with those that come for them. */
export const WAIT_FOR_TERMINATION = `${PREFIX}wait-for-termination`
/** "true" stops all new actions there; on Sluice's own Namespace, everywhere. */
export const PAUSED = `${PREFIX}paused`
/** On a Secret too: the name of a group that restarts with it share their limits with. */
export const GROUP = `${PREFIX}group`
/** How long a replacement may take before it counts as failed. */
export const PROGRESS_DEADLINE = `${PREFIX}progress-deadline`
/** On a workload: the id of a failure that a person has dealt with. */
export const RESUME = `${PREFIX}resume`
/** On a Secret: "true" for a leaked key, or a cut-over where the old password is already dead. */
export const URGENT = `${PREFIX}urgent`
/** A label of a Namespace, "true": pods may be evicted there, where the setting `managedNamespaces` asks for it. */
export const MANAGED = `${PREFIX}managed`
/** On a pod template, written by Sluice and by nobody else: the id of the last `rollout` restart. */
export const RESTART_ID = `${PREFIX}restart-id`

/** All of them that are read. */
export const NAMES: ReadonlySet<string> = new Set([
  RESTART_ON_CHANGE,
  IGNORE,
  VOLUMES,
  STRATEGY,
  MAX_UNAVAILABLE,
  PRIORITY,
  MIN_INTERVAL,
  SETTLE,
  WAIT_FOR_TERMINATION,
  PAUSED,
  GROUP,
  PROGRESS_DEADLINE,
  RESUME,
  URGENT,
])

/** The longest value that is kept (characters); no setting needs as much. */
const LONGEST_VALUE = 1024
/** Most objects have none: they share it. */
const NONE: Readonly<Record<string, string>> = {}
/** Unknown names that are looked at for typing errors. */
const MOST_UNKNOWN = 4

/**
 * The annotations of an object that are Sluice's business: those that it reads, and one that is none of them but was
 * most likely meant to be. They are kept for each workload, and whoever may write them may write 256 KiB: what is too long
 * is cut to something that no setting takes for a value.
 */
export function ownAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const own: Record<string, string> = {}
  const unknown: string[] = []
  for (const [name, value] of Object.entries(annotations ?? {})) {
    if (NAMES.has(name)) own[name] = value.length > LONGEST_VALUE ? cut(value) : value
    else if (name.startsWith(PREFIX) && unknown.length < MOST_UNKNOWN) unknown.push(name)
  }
  const misspelt = unknown.find((name) => meantBy(name) !== undefined)
  if (misspelt !== undefined) own[misspelt] = ''
  return Object.keys(own).length > 0 ? own : NONE
}

/** The annotation that was probably meant by a name that none of them has. */
export function meantBy(name: string): string | undefined {
  if (NAMES.has(name) || !name.startsWith(PREFIX)) return undefined
  const names = [...NAMES].map((each) => each.slice(PREFIX.length))
  const meant = nearest(name.slice(PREFIX.length), names)
  return meant === undefined ? undefined : PREFIX + meant
}

/** A copy: a slice would keep all of the text. */
function cut(value: string): string {
  return `${Buffer.from(value.slice(0, 80)).toString()}…`
}
