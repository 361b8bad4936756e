/**
 * What can go wrong between Sluice and the API server.
 */

/** A request, as RBAC sees it. */
export interface SeenRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'
  /** `pods/eviction`. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

/** What happens to one request that is no watch. */
export type RequestFault =
  /** 409, and the server hears nothing of it. */
  | { readonly kind: 'conflict' }
  /** 429 with `Retry-After`, in seconds. */
  | { readonly kind: 'too many requests'; readonly seconds: number }
  /** 500, and the server hears nothing of it. */
  | { readonly kind: 'internal error' }
  /** 503, and the server hears nothing of it. */
  | { readonly kind: 'unavailable' }
  /** 504, though the server did it. */
  | { readonly kind: 'timeout though done' }
  /** Half of the time passes before the server gets the request, half before its answer arrives. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The connection, with all that runs on it, breaks before the server got the request. */
  | { readonly kind: 'reset before' }
  /** The connection breaks at once; the server gets to the request `ms` later. */
  | { readonly kind: 'reset during'; readonly ms: number }
  /** The connection breaks when the server has answered. */
  | { readonly kind: 'reset after' }

/** What happens to one watch, from its opening to its end. */
export type WatchFault =
  /** 503 instead of a stream. */
  | { readonly kind: 'watch unavailable' }
  /** 403 instead of a stream. */
  | { readonly kind: 'watch forbidden' }
  /** 410 instead of a stream. */
  | { readonly kind: 'watch gone' }
  /** The stream is ended by an ERROR event of 410, `ms` after its opening. */
  | { readonly kind: 'watch gone event'; readonly ms: number }
  /** The stream breaks `ms` after its opening. */
  | { readonly kind: 'watch cut'; readonly ms: number }
  /** The first event later than `ms` after the opening is cut in half, and the stream ends. */
  | { readonly kind: 'watch half line'; readonly ms: number }
  /** Everything of the stream comes so much later, in its order. */
  | { readonly kind: 'watch delayed'; readonly ms: number }
  /** Events come twice: as many as this says. */
  | { readonly kind: 'watch duplicate'; readonly twice: () => boolean }

export type Fault = RequestFault | WatchFault
export type FaultKind = Fault['kind']

/** Which faults happen to what. */
export interface FaultPlan {
  /** Asked once for each request but watches. */
  request(seen: SeenRequest): RequestFault | undefined
  /** Asked once for each watch, at its opening. */
  watch(seen: SeenRequest): readonly WatchFault[]
}

/** In the order in which a table shows them. */
export const FAULT_KINDS = [
  'conflict',
  'too many requests',
  'internal error',
  'unavailable',
  'timeout though done',
  'slow',
  'reset before',
  'reset during',
  'reset after',
  'watch unavailable',
  'watch forbidden',
  'watch gone',
  'watch gone event',
  'watch cut',
  'watch half line',
  'watch delayed',
  'watch duplicate',
] as const satisfies readonly FaultKind[]

/** Reads method and path: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function seenRequest(method: string, url: string): SeenRequest {
  const { pathname, searchParams } = new URL(url, 'https://proxy')
  const parts = pathname.split('/').slice(1).map(decodeURIComponent)
  const inGroup = parts.slice(parts[0] === 'apis' ? 3 : 2)
  const namespaced = inGroup[0] === 'namespaces' && inGroup.length > 2
  const [resource = '', name = '', subresource] = namespaced ? inGroup.slice(2) : inGroup
  return {
    verb: verbOf(method, name, searchParams.has('watch')),
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace: namespaced ? (inGroup[1] ?? '') : '',
    name,
  }
}

function verbOf(method: string, name: string, watch: boolean): SeenRequest['verb'] {
  switch (method) {
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return 'delete'
    default:
      if (watch) return 'watch'
      return name === '' ? 'list' : 'get'
  }
}
