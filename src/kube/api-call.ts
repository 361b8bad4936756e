/**
 * What a request to the API server is about.
 */

/** The HTTP method of each verb, as RBAC names them. */
export const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const

export type Verb = keyof typeof METHODS

/** What a request is about. */
export interface ApiCall {
  readonly verb: Verb
  /** '' for the core group. */
  readonly group: string
  readonly version: string
  /** Plural. */
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** `application/json` if not given; a patch says here what it is. */
  readonly contentType?: string
  readonly accept?: string
  /** How long the whole request may take (ms); the client's own if not given. */
  readonly timeout?: number
  /** Ends it early, with an error. */
  readonly signal?: AbortSignal
  /**
   * Asked when the credentials are there, right before it is handed to the connection: reading them takes time, in which
   * a process may have been stopped. Where it answers no the request fails as `NotSent`.
   */
  readonly maySend?: () => boolean
}
