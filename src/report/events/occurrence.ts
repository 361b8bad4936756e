/**
 * Something that people are to be told of an object, before it becomes an Event.
 */
import type { SourceRef, WorkloadRef } from '../../model/refs.ts'

type EventReason =
  /** A workload's restart began. */
  | 'RestartStarted'
  | 'RestartFinished'
  /** It has been held for a minute, and nothing but a person's doing ends it. */
  | 'RestartHeld'
  | 'RestartFailed'
  /** A Halt stops the restarts of a group. */
  | 'GroupHalted'
  /** An annotation of Sluice's cannot be read. */
  | 'InvalidAnnotation'
  /** One can have no effect where it stands. */
  | 'AnnotationIneffective'
  /** The first restart for a change of the Secret began. */
  | 'RotationStarted'
  | 'RotationFinished'
  | 'RotationHeld'
  /** No running pod holds old content of the Secret any more. */
  | 'OldContentUnused'

/** The object that an Event is about. */
export interface Subject {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Absent where it is not known (any more). */
  readonly uid?: string | undefined
}

export interface Occurrence {
  readonly regarding: Subject
  readonly related?: Subject | undefined
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  /** What Sluice did, or would do. */
  readonly action: 'Restart' | 'Rotate' | 'Halt' | 'ReadAnnotations'
  /** For a person, with the numbers. Never a value of a Secret. */
  readonly note: string
  /** Tells it from another one of the same object and reason: the restart, the hold, the Halt. */
  readonly about: string
}

export function workloadSubject({ apiVersion, kind, namespace, name, uid }: WorkloadRef): Subject {
  return { apiVersion, kind, namespace, name, uid }
}

/** @param uid empty for a source that does not exist */
export function sourceSubject(
  { kind, namespace, name }: SourceRef,
  uid: string | undefined,
): Subject {
  return { apiVersion: 'v1', kind, namespace, name, ...(uid && { uid }) }
}
