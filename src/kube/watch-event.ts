/**
 * What a watch sends: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/watch-event/
 */

/** An object as far as the wire cares; the rest of it is whatever the server sent. */
export interface RawObject {
  readonly metadata: {
    readonly namespace?: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** Names one object; `namespace` is '' for cluster-wide ones. */
export interface ObjectRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Something changed, or the stream says how far it is, or why it ends. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: unknown }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number } }

/** A document of a watch as an event: anything else that a server may send is an error of no known kind. */
export function eventOf(document: unknown): WatchEvent {
  const event = (document ?? {}) as Partial<WatchEvent>
  const known = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].includes(event.type ?? '')
  return known && event.object ? (event as WatchEvent) : { type: 'ERROR', object: {} }
}

/** What names an object; undefined for one that the API server could not have made. */
export function refOf(object: unknown): ObjectRef | undefined {
  const { metadata } = (object ?? {}) as { metadata?: Partial<RawObject['metadata']> | null }
  const { namespace = '', name, uid } = metadata ?? {}
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof uid !== 'string') {
    return undefined
  }
  return { namespace, name, uid }
}

/** The version of an object, where it has one. */
export function versionOf(object: unknown): string | undefined {
  const { metadata } = (object ?? {}) as { metadata?: { resourceVersion?: unknown } | null }
  const version = metadata?.resourceVersion
  return typeof version === 'string' && version !== '' ? version : undefined
}

/** The bookmark behind the last object of a streaming list: KEP-3157. */
export function isEndOfList({ type, object }: WatchEvent): boolean {
  if (type !== 'BOOKMARK') return false
  const { metadata } = object as Partial<RawObject>
  return metadata?.annotations?.['k8s.io/initial-events-end'] === 'true'
}
