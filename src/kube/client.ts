/**
 * One function for every request to the API server: in one place the connection, the credentials, the time limit,
 * the measure, and the cleaning of errors (docs/adr/0001-one-request-function.md).
 */
import type { Dispatcher } from 'undici'
import { METHODS, type ApiCall } from './api-call.ts'
import { ApiError, NOT_SENT } from './api-error.ts'
import { CredentialsError } from './credentials-error.ts'
import type { Access, Credentials } from './credentials.ts'
import { withSignal } from '../model/wake-up.ts'
import { lines } from './lines.ts'
import { ListItems } from './list-items.ts'

/** How one request went, for metrics and the clock. */
export interface CallReport {
  readonly call: ApiCall
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** Local clock, milliseconds: when the request was handed over, and when the head of the answer was there. */
  readonly sentAt: number
  readonly receivedAt: number
  /** The server's `Date`, whole seconds. */
  readonly date: string | undefined
}

/** How to follow a stream. */
export interface StreamOptions {
  /** Ends the stream, which then throws. */
  readonly signal: AbortSignal
  /** How long nothing may arrive (ms) before the stream is given up, and its connection put to the test. */
  readonly silence: number
}

export interface KubeClient {
  /** One request and its JSON answer. @throws ApiError, and nothing else */
  request<T>(call: ApiCall): Promise<T>
  /**
   * One page of a list: each item as soon as it has arrived, and then the list without them. @throws ApiError, and what
   * `take` throws
   */
  list<T>(call: ApiCall, take: (item: unknown) => void): Promise<T>
  /** The JSON documents, one a line, of an answer that goes on. @throws ApiError, and nothing else, here and there */
  stream(call: ApiCall, options: StreamOptions): Promise<AsyncIterable<unknown>>
  /** `GET /version`, which everybody may ask. @throws ApiError */
  serverVersion(): Promise<unknown>
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>
}

/** Longest time to wait for an answer (ms); shorter than a lease, so that no write outlives it. */
const TIMEOUT = 10_000
/** The same for a page of a list (ms), which may be tens of MiB. */
const LIST_TIMEOUT = 60_000
/**
 * Part of the time limit after which silence ends a request. Less than all of it: undici then asks the connection for a
 * sign of life, and replaces a dead one, whereas an abort would leave it to the next request.
 */
const SILENCE = 0.9

/** A client over the shared connections of `credentials`. */
export function createClient(
  credentials: Credentials,
  { now, onCall }: { now: () => number; onCall: (report: CallReport) => void },
): KubeClient {
  const { origin, pathname } = new URL(credentials.server)
  // Some servers live below a path.
  const base = pathname.replace(/\/$/, '')
  type Limits = Pick<Dispatcher.RequestOptions, 'signal' | 'headersTimeout' | 'bodyTimeout'>
  const open = async (call: ApiCall, limits: Limits): Promise<Dispatcher.ResponseData> => {
    const { dispatcher, headers } = await accessFor(call, credentials)
    if (call.maySend?.() === false) throw new ApiError(call, { status: 0, reason: NOT_SENT })
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const sentAt = now()
    const report = (status: number, date?: string) =>
      onCall({ call, status, sentAt, receivedAt: now(), date })
    let answer: Dispatcher.ResponseData
    try {
      answer = await dispatcher.request({
        ...limits,
        origin,
        path: base + pathOf(call),
        method: METHODS[call.verb],
        headers: {
          ...headers,
          accept: call.accept ?? 'application/json',
          'user-agent': 'sluice',
          ...(body !== undefined && { 'content-type': call.contentType ?? 'application/json' }),
        },
        ...(body !== undefined && { body }),
      })
    } catch (error) {
      report(0)
      throw failedOnTheWay(call, error)
    }
    report(answer.statusCode, textOf(answer.headers['date']))
    if (answer.statusCode === 401) credentials.refused()
    if (answer.statusCode >= 400) throw await refused(call, answer)
    return answer
  }
  const ask = <T>(
    call: ApiCall,
    read: (body: Dispatcher.ResponseData['body']) => Promise<unknown>,
  ): Promise<T> => {
    const timeout = call.timeout ?? TIMEOUT
    const silence = Math.ceil(timeout * SILENCE)
    return withSignal(call.signal ? [call.signal] : [], async (own) => {
      const late = setTimeout(() => own.abort(new DOMException('', 'TimeoutError')), timeout)
      const limits = { signal: own.signal, headersTimeout: silence, bodyTimeout: silence }
      try {
        const { body } = await open(call, limits)
        return (await read(body)) as T
      } catch (error) {
        throw error instanceof ApiError ? error : failedOnTheWay(call, error)
      } finally {
        clearTimeout(late)
      }
    })
  }
  const request = <T>(call: ApiCall): Promise<T> => ask(call, (body) => body.json())
  return {
    request,
    list: (call, take) =>
      ask({ timeout: LIST_TIMEOUT, ...call }, async (body) => {
        const items = new ListItems(take)
        for await (const { buffer, byteOffset, byteLength } of body as AsyncIterable<Uint8Array>)
          items.write(Buffer.from(buffer, byteOffset, byteLength))
        return items.end()
      }),
    serverVersion: () => request(VERSION),
    async stream(call, { signal, silence }) {
      const limits = { signal, headersTimeout: TIMEOUT, bodyTimeout: silence }
      const { body } = await open(call, limits)
      return documents(call, body)
    },
    close: () => credentials.close(),
  }
}

/** Not a resource, but shown like one. */
const VERSION: ApiCall = { verb: 'get', group: '', version: '', resource: 'version' }

/** Path and query of a call: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
export function pathOf(call: ApiCall): string {
  if (call.resource === VERSION.resource) return '/version'
  const { group, version, namespace, resource, name, subresource } = call
  const parts = [
    ...(group === '' ? ['api'] : ['apis', group]),
    version,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  const query = new URLSearchParams({
    ...call.query,
    ...(call.verb === 'watch' && { watch: 'true' }),
  })
  const path = parts.map(encodeURIComponent).join('/')
  return query.size === 0 ? `/${path}` : `/${path}?${query.toString()}`
}

async function accessFor(call: ApiCall, credentials: Credentials): Promise<Access> {
  try {
    return await credentials.access()
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error
    throw new ApiError(call, { status: 0, reason: 'NoCredentials', cause: error })
  }
}

/** No generator: it would hold a document, which may be a Secret, until the next one comes. */
function documents(call: ApiCall, body: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const all: AsyncIterator<Buffer> = lines(body)
  const iterator: AsyncIterator<unknown> = {
    async next() {
      try {
        const next = await all.next()
        if (next.done === true) return { value: undefined, done: true }
        return { value: JSON.parse(next.value.toString('utf8')) as unknown }
      } catch (error) {
        throw failedOnTheWay(call, error)
      }
    },
    async return() {
      await all.return?.()
      return { value: undefined, done: true }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

/** Of the error only the word for it is kept: that of a JSON parser quotes what it cannot parse. */
function failedOnTheWay(call: ApiCall, error: unknown): ApiError {
  const { code, name } = error as { code?: unknown; name?: unknown }
  const reason = typeof code === 'string' ? code : typeof name === 'string' ? name : 'Unknown'
  return new ApiError(call, { status: 0, reason })
}

async function refused(call: ApiCall, answer: Dispatcher.ResponseData): Promise<ApiError> {
  const { statusCode: status, headers } = answer
  const seconds = Number(textOf(headers['retry-after']))
  const retryAfterMs = seconds > 0 ? seconds * 1000 : undefined
  let body: unknown
  try {
    body = await answer.body.json()
  } catch {
    // Not a Status object (a proxy's page, say): the HTTP status says enough.
  }
  return new ApiError(call, { status, retryAfterMs, body })
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
