/**
 * The settings of one workload: its annotations over those of its Namespace over the configuration. Pure.
 *
 * An annotation that cannot be read is a fault, never a guess: the workload is held until it is put right.
 */
import * as annotations from '../annotations.ts'
import {
  deadline,
  duration,
  groupName,
  ignored,
  limit,
  oneOf,
  wholeNumber,
  yesOrNo,
} from '../config/kind.ts'
import type { Fault } from '../config/fault.ts'
import type { Config } from '../config/settings.ts'
import type { Limit } from '../plan/limit.ts'
import { misspelt, readerOf, type Annotations } from './annotation-reader.ts'

/** What counts for one workload. Durations are milliseconds. */
export interface Settings {
  /** Sources (`name`) and keys (`name/key`) that do not count. */
  readonly ignore: ReadonlySet<string>
  readonly volumes: 'ignore' | 'restart'
  readonly unproven: 'ignore' | 'restart'
  readonly strategy: 'auto' | 'evict' | 'rollout'
  readonly maxUnavailable: Limit
  /** The workload itself says so, not the configuration. */
  readonly maxUnavailableIsExplicit: boolean
  readonly priority: number
  readonly minInterval: number
  readonly settle: number
  /** A group that the workload joins, within its namespace. */
  readonly group: string | undefined
  /** How long a replacement may take; `undefined` for what the Deployment itself allows. */
  readonly progressDeadline: number | undefined
  /** The id of a failure that a person has dealt with. */
  readonly resume: string | undefined
  /** The workload or its Namespace is paused. */
  readonly paused: boolean
  readonly faults: readonly Fault[]
}

/** Defaults that the configuration gives. */
export type Defaults = Pick<
  Config,
  'volumes' | 'strategy' | 'maxUnavailable' | 'minRestartInterval' | 'settle'
>

const ignoreOrRestart = oneOf('ignore', 'restart')

/**
 * Whether a workload opted in: by itself, or with all workloads of its Namespace. A value that is neither "true"
 * nor "false" opts in as well, and so does a name with a typing error: the fault can be shown, and holds it.
 */
export function optedIn(workload: Annotations, namespace: Annotations): boolean {
  return (optIn(workload) ?? optIn(namespace) ?? 'false') !== 'false'
}

function optIn(from: Annotations): string | undefined {
  const name = annotations.RESTART_ON_CHANGE
  const meant = () => Object.keys(from).find((each) => annotations.meantBy(each) === name)
  return from[name] ?? from[meant() ?? '']
}

/** Reads the settings of a workload. */
export function readSettings(
  workload: Annotations,
  namespace: Annotations,
  defaults: Defaults,
): Settings {
  const faults = [...misspelt('the workload', workload), ...misspelt('the namespace', namespace)]
  const own = readerOf('the workload', workload, faults)
  const shared = readerOf('the namespace', namespace, faults)
  own(annotations.RESTART_ON_CHANGE, yesOrNo)
  shared(annotations.RESTART_ON_CHANGE, yesOrNo)
  const maxUnavailable = own(annotations.MAX_UNAVAILABLE, limit)
  return {
    ignore: own(annotations.IGNORE, ignored) ?? new Set(),
    volumes:
      own(annotations.VOLUMES, ignoreOrRestart) ??
      shared(annotations.VOLUMES, ignoreOrRestart) ??
      defaults.volumes,
    unproven: own(annotations.UNPROVEN, ignoreOrRestart) ?? 'ignore',
    strategy: strategyOf(own, defaults),
    maxUnavailable: maxUnavailable ?? defaults.maxUnavailable,
    maxUnavailableIsExplicit: maxUnavailable !== undefined,
    priority: own(annotations.PRIORITY, wholeNumber) ?? 0,
    minInterval: own(annotations.MIN_INTERVAL, duration) ?? defaults.minRestartInterval,
    settle: own(annotations.SETTLE, duration) ?? defaults.settle,
    group: own(annotations.GROUP, groupName),
    progressDeadline: own(annotations.PROGRESS_DEADLINE, deadline),
    resume: workload[annotations.RESUME],
    paused:
      Boolean(own(annotations.PAUSED, yesOrNo)) || Boolean(shared(annotations.PAUSED, yesOrNo)),
    faults,
  }
}

/** Where Sluice may only evict, `auto` is `evict`, and a workload that wants a rollout is told. */
function strategyOf(
  own: ReturnType<typeof readerOf>,
  { strategy }: Defaults,
): Settings['strategy'] {
  if (strategy === 'evict-only') {
    own(annotations.STRATEGY, oneOf('auto', 'evict'))
    return 'evict'
  }
  return own(annotations.STRATEGY, oneOf('auto', 'evict', 'rollout')) ?? strategy
}

/**
 * The kill switch in the annotations of Sluice's own Namespace. One that cannot be read is on, and is told as a fault.
 */
export function readKillSwitch(namespace: string, from: Annotations): boolean | Fault {
  const faults: Fault[] = []
  const on = readerOf(`namespace ${namespace}`, from, faults)(annotations.PAUSED, yesOrNo)
  return faults[0] ?? on ?? false
}
