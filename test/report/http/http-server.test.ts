import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as secureConnect } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ListenAddress } from '../../../src/config/listen-address.ts'
import {
  startHttpServer,
  type Answers,
  type HttpServer,
} from '../../../src/report/http/http-server.ts'
import { newCertificate } from './new-certificate.ts'

const servers: HttpServer[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(
  overrides: Partial<Parameters<typeof startHttpServer>[0]> = {},
  listen: ListenAddress = { host: '127.0.0.1', port: 0 },
): Promise<HttpServer> {
  const server = await startHttpServer({
    listen,
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    healthy: () => ({ ok: true, reasons: [] }),
    ready: () => ({ ok: true, reasons: [] }),
    status: () => ({}),
    onError: (error) => {
      throw error
    },
    ...overrides,
  })
  servers.push(server)
  return server
}

function urlOf({ address }: HttpServer, path: string): string {
  return `http://127.0.0.1:${address.port}${path}`
}

describe('the HTTP server', () => {
  test('serves metrics with their own content type', async () => {
    const answer = await fetch(urlOf(await start(), '/metrics'))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(await answer.text()).toBe('up 1\n')
  })

  test.each([
    ['/healthz', 'healthy'],
    ['/readyz', 'ready'],
  ] as const)('says ok at %s, or why not', async (path, endpoint) => {
    const good = await fetch(urlOf(await start(), path))
    expect([good.status, await good.text()]).toEqual([200, 'ok\n'])
    const verdict = { ok: false, reasons: ['pods: no event for 5m', 'secrets: not synced'] }
    const bad = await fetch(urlOf(await start({ [endpoint]: () => verdict }), path))
    expect([bad.status, await bad.text()]).toEqual([
      503,
      'pods: no event for 5m\nsecrets: not synced\n',
    ])
  })

  test('serves the status as JSON that nobody may cache', async () => {
    const status = { restarts: [{ workload: 'shop/wéb' }] }
    const answer = await fetch(urlOf(await start({ status: () => status }), '/status?pretty'))
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.json()).toEqual(status)
  })

  test('answers HEAD like GET, without the body', async () => {
    const answer = await fetch(urlOf(await start(), '/metrics'), { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '5'])
    expect(await answer.text()).toBe('')
  })

  test.each(['/', '/metrics/', '/Metrics', '/favicon.ico'])('knows no %s', async (path) => {
    const answer = await fetch(urlOf(await start(), path))
    expect(answer.status).toBe(404)
    expect(await answer.text()).toBe('not found; there are /metrics, /healthz, /readyz, /status\n')
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const answer = await fetch(urlOf(await start(), '/status'), { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test.each<[string, Partial<Answers>]>([
    ['/metrics', { metrics: () => Promise.reject(new Error('hunter2')) }],
    [
      '/status',
      {
        status: () => {
          throw new Error('hunter2')
        },
      },
    ],
  ])('reports what %s throws, and tells the client only that it failed', async (path, endpoint) => {
    const onError = vi.fn()
    const answer = await fetch(urlOf(await start({ ...endpoint, onError }), path))
    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n'])
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('hunter2'))
  })

  test('asks the gate about metrics and status alone, with the header as it came', async () => {
    const refuse = vi.fn(() =>
      Promise.resolve({ status: 401, message: 'expected a bearer token' } as const),
    )
    const server = await start({ refuse })
    const headers = { authorization: 'Bearer x' }
    const statuses = async (...paths: readonly string[]) =>
      Promise.all(paths.map(async (path) => (await fetch(urlOf(server, path), { headers })).status))
    expect(await statuses('/metrics', '/status?pretty', '/healthz', '/readyz')).toEqual([
      401, 401, 200, 200,
    ])
    expect(refuse.mock.calls).toEqual([
      ['/metrics', 'Bearer x'],
      ['/status', 'Bearer x'],
    ])
    const answer = await fetch(urlOf(server, '/metrics'))
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(await answer.text()).toBe('expected a bearer token\n')
  })

  test('tells nothing where the gate lets in nobody, even if it fails', async () => {
    const onError = vi.fn()
    const server = await start({ refuse: () => Promise.reject(new Error('hunter2')), onError })
    const answer = await fetch(urlOf(server, '/metrics'))
    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n'])
    expect(onError).toHaveBeenCalledTimes(1)
  })

  test('serves HTTPS with a certificate, and with another one when that is renewed', async () => {
    const [first, second] = [await newCertificate(), await newCertificate()]
    const server = await start({ certificate: first })
    const served = async () => {
      const socket = secureConnect({ port: server.address.port, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { raw } = socket.getPeerCertificate()
      socket.destroy()
      return raw
    }
    expect(await served()).toEqual(new X509Certificate(first.cert).raw)
    server.renew(second)
    expect(await served()).toEqual(new X509Certificate(second.cert).raw)
  })

  test('refuses headers beyond 8 KiB', async () => {
    const headers = { 'x-long': 'x'.repeat(9_000) }
    const answer = await fetch(urlOf(await start(), '/healthz'), { headers })
    expect(answer.status).toBe(431)
  })

  test('listens on all interfaces where no host is given', async () => {
    const server = await start({}, { host: undefined, port: 0 })
    expect(['::', '0.0.0.0']).toContain(server.address.address)
  })

  test('says which address is taken', async () => {
    const { address } = await start()
    const listen = { host: '127.0.0.1', port: address.port }
    await expect(start({}, listen)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${address.port}: another process listens there`,
    )
  })

  test('closes within a second though a client keeps its connection and another one waits', async () => {
    const never = new Promise<never>(() => undefined)
    const server = await start({ metrics: () => never })
    const agent = new Agent({ keepAlive: true })
    const [answer] = (await once(
      request(urlOf(server, '/healthz'), { agent }).end(),
      'response',
    )) as [IncomingMessage]
    await text(answer)
    const waiting = connect(server.address.port, '127.0.0.1')
    waiting.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(waiting, 'connect')

    const begun = performance.now()
    servers.length = 0
    await server.close()
    expect(performance.now() - begun).toBeLessThan(1_000)
    agent.destroy()
  })
})
