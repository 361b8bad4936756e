/**
 * A proxy between one Sluice and the API server that makes requests fail in every way that a network and a busy
 * server have. It speaks HTTP/2 and HTTP/1.1, and shows the API server's own certificate.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { ServerResponse, type IncomingMessage } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { Agent, createServer, request as httpsRequest } from 'node:https'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../../testbed/cluster.ts'
import { writeKubeconfig } from '../../testbed/kubeconfig.ts'
import { freePort } from '../../testbed/ports.ts'
import { FAULT_KINDS, seenRequest, type FaultKind, type FaultPlan } from './fault.ts'
import { NO_FAULTS } from './fault-rules.ts'
import { relayWatch } from './watch-relay.ts'

export interface FaultProxy {
  /** Path of a kubeconfig of the shipped service account that leads through the proxy. */
  readonly kubeconfig: string
  /** How many faults of each kind were injected. */
  readonly injected: ReadonlyMap<FaultKind, number>
  /** How many answers of each status the server itself gave; ERROR events of watches count by their code. */
  readonly answered: ReadonlyMap<number, number>
  /** How many watches are open now. */
  readonly openWatches: number
  /** From the next request and the next watch on, this happens. */
  use(plan: FaultPlan): void
  /** Breaks all watches that are open, so that they are opened again under the plan in use. */
  cutWatches(): void
  stop(): Promise<void>
}

/** Starts a proxy that lets everything pass. Without `http2` it speaks HTTP/1.1 only. */
export async function startFaultProxy(
  cluster: TestCluster,
  { http2 = true }: { http2?: boolean } = {},
): Promise<FaultProxy> {
  const certificates = join(cluster.dir, 'certificates')
  const certificate = {
    key: readFileSync(join(certificates, 'apiserver.key')),
    cert: readFileSync(join(certificates, 'apiserver.crt')),
  }
  const server = http2
    ? createSecureServer({ ...certificate, allowHTTP1: true })
    : createServer(certificate)
  const upstream = createUpstream(cluster)
  const injected = new Map<FaultKind, number>(FAULT_KINDS.map((kind) => [kind, 0]))
  const answered = new Map<number, number>()
  const connections = new Map<number, Socket>()
  const watches = new Set<() => void>()
  let plan = NO_FAULTS

  server.on('connection', (socket: Socket) => {
    const { remotePort = 0 } = socket
    connections.set(remotePort, socket)
    socket.once('close', () => connections.delete(remotePort))
  })
  server.on('sessionError', () => {}) // a connection that was reset
  // HTTP/1.1 has the same interface, whatever the types say.
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    request.on('error', () => {}) // likewise
    response.on('error', () => {})
    serve(request, response).catch((error: unknown) => {
      // The server is away, or broke the connection: so does the proxy.
      if (!isNetworkError(error)) console.error('fault proxy:', error)
      cutStream(response)
    })
  })

  const count = (kind: FaultKind) => injected.set(kind, (injected.get(kind) ?? 0) + 1)
  const countAnswer = (status: number) => answered.set(status, (answered.get(status) ?? 0) + 1)
  const reset = ({ socket }: Http2ServerRequest) => {
    const connection = connections.get(socket.remotePort ?? 0)
    connection?.destroy()
  }

  async function serve(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const body = await bytesOf(request)
    const seen = seenRequest(request.method, request.url)
    if (seen.verb === 'watch') return serveWatch(request, response)
    const fault = plan.request(seen)
    if (fault) count(fault.kind)
    const forward = async () => {
      const answer = await upstream.send(request, body)
      const bytes = await bytesOf(answer)
      countAnswer(answer.statusCode ?? 0)
      return { answer, bytes }
    }
    switch (fault?.kind) {
      case 'conflict':
        refuse(response, 409, 'Conflict')
        break
      case 'too many requests':
        refuse(response, 429, 'TooManyRequests', fault.seconds)
        break
      case 'internal error':
        refuse(response, 500, 'InternalError')
        break
      case 'unavailable':
        refuse(response, 503, 'ServiceUnavailable')
        break
      case 'timeout though done':
        await forward()
        refuse(response, 504, 'Timeout')
        break
      case 'reset before':
        reset(request)
        break
      case 'reset during':
        reset(request)
        await sleep(fault.ms)
        await forward()
        break
      case 'reset after':
        await forward()
        reset(request)
        break
      case 'slow':
      case undefined: {
        const pause = (fault?.ms ?? 0) / 2
        await sleep(pause)
        // Its sender is gone, and the request with it.
        if (isGone(response)) return
        const { answer, bytes } = await forward()
        await sleep(pause)
        if (isGone(response)) return
        response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers))
        response.end(bytes)
      }
    }
  }

  async function serveWatch(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
  ): Promise<void> {
    const faults = plan.watch(seenRequest(request.method, request.url))
    for (const { kind } of faults) {
      const refusal = OPENING[kind]
      if (!refusal) continue
      count(kind)
      refuse(response, ...refusal)
      return
    }
    const answer = await upstream.send(request)
    if (answer.statusCode !== 200) countAnswer(answer.statusCode ?? 0)
    const relay = relayWatch(
      {
        write: (bytes) => response.write(bytes),
        end: () => response.end(),
        cut: () => cutStream(response),
      },
      faults,
      count,
    )
    const cut = () => {
      count('watch cut')
      relay.stop()
      cutStream(response)
    }
    watches.add(cut)
    response.once('close', () => {
      watches.delete(cut)
      relay.stop()
      answer.destroy()
    })
    if (isGone(response)) {
      watches.delete(cut)
      answer.destroy()
      return
    }
    response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers))
    // Under HTTP/1.1 the head would wait for the first event.
    if (response instanceof ServerResponse) response.flushHeaders()
    answer.on('data', (chunk: Buffer) => {
      if (chunk.includes('"type":"ERROR"') && chunk.includes('"code":410')) countAnswer(410)
      relay.data(chunk)
    })
    answer.once('end', () => relay.end())
    answer.once('error', () => cutStream(response))
  }

  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    kubeconfig: writeKubeconfig(join(cluster.dir, `proxied-${port}.kubeconfig`), {
      server: `https://127.0.0.1:${port}`,
      certificateAuthority: cluster.certificateAuthority,
      user: 'sluice',
      token: await cluster.tokenFor('sluice-system', 'sluice'),
      namespace: 'sluice-system',
    }),
    injected,
    answered,
    get openWatches() {
      return watches.size
    },
    use(next) {
      plan = next
    },
    cutWatches() {
      for (const cut of [...watches]) cut()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const connection of connections.values()) connection.destroy()
      upstream.close()
      await closed
    },
  }
}

/** What is answered instead of a stream. */
const OPENING: Readonly<Partial<Record<FaultKind, readonly [code: number, reason: string]>>> = {
  'watch unavailable': [503, 'ServiceUnavailable'],
  'watch forbidden': [403, 'Forbidden'],
  'watch gone': [410, 'Expired'],
}

interface Upstream {
  /** Sends a request on; resolves with the head of the answer. */
  send(request: Http2ServerRequest, body?: Uint8Array): Promise<IncomingMessage>
  close(): void
}

/** The way to the API server: HTTP/1.1, so that no request shares its fate with another. */
function createUpstream({ server, certificateAuthority }: TestCluster): Upstream {
  // A fresh connection each: one that the server just closed would be a fault that nobody planned.
  const agent = new Agent({ ca: certificateAuthority, keepAlive: false })
  return {
    send({ method, url, headers }, body) {
      const answer = Promise.withResolvers<IncomingMessage>()
      const request = httpsRequest(new URL(url, server), {
        agent,
        method,
        headers: passedOn(headers),
      })
      request.once('response', answer.resolve)
      request.on('error', answer.reject)
      request.end(body)
      return answer.promise
    },
    close: () => agent.destroy(),
  }
}

/** Headers, without those of HTTP/2 itself and of one connection. */
function passedOn<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  const own = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding'])
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith(':') && !own.has(name)),
  )
}

/** Answers as the API server does when it refuses. */
function refuse(
  response: Http2ServerResponse,
  code: number,
  reason: string,
  retryAfter?: number,
): void {
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  })
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code }
  response.end(JSON.stringify({ ...status, message: 'injected' }))
}

/** Whoever asked is gone. */
function isGone(response: Http2ServerResponse): boolean {
  return streamOf(response)?.destroyed ?? response.socket.destroyed
}

/** Absent under HTTP/1.1, whatever the types say. */
function streamOf(response: Http2ServerResponse): Http2ServerResponse['stream'] | undefined {
  return (response as { stream?: Http2ServerResponse['stream'] }).stream
}

/** Breaks one answer off; under HTTP/1.1 its connection is all there is to break. */
function cutStream(response: Http2ServerResponse): void {
  const stream = streamOf(response)
  if (stream) stream.close(INTERNAL_ERROR)
  else response.socket.destroy()
}

/** https://www.rfc-editor.org/rfc/rfc9113.html#name-error-codes */
const INTERNAL_ERROR = 2

async function bytesOf(message: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function isNetworkError(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}
