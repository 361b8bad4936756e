/**
 * An API server that has a cluster of any size ready and no more: it answers each list as a stream, keeps each watch open
 * and lets nothing be written. For measures of what Sluice keeps in memory, for which a real one is far too slow.
 */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { objectsOf, type ClusterSize } from './canned-cluster.ts'

/** So many bytes (of text) are sent at once. */
const CHUNK = 256 * 1024
const END_OF_LIST = {
  type: 'BOOKMARK',
  object: {
    metadata: {
      resourceVersion: '99999999',
      annotations: { 'k8s.io/initial-events-end': 'true' },
    },
  },
}

export class CannedServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(size: ClusterSize): Promise<CannedServer> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      response.setHeader('content-type', 'application/json')
      if (url.searchParams.get('watch') !== 'true') {
        response.statusCode = url.pathname === '/version' ? 200 : 404
        response.end(JSON.stringify({ kind: 'Status', code: response.statusCode }))
        return
      }
      const isList = url.searchParams.has('sendInitialEvents')
      const resource = url.pathname.split('/').at(-1) ?? ''
      follow(response, isList ? objectsOf(resource, size) : [])
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new CannedServer(server)
  }

  /** For a kubeconfig. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** Sends the objects, then that these are all, and leaves the watch open. */
function follow(response: ServerResponse, objects: Iterable<object>): void {
  const chunks = Readable.from(chunksOf(objects))
  response.once('close', () => chunks.destroy())
  chunks.pipe(response, { end: false })
}

function* chunksOf(objects: Iterable<object>): Generator<string> {
  let text = ''
  for (const object of objects) {
    text += `${JSON.stringify({ type: 'ADDED', object })}\n`
    if (text.length < CHUNK) continue
    yield text
    text = ''
  }
  yield `${text}${JSON.stringify(END_OF_LIST)}\n`
}
