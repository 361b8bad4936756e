/**
 * What Sluice tells over HTTP: metrics, health, readiness and the status.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ListenAddress } from '../../config/listen-address.ts'
import type { Certificate } from './certificate.ts'
import type { Refusal } from './token-authorizer.ts'

/** Whether all is well, and if not, why. */
export interface Health {
  readonly ok: boolean
  readonly reasons: readonly string[]
}

/** What the endpoints answer. */
export interface Answers {
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  /** `/healthz`: a process that is not healthy is to be killed. */
  readonly healthy: () => Health
  /** `/readyz`. */
  readonly ready: () => Health
  /** `/status`: anything that can be written as JSON. */
  readonly status: () => unknown
  /**
   * What stands against answering `/metrics` or `/status`, given the `Authorization` header; undefined: everybody may read
   * them. Health and readiness are for everybody: a kubelet has no token to show.
   */
  readonly refuse?:
    ((path: string, authorization: string | undefined) => Promise<Refusal | undefined>) | undefined
  /** Told of whatever an endpoint throws; the client learns only that it failed. */
  readonly onError: (error: unknown) => void
}

/** A server that listens. */
export interface HttpServer {
  readonly address: AddressInfo
  /** From now on serves with this one; only where it was started with a certificate. */
  readonly renew: (certificate: Certificate) => void
  /** Stops listening; requests under way have half a second left. Call it once. */
  readonly close: () => Promise<void>
}

/** Long enough for any honest client, and short enough for many slow ones. Milliseconds. */
const HEADERS_TIMEOUT = 5_000
const REQUEST_TIMEOUT = 10_000
const SILENCE_TIMEOUT = 30_000
const CLOSE_TIMEOUT = 500

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

type Route = (request: IncomingMessage) => Answer | Promise<Answer>

/** Starts the server; rejects with a clear message where it cannot listen. */
export async function startHttpServer({
  listen,
  certificate,
  ...endpoints
}: Answers & {
  readonly listen: ListenAddress
  /** Serves HTTPS with it; plain HTTP without. */
  readonly certificate?: Certificate | undefined
}): Promise<HttpServer> {
  const limits = {
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: 8 * 1024,
  }
  const secure = certificate && (await secureServer({ ...limits, ...certificate }))
  const server = secure ?? createServer(limits)
  server.setTimeout(SILENCE_TIMEOUT)
  const routes = routesOf(endpoints)
  server.on('request', (request, response) => {
    void respond(routes, request, response, endpoints.onError)
  })

  try {
    server.listen(listen)
    await once(server, 'listening')
  } catch (error) {
    throw new Error(cannotListen(listen, error), { cause: error })
  }
  server.on('error', endpoints.onError)
  return {
    address: server.address() as AddressInfo,
    renew: (renewed) => secure?.setSecureContext({ ...renewed }),
    close: () => close(server),
  }
}

/** Loaded only where it is needed: it takes memory. */
async function secureServer(options: object): Promise<SecureServer> {
  const { createServer } = await import('node:https')
  return createServer(options)
}

function routesOf(endpoints: Answers): ReadonlyMap<string, Route> {
  const guarded = (path: string, route: Route): [string, Route] => [
    path,
    async (request) => {
      const refusal = await endpoints.refuse?.(path, request.headers.authorization)
      return refusal ? text(refusal.status, refusal.message) : route(request)
    },
  ]
  return new Map<string, Route>([
    guarded('/metrics', async () => ({ status: 200, ...(await endpoints.metrics()) })),
    ['/healthz', () => judge(endpoints.healthy())],
    ['/readyz', () => judge(endpoints.ready())],
    guarded('/status', () => json(endpoints.status())),
  ])
}

function judge({ ok, reasons }: Health): Answer {
  return text(ok ? 200 : 503, ok ? 'ok' : reasons.join('\n'))
}

function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` }
}

function json(value: unknown): Answer {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value)}\n` }
}

async function respond(
  routes: ReturnType<typeof routesOf>,
  request: IncomingMessage,
  response: ServerResponse,
  onError: Answers['onError'],
): Promise<void> {
  let answer: Answer
  try {
    answer = await answerTo(routes, request)
  } catch (error) {
    onError(error)
    answer = text(500, 'internal error')
  }
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    ...(answer.status === 405 && { allow: 'GET, HEAD' }),
    ...(answer.status === 401 && { 'www-authenticate': 'Bearer' }),
  })
  // Node sends no body in answer to HEAD.
  response.end(answer.body)
}

async function answerTo(
  routes: ReturnType<typeof routesOf>,
  request: IncomingMessage,
): Promise<Answer> {
  const { url = '', method = '' } = request
  const route = routes.get(url.replace(/\?.*$/s, ''))
  if (route === undefined) return text(404, `not found; there are ${[...routes.keys()].join(', ')}`)
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD')
  return route(request)
}

function cannotListen({ host = '', port }: ListenAddress, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reason = code === 'EADDRINUSE' ? 'another process listens there' : String(error)
  return `cannot listen on ${host}:${port}: ${reason}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT)
  await closed
  clearTimeout(timer)
}
