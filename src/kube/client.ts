/**
 * One function for every request to the API server: in one place the connection, the credentials, the time limit,
 * the measure, and the cleaning of errors.
 */
import { request as send, type Dispatcher } from 'undici'
import { ApiError, type StatusBody } from './api-error.ts'
import type { Credentials } from './credentials.ts'

/** The verbs, as RBAC names them. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

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
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
}

/** How one request went, for metrics and the clock. */
export interface CallReport {
  readonly call: ApiCall
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** Local clock, milliseconds; of a watch, until the answer began. */
  readonly sentAt: number
  readonly receivedAt: number
  /** The server's `Date`, whole seconds. */
  readonly date: string | undefined
}

export interface KubeClient {
  /** One request and its JSON answer. @throws ApiError, and nothing else */
  request<T>(call: ApiCall): Promise<T>
  /** The chunks of an answer that goes on. @throws ApiError */
  stream(call: ApiCall, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** `GET /version`, which everybody may ask. @throws ApiError */
  serverVersion(): Promise<unknown>
  close(): Promise<void>
}

/** Longest time to wait for an answer (ms); shorter than a lease, so that no write outlives it. */
const TIMEOUT = 10_000

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const

/** A client over the shared connections of `credentials`. */
export function createClient(
  credentials: Credentials,
  { now, onCall }: { now: () => number; onCall: (report: CallReport) => void },
): KubeClient {
  const { dispatcher, server } = credentials
  const open = async (call: ApiCall, signal: AbortSignal): Promise<Dispatcher.ResponseData> => {
    const sentAt = now()
    const report = (status: number, date?: string) =>
      onCall({ call, status, sentAt, receivedAt: now(), date })
    let answer: Dispatcher.ResponseData
    try {
      answer = await send(urlOf(server, call), {
        dispatcher,
        signal,
        method: METHODS[call.verb],
        headers: {
          ...(await credentials.headers()),
          accept: call.accept ?? 'application/json',
          'user-agent': 'sluice',
          ...(call.body !== undefined && {
            'content-type': call.contentType ?? 'application/json',
          }),
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        headersTimeout: TIMEOUT,
        bodyTimeout: 0,
      })
    } catch (error) {
      report(0)
      throw failedOnTheWay(call, error)
    }
    report(answer.statusCode, textOf(answer.headers['date']))
    if (answer.statusCode >= 400) throw await refused(call, answer)
    return answer
  }
  const request = async <T>(call: ApiCall): Promise<T> => {
    const answer = await open(call, AbortSignal.timeout(TIMEOUT))
    try {
      return (await answer.body.json()) as T
    } catch (error) {
      throw failedOnTheWay(call, error)
    }
  }
  return {
    request,
    serverVersion: () => request(VERSION),
    async stream(call, signal) {
      const { body } = await open(call, signal)
      return cleaned(call, body)
    },
    close: () => dispatcher.destroy(),
  }
}

/** Not a resource, but shown like one. */
const VERSION: ApiCall = { verb: 'get', group: '', version: '', resource: 'version' }

/** The path of a call: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function pathOf({
  group,
  version,
  namespace,
  resource,
  name,
  subresource,
}: ApiCall): string {
  if (resource === VERSION.resource) return '/version'
  const parts = [
    group === '' ? 'api' : `apis/${group}`,
    version,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  return `/${parts.join('/')}`
}

function urlOf(server: string, call: ApiCall): string {
  const query = new URLSearchParams(call.query).toString()
  return `${server}${pathOf(call)}${query === '' ? '' : `?${query}`}`
}

async function* cleaned(call: ApiCall, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw failedOnTheWay(call, error)
  }
}

function failedOnTheWay(call: ApiCall, error: unknown): ApiError {
  const { code, name } = error as { code?: unknown; name?: unknown }
  const reason = typeof code === 'string' ? code : typeof name === 'string' ? name : 'Unknown'
  return new ApiError(call, { status: 0, reason })
}

async function refused(call: ApiCall, answer: Dispatcher.ResponseData): Promise<ApiError> {
  const seconds = Number(textOf(answer.headers['retry-after']))
  let body: StatusBody = {}
  try {
    body = (await answer.body.json()) as StatusBody
  } catch {
    // Not a Status object (a proxy's page, say): the HTTP status says enough.
  }
  return new ApiError(call, {
    status: answer.statusCode,
    reason: body.reason ?? 'Unknown',
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
    body,
  })
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
