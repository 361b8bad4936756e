/**
 * ReplicaSets, from their metadata alone: the link between pods and what controls them. Pure.
 */
import { sharedText } from '../model/shared-text.ts'
import { controllerOf, type OwnerReference } from './pod.ts'

/** A ReplicaSet, from its metadata alone: the link between pods and their workload. */
export interface ReplicaSetRecord {
  readonly uid: string
  readonly ownerUid: string
}

/** The part of a PartialObjectMetadata that is read. */
export interface RawReplicaSet {
  readonly metadata: { readonly uid: string; readonly ownerReferences?: readonly OwnerReference[] }
}

/** Reads a ReplicaSet; `undefined` for one that no Deployment controls. */
export function readReplicaSet(raw: RawReplicaSet): ReplicaSetRecord | undefined {
  const owner = controllerOf(raw.metadata.ownerReferences, 'Deployment')
  return owner && { uid: raw.metadata.uid, ownerUid: sharedText(owner.uid) }
}
