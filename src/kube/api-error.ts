/**
 * What is kept of a failed request. The body of an answer is tainted (it may quote the object, a Secret's bytes
 * included), so it never reaches a message, a stack, a cause or a log.
 */
import { STATUS_CODES } from 'node:http'
import { refuserIn } from '../model/refuser.ts'
import type { ApiCall } from './api-call.ts'

/** A cause in a Status object: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusCause {
  readonly reason: string
  /** Tainted: for matching only. */
  readonly message: string
}

/** How a request failed. */
export interface RequestFailure {
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** The system's word for what went wrong on the way; an answer has its own. */
  readonly reason?: string
  /** What the `Retry-After` header asks for (ms). */
  readonly retryAfterMs?: number | undefined
  /** The answer, whatever it is: normally a Status object. */
  readonly body?: unknown
  /** Only an error that is known to quote no answer. */
  readonly cause?: Error
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
  // Private to the language too: neither JSON.stringify nor util.inspect shows it.
  readonly #body: Readonly<Record<string, unknown>>

  constructor(call: ApiCall, { status, reason, retryAfterMs, body, cause }: RequestFailure) {
    const answer = recordOf(body)
    const details = recordOf(answer['details'])
    const word = plainWord(reason) ?? plainWord(answer['reason'])
    const outcome = status === 0 ? word : `${status} ${word ?? STATUS_CODES[status] ?? ''}`.trim()
    super(
      `${describeCall(call)}: ${outcome ?? 'no answer'}`,
      cause === undefined ? undefined : { cause },
    )
    const seconds = details['retryAfterSeconds']
    this.status = status
    this.reason = word ?? 'Unknown'
    this.retryAfterMs =
      retryAfterMs ?? (typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined)
    this.#body = answer
  }

  /** Why the server refused, in its own words: for matching, never for printing. */
  causes(): readonly StatusCause[] {
    const { causes } = recordOf(this.#body['details'])
    if (!Array.isArray(causes)) return []
    return causes.map(recordOf).map(({ reason, message }) => ({
      reason: plainWord(reason) ?? '',
      message: typeof message === 'string' ? message : '',
    }))
  }

  /** Whether the server's message has `text` in it. */
  mentions(text: string): boolean {
    const { message } = this.#body
    return typeof message === 'string' && message.includes(text)
  }

  /**
   * The admission that refused the write or could not be asked, by name, if the message says so. Nothing else of the
   * message: a webhook may quote the object.
   */
  get refuser(): string | undefined {
    const { message } = this.#body
    const found = typeof message === 'string' ? refuserIn(message) : undefined
    return found && `${found.kind} ${found.name} refuses it`
  }

  /** The kind and name of the object that the server blames; empty where it names none. */
  get blamed(): { readonly kind: string; readonly name: string } {
    const { kind, name } = recordOf(this.#body['details'])
    return { kind: objectName(kind), name: objectName(name) }
  }
}

/** `patch deployments.apps shop/web`: a call in words. */
function describeCall({ verb, group, resource, subresource, namespace, name }: ApiCall): string {
  const kind = `${resource}${group === '' ? '' : `.${group}`}${subresource ? `/${subresource}` : ''}`
  const object = [namespace, name].filter((part) => part !== undefined).join('/')
  return object === '' ? `${verb} ${kind}` : `${verb} ${kind} ${object}`
}

/** 404. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

/** 409: somebody else wrote in between, or created it first. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409
}

/** 410: the server knows the version to go on from no more. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410
}

/** The reason of an error whose request was not sent. */
export const NOT_SENT = 'NotSent'

/** The request was given up before anything was sent. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0 && error.reason === NOT_SENT
}

/** Only a word can be no secret. */
function plainWord(reason: unknown): string | undefined {
  return typeof reason === 'string' && /^\w{1,40}$/.test(reason) ? reason : undefined
}

/** A name of an object or of a resource, as RFC 1123 allows it; anything else is a quotation of something. */
function objectName(name: unknown): string {
  return typeof name === 'string' && /^[a-zA-Z0-9.-]{1,253}$/.test(name) ? name : ''
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
