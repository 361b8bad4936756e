import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { Agent } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ApiError, wasNotSent } from '../../src/kube/api-error.ts'
import { createClient, pathOf, type CallReport } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { CredentialsError } from '../../src/kube/credentials-error.ts'
import type { Credentials } from '../../src/kube/credentials.ts'

const SECRET = 'aHVudGVyMg=='
const secrets = { group: '', version: 'v1', resource: 'secrets', namespace: 'shop' } as const
const get: ApiCall = { ...secrets, verb: 'get', name: 'db' }
const watch: ApiCall = { ...secrets, verb: 'watch' }

/** A client of a server that answers as told. */
async function clientOf(answer: RequestListener, change: Partial<Credentials> = {}, below = '') {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dispatcher = new Agent()
  const { port } = server.address() as AddressInfo
  const credentials = {
    server: `http://127.0.0.1:${port}${below}`,
    access: () => Promise.resolve({ headers: { authorization: 'Bearer t' }, dispatcher }),
    refused: () => {},
    close: () => dispatcher.destroy(),
    ...change,
  }
  const reports: CallReport[] = []
  let time = 0
  const client = createClient(credentials, {
    now: () => ++time,
    onCall: (report) => reports.push(report),
  })
  onTestFinished(async () => {
    await dispatcher.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { client, reports, server }
}

async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ApiError)) throw new Error('expected an ApiError', { cause: error })
  return error
}

async function collect(documents: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const document of documents) all.push(document)
  return all
}

describe('a request', () => {
  test.each<[ApiCall, string]>([
    [get, '/api/v1/namespaces/shop/secrets/db'],
    [
      { ...secrets, verb: 'list', query: { limit: '5' } },
      '/api/v1/namespaces/shop/secrets?limit=5',
    ],
    [{ group: '', version: 'v1', resource: 'pods', verb: 'watch' }, '/api/v1/pods?watch=true'],
    [
      {
        ...{ group: 'apps', version: 'v1', resource: 'deployments', namespace: 'a' },
        ...{ verb: 'patch', name: 'b', subresource: 'scale' },
      },
      '/apis/apps/v1/namespaces/a/deployments/b/scale',
    ],
    [{ ...get, name: '../nodes/x' }, '/api/v1/namespaces/shop/secrets/..%2Fnodes%2Fx'],
  ])('finds its path: %#', (call, path) => {
    expect(pathOf(call)).toBe(path)
  })

  test('sends credentials, body and its kind, and gives the answer', async () => {
    let seen: IncomingMessage | undefined
    let body = ''
    const { client } = await clientOf((request, response) => {
      seen = request
      void text(request).then((sent) => {
        body = sent
        response.end('{"kind":"Secret"}')
      })
    })
    const contentType = 'application/merge-patch+json'
    const answer = await client.request({ ...get, verb: 'patch', body: { a: 1 }, contentType })
    expect(answer).toEqual({ kind: 'Secret' })
    expect(body).toBe('{"a":1}')
    expect(seen?.method).toBe('PATCH')
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer t', 'content-type': contentType })
  })

  test('goes below the path of the server, where it has one', async () => {
    let path: string | undefined
    const { client } = await clientOf(
      ({ url }, response) => {
        path = url
        response.end('{}')
      },
      {},
      '/clusters/a',
    )
    await client.serverVersion()
    expect(path).toBe('/clusters/a/version')
  })

  test('is measured, and brings the date of the server', async () => {
    const { client, reports } = await clientOf((_, response) => {
      response.setHeader('date', 'Tue, 24 Nov 2026 12:00:00 GMT').end('{}')
    })
    await client.request(get)
    const date = 'Tue, 24 Nov 2026 12:00:00 GMT'
    expect(reports).toEqual([{ call: get, status: 200, sentAt: 1, receivedAt: 2, date }])
  })

  test('that is refused fails without a word of the answer', async () => {
    const { client } = await clientOf((_, response) => {
      response.writeHead(422, { 'retry-after': '2' })
      response.end(JSON.stringify({ reason: 'Invalid', message: SECRET }))
    })
    const error = await failureOf(client.request(get))
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', retryAfterMs: 2_000 })
    expect(error.mentions(SECRET)).toBe(true)
    expect(inspect(error, { showHidden: true })).not.toContain(SECRET)
  })

  test('that meets a page of a proxy fails with its status', async () => {
    const { client } = await clientOf((_, response) => {
      response.writeHead(502).end(`<html>${SECRET}`)
    })
    expect((await failureOf(client.request(get))).message).toBe(
      'get secrets shop/db: 502 Bad Gateway',
    )
  })

  test('with an answer that is not JSON fails without quoting it', async () => {
    const { client } = await clientOf((_, response) => {
      response.end(`{"data":${SECRET}`)
    })
    const error = await failureOf(client.request(get))
    expect(error.status).toBe(0)
    expect(inspect(error, { showHidden: true })).not.toContain(SECRET)
  })

  test('to a server that is away says so in the word of the system', async () => {
    const { client, server, reports } = await clientOf(() => {})
    server.close()
    const error = await failureOf(client.request(get))
    expect(error.message).toBe('get secrets shop/db: ECONNREFUSED')
    expect(reports).toMatchObject([{ status: 0, date: undefined }])
  })

  test('ends in time, whether the head or the rest of the answer is missing', async () => {
    const { client } = await clientOf((request, response) => {
      if (request.url?.endsWith('rest')) response.write('{')
    })
    for (const name of ['head', 'rest']) {
      const { status } = await failureOf(client.request({ ...get, name, timeout: 50 }))
      expect(status).toBe(0)
    }
  })

  test('ends early when told', async () => {
    const end = new AbortController()
    const { client } = await clientOf(() => end.abort())
    const { reason } = await failureOf(client.request({ ...get, signal: end.signal }))
    expect(reason).toBe('AbortError')
  })

  test('without credentials fails with the reason why there are none, and is not counted', async () => {
    const fault = new CredentialsError('/etc/token: ENOENT')
    const { client, reports } = await clientOf(() => {}, { access: () => Promise.reject(fault) })
    const error = await failureOf(client.request(get))
    expect(error.reason).toBe('NoCredentials')
    expect(error.cause).toBe(fault)
    expect(reports).toEqual([])
  })

  test('that is not authorised has the credentials read again', async () => {
    let refused = 0
    const { client } = await clientOf((_, response) => response.writeHead(401).end(), {
      refused: () => refused++,
    })
    await failureOf(client.request(get))
    expect(refused).toBe(1)
  })
})

describe('a stream', () => {
  const follow = (silence = 10_000) => ({ signal: new AbortController().signal, silence })

  test('gives each line as a document', async () => {
    const { client } = await clientOf((_, response) => {
      response.write('{"a":1}\n{"b"')
      response.end(':"ü"}\n')
    })
    const documents = await collect(await client.stream(watch, follow()))
    expect(documents).toEqual([{ a: 1 }, { b: 'ü' }])
  })

  test('with a line that is not JSON fails without quoting it', async () => {
    const { client } = await clientOf((_, response) => {
      response.end(`{"data":${SECRET}\n`)
    })
    const error = await failureOf(collect(await client.stream(watch, follow())))
    expect(inspect(error, { showHidden: true })).not.toContain(SECRET)
  })

  test('that breaks fails after what has arrived', async () => {
    const { client } = await clientOf((_, response) => {
      response.write(`{"a":1}\n{"data":"${SECRET}`, () => response.destroy())
    })
    const seen: unknown[] = []
    const stream = await client.stream(watch, follow())
    const reading = async () => {
      for await (const document of stream) seen.push(document)
    }
    const error = await failureOf(reading())
    expect(seen).toEqual([{ a: 1 }])
    expect(error.message).toBe('watch secrets shop: UND_ERR_SOCKET')
  })

  test('that falls silent fails', async () => {
    const { client } = await clientOf((_, response) => response.write('{"a":1}\n'))
    const error = await failureOf(collect(await client.stream(watch, follow(50))))
    expect(error.reason).toBe('UND_ERR_BODY_TIMEOUT')
  })

  test('closes its connection when the reader stops', async () => {
    let closed: Promise<unknown> = Promise.reject(new Error('no request came'))
    closed.catch(() => {})
    const { client } = await clientOf((_, response) => {
      closed = once(response, 'close')
      response.write('{"a":1}\n')
    })
    for await (const document of await client.stream(watch, follow())) {
      expect(document).toEqual({ a: 1 })
      break
    }
    await closed
  })

  test('that is refused fails at once', async () => {
    const { client } = await clientOf((_, response) => response.writeHead(410).end('{}'))
    expect((await failureOf(client.stream(watch, follow()))).status).toBe(410)
  })
})

test('what may be sent no more by the time that the credentials are there is not sent', async () => {
  let requests = 0
  const { client } = await clientOf((_, response) => {
    requests++
    response.end('{}')
  })
  let may = true
  const access = { ...get, maySend: () => may }
  await client.request(access)
  may = false
  const failure = await failureOf(client.request(access))
  expect(wasNotSent(failure)).toBe(true)
  expect(requests).toBe(1)
})
