/**
 * Annotations and labels of Sluice's prefix that can have no effect where they stand. Pure.
 */
import { KINDS_OF_WORKLOAD } from '../model/refs.ts'
import {
  IGNORE,
  GROUP,
  meantBy,
  NAMES,
  PREFIX,
  RESTART_ON_CHANGE,
  URGENT,
} from '../model/annotations.ts'
import type { Annotations } from '../config/annotation-reader.ts'

/** What stands on an object. */
export interface Marked {
  readonly annotations?: Annotations | undefined
  readonly labels?: Annotations | undefined
}

/** An object that somebody expects something of, in vain. */
export interface Ineffective {
  readonly subject: {
    readonly apiVersion: string
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly uid: string
  }
  /** For a person: what has no effect, and why. */
  readonly note: string
}

/** Whose annotations are read: workloads, their pod templates and Namespaces; sources; of nothing else. */
export type Reader = 'workload' | 'source' | 'nobody'

const RESTARTED = new Intl.ListFormat('en').format(KINDS_OF_WORKLOAD.map((kind) => `${kind}s`))
const ON_SOURCES: ReadonlySet<string> = new Set([IGNORE, GROUP, URGENT])
/** Names of our prefix that are looked at: whoever may write them may write thousands. */
const MOST_LOOKED_AT = 16

/** What of it has no effect, each with the reason. */
export function ineffectiveMarks(
  reader: Reader,
  { annotations = {}, labels = {} }: Marked,
): readonly string[] {
  return [
    ...ours(labels).map((name) => `label ${name}: Sluice reads annotations, not labels`),
    ...ours(annotations).flatMap((name) => {
      const why = noEffect(reader, name, annotations[name])
      return why === undefined ? [] : [`annotation ${name}: ${why}`]
    }),
  ]
}

function noEffect(reader: Reader, name: string, value: string | undefined): string | undefined {
  switch (reader) {
    case 'workload':
      return name === URGENT ? 'it belongs on a Secret or ConfigMap' : undefined
    case 'source':
      // One with a typing error is a fault of the source already.
      return ON_SOURCES.has(name) || !NAMES.has(name)
        ? undefined
        : 'it belongs on a workload, its pod template or its Namespace'
    case 'nobody':
      // Nothing is what it asks for.
      return name === RESTART_ON_CHANGE && value === 'false'
        ? undefined
        : `Sluice restarts ${RESTARTED}, and no other kind`
  }
}

function ours(names: Annotations): readonly string[] {
  return Object.keys(names)
    .filter((name) => name.startsWith(PREFIX))
    .slice(0, MOST_LOOKED_AT)
    .filter((name) => NAMES.has(name) || meantBy(name) !== undefined)
}
