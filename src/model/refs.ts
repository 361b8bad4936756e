/**
 * Names of the things Sluice talks about. A ref is what a person reads; a key is what a Map holds.
 */

/** A Secret whose content pods consume. */
export interface SourceRef {
  readonly namespace: string
  readonly name: string
}

/** A workload that opted in. The UID tells a recreated one from its predecessor of the same name. */
export interface WorkloadRef {
  readonly kind: 'Deployment'
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** One pod; evictions carry the UID so that they never hit a successor of the same name. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** `namespace/name`: the key of a namespaced object of a known kind. */
export type NamespacedKey = string

/** Key of any namespaced object. */
export function namespacedKey(ref: { namespace: string; name: string }): NamespacedKey {
  return `${ref.namespace}/${ref.name}`
}

/** `Deployment shop/web`: how a workload is named in messages. */
export function describeWorkload(ref: WorkloadRef): string {
  return `${ref.kind} ${ref.namespace}/${ref.name}`
}
