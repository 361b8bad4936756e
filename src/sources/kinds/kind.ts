/**
 * What Sluice knows about one kind of source: where its values stand in the object. Pure.
 */
import type { ManagedField } from '../../model/managed-time.ts'
import type { KindOfSource } from '../../model/refs.ts'

/** The part of a Secret or a ConfigMap that is read. Values of Secrets stand in base64, those of ConfigMaps in `data` as text. */
export interface RawSource {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly managedFields?: readonly ManagedField[]
  }
  readonly immutable?: boolean
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
}

/** Values by key, all in base64: one that a digest is made of and nobody keeps. */
type RawValues = Readonly<Record<string, string>>

/** Everything Sluice knows about one kind of source. */
export interface SourceKind {
  readonly kind: KindOfSource
  /** Of API group '' and version v1. */
  readonly plural: 'secrets' | 'configmaps'
  readonly valuesIn: (raw: RawSource) => RawValues
  /** Whether a manager wrote content. */
  readonly ownsValues: (field: ManagedField) => boolean
}
