/**
 * Names of the things Sluice talks about. A ref is what a person reads; a key is what a Map holds.
 */

/** Kinds of objects whose content pods consume. */
export type KindOfSource = 'Secret' | 'ConfigMap'

/** An object whose content pods consume. A Secret and a ConfigMap of one name are two sources. */
export interface SourceRef {
  readonly kind: KindOfSource
  readonly namespace: string
  readonly name: string
}

/** `secret/db`: key of a source inside its namespace, and its name in annotations. */
export type LocalSource = `${Lowercase<KindOfSource>}/${string}`

/** `shop/secret/db`: key of a source in the cluster. */
export type SourceKey = `${string}/${LocalSource}`

/** `secret/db`. */
export function localSource({ kind, name }: Pick<SourceRef, 'kind' | 'name'>): LocalSource {
  return `${kind === 'Secret' ? 'secret' : 'configmap'}/${name}`
}

/** `shop/secret/db`. */
export function sourceKey(ref: SourceRef): SourceKey {
  return `${ref.namespace}/${localSource(ref)}`
}

/** The source of a namespace that a local key names. */
export function sourceIn(namespace: string, local: LocalSource): SourceRef {
  return { kind: kindOfSource(local), namespace, name: local.slice(local.indexOf('/') + 1) }
}

/** The kind of a local source. */
export function kindOfSource(local: LocalSource): KindOfSource {
  return local.startsWith('secret/') ? 'Secret' : 'ConfigMap'
}

/** The source that a key of the cluster names. */
export function sourceOf(key: SourceKey): SourceRef {
  const slash = key.indexOf('/')
  return sourceIn(key.slice(0, slash), key.slice(slash + 1) as LocalSource)
}

/** `Secret db`: how a source is named in messages about its own namespace. */
export function describeSource({ kind, name }: Pick<SourceRef, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}

/** `Secret db, ConfigMap app`: how local sources are named in messages. */
export function describeSources(locals: Iterable<LocalSource>): string {
  return [...new Set(locals)].map((each) => describeSource(sourceIn('', each))).join(', ')
}

/** Kinds of workloads that are restarted. */
export const KINDS_OF_WORKLOAD = ['Deployment', 'StatefulSet', 'DaemonSet'] as const
export type KindOfWorkload = (typeof KINDS_OF_WORKLOAD)[number]

/** A workload. The UID tells a recreated one from its predecessor of the same name. */
export interface WorkloadRef {
  readonly apiVersion: string
  readonly kind: KindOfWorkload
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
