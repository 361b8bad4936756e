/**
 * The settings of one workload: its annotations over those of its pod template over those of its Namespace over the
 * configuration. Pure.
 *
 * An annotation that cannot be read is a fault, never a guess: the workload is held until it is put right.
 */
import * as annotations from '../model/annotations.ts'
import {
  duration,
  groupName,
  ignored,
  limit,
  oneOf,
  restartOnChange,
  upToAnHour,
  wholeNumber,
  yesOrNo,
} from '../config/kind.ts'
import type { KindOfSource } from '../model/refs.ts'
import type { Fault } from '../model/fault.ts'
import type { Config } from '../config/settings.ts'
import { VOLUME_MODES, type Volumes } from '../config/volumes.ts'
import type { Limit } from '../config/limit.ts'
import { misspelt, readerOf, type Annotations, type Place } from '../config/annotation-reader.ts'
import type { WorkloadRecord } from './workload.ts'

/** What counts for one workload. Durations are milliseconds. */
export interface Settings {
  /** Changes of which kinds of sources restart it. */
  readonly sources: ReadonlySet<KindOfSource>
  /** Sources (`secret/name`) and keys (`secret/name/key`) that do not count. */
  readonly ignore: ReadonlySet<string>
  /** What a change means for plain volumes, whose files the kubelet updates. */
  readonly volumes: Volumes
  readonly strategy: 'auto' | 'evict' | 'rollout'
  readonly maxUnavailable: Limit
  /** An annotation says so, not the configuration. */
  readonly maxUnavailableIsExplicit: boolean
  readonly priority: number
  readonly minInterval: number
  readonly settle: number
  /** Pods that leave count as unavailable until they are gone. */
  readonly waitForTermination: boolean
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
  | 'sources'
  | 'volumes'
  | 'strategy'
  | 'maxUnavailable'
  | 'minRestartInterval'
  | 'settle'
  | 'waitForTermination'
>

/** Where the annotations of a workload stand, besides its Namespace. */
export type Annotated = Pick<WorkloadRecord, 'annotations' | 'templateAnnotations'>

const NO_ANNOTATIONS: Annotated = { annotations: {}, templateAnnotations: {} }

/** The nearest first: each annotation counts where it first stands. */
function placesOf(workload: Annotated, namespace: Annotations): readonly Place[] {
  return [
    ['the workload', workload.annotations],
    ['the pod template', workload.templateAnnotations],
    ['the namespace', namespace],
  ]
}

/**
 * Whether a workload opted in: by itself, by its pod template, or with all workloads of its Namespace. A value other than
 * "false" opts in even where it cannot be read, and so does a name with a typing error: the fault shows, and holds it.
 */
export function optedIn(workload: Annotated, namespace: Annotations): boolean {
  const values = placesOf(workload, namespace).map(([, from]) => optIn(from))
  return (values.find((value) => value !== undefined) ?? 'false') !== 'false'
}

function optIn(from: Annotations): string | undefined {
  const name = annotations.RESTART_ON_CHANGE
  const meant = () => Object.keys(from).find((each) => annotations.meantBy(each) === name)
  return from[name] ?? from[meant() ?? '']
}

/** Reads the settings of a workload. */
export function readSettings(
  workload: Annotated,
  namespace: Annotations,
  defaults: Defaults,
): Settings {
  const places = placesOf(workload, namespace)
  const faults = places.flatMap(misspelt)
  const read = readerOf(places, faults)
  const sources = read(annotations.RESTART_ON_CHANGE, restartOnChange(defaults.sources))
  const maxUnavailable = read(annotations.MAX_UNAVAILABLE, limit)
  return {
    sources: sources ?? defaults.sources,
    ignore: read(annotations.IGNORE, ignored) ?? new Set(),
    volumes: read(annotations.VOLUMES, oneOf(...VOLUME_MODES)) ?? defaults.volumes,
    strategy: strategyOf(read, defaults),
    maxUnavailable: maxUnavailable ?? defaults.maxUnavailable,
    maxUnavailableIsExplicit: maxUnavailable !== undefined,
    priority: read(annotations.PRIORITY, wholeNumber) ?? 0,
    minInterval: read(annotations.MIN_INTERVAL, duration) ?? defaults.minRestartInterval,
    settle: read(annotations.SETTLE, upToAnHour) ?? defaults.settle,
    waitForTermination:
      read(annotations.WAIT_FOR_TERMINATION, yesOrNo) ?? defaults.waitForTermination,
    group: read(annotations.GROUP, groupName),
    progressDeadline: read(annotations.PROGRESS_DEADLINE, upToAnHour),
    resume: places.map(([, from]) => from[annotations.RESUME]).find((id) => id !== undefined),
    // A Namespace that is paused is paused for all, whatever a workload says.
    paused: [places.slice(0, 2), places.slice(2)]
      .map((some) => readerOf(some, faults)(annotations.PAUSED, yesOrNo))
      .includes(true),
    faults,
  }
}

/** What a change means for the plain volumes of a workload that did not opt in; `ignore` where that cannot be read. */
export function readVolumes(
  workload: Annotated | undefined,
  namespace: Annotations,
  { volumes }: Pick<Defaults, 'volumes'>,
): Volumes {
  const faults: Fault[] = []
  const read = readerOf(placesOf(workload ?? NO_ANNOTATIONS, namespace), faults)
  const found = read(annotations.VOLUMES, oneOf(...VOLUME_MODES)) ?? volumes
  return faults.length > 0 ? 'ignore' : found
}

/** Where Sluice may only evict, `auto` is `evict`, and a workload that wants a rollout is told. */
function strategyOf(
  read: ReturnType<typeof readerOf>,
  { strategy }: Defaults,
): Settings['strategy'] {
  if (strategy === 'evict-only') {
    read(annotations.STRATEGY, oneOf('auto', 'evict'))
    return 'evict'
  }
  return read(annotations.STRATEGY, oneOf('auto', 'evict', 'rollout')) ?? strategy
}

/**
 * The kill switch in the annotations of Sluice's own Namespace. One that cannot be read is on, and is told as a fault.
 */
export function readKillSwitch(namespace: string, from: Annotations): boolean | Fault {
  const faults: Fault[] = []
  const on = readerOf([[`namespace ${namespace}`, from]], faults)(annotations.PAUSED, yesOrNo)
  return faults[0] ?? on ?? false
}
