/**
 * What is kept of a failed request. The body of an answer is tainted (it may quote the object, a Secret's bytes
 * included), so it never reaches a message, a stack, a cause or a log.
 */
import { inspect } from 'node:util'
import type { ApiCall } from './client.ts'

/** A cause in a Status object: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusCause {
  readonly reason: string
  /** Tainted: for matching only. */
  readonly message: string
}

/** The part of a Status object that is read. */
export interface StatusBody {
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly kind?: string
    readonly name?: string
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[]
  }
}

/** A request that failed: by the server's answer, or on the way (status 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** The Status object's reason, or the system's word for what went wrong on the way. */
  readonly reason: string
  /** How long the server asks to wait (ms). */
  readonly retryAfterMs: number | undefined
  readonly #body: StatusBody

  constructor(
    call: ApiCall,
    {
      status,
      reason,
      retryAfterMs,
      body = {},
    }: {
      status: number
      reason: string
      retryAfterMs?: number | undefined
      body?: StatusBody
    },
  ) {
    super(`${describeCall(call)}: ${status === 0 ? '' : `${status} `}${plainWord(reason)}`)
    this.status = status
    this.reason = plainWord(reason)
    this.retryAfterMs = retryAfterMs
    this.#body = body
  }

  /** Why the server refused, in its own words: for matching, never for printing. */
  causes(): readonly StatusCause[] {
    const causes = this.#body.details?.causes ?? []
    return causes.map(({ reason = '', message = '' }) => ({ reason, message }))
  }

  /** Whether the server's message has `text` in it. */
  mentions(text: string): boolean {
    return this.#body.message?.includes(text) ?? false
  }

  /** The kind and name of the object that the server blames. */
  get blamed(): { readonly kind: string; readonly name: string } {
    const { kind = '', name = '' } = this.#body.details ?? {}
    return { kind, name }
  }

  [inspect.custom](): string {
    return this.stack ?? this.message
  }
}

/** `patch deployments.apps shop/web`: a call in words. */
export function describeCall({
  verb,
  group,
  resource,
  subresource,
  namespace,
  name,
}: ApiCall): string {
  const kind = `${resource}${group === '' ? '' : `.${group}`}${subresource ? `/${subresource}` : ''}`
  const object = [namespace, name].filter((part) => part !== undefined).join('/')
  return object === '' ? `${verb} ${kind}` : `${verb} ${kind} ${object}`
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409
}

/** Only a word can be no secret. */
function plainWord(reason: string): string {
  return /^[A-Za-z_]{1,40}$/.test(reason) ? reason : 'Unknown'
}
