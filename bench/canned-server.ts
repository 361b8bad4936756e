/**
 * An API server that has a cluster of any size ready and no more: it answers each list as a stream, keeps each watch open
 * and lets nothing be written. For measures of what Sluice keeps in memory, for which a real one is far too slow.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
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

const DIGEST_KEY = { data: { key: Buffer.alloc(32, 1).toString('base64') } }

export class CannedServer {
  readonly #server: Server

  /** PEM. */
  readonly certificate: string

  private constructor(server: Server, certificate: string) {
    this.#server = server
    this.certificate = certificate
  }

  static async start(size: ClusterSize): Promise<CannedServer> {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    })
    const server = createServer({ cert, key }, (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      response.setHeader('content-type', 'application/json')
      if (url.searchParams.get('watch') !== 'true') {
        const isKey = url.pathname.endsWith('/sluice-digest-key')
        response.statusCode = isKey || url.pathname === '/version' ? 200 : 404
        const code = response.statusCode
        response.end(JSON.stringify(isKey ? DIGEST_KEY : { kind: 'Status', code }))
        return
      }
      const isList = url.searchParams.has('sendInitialEvents')
      const resource = url.pathname.split('/').at(-1) ?? ''
      void follow(response, isList ? objectsOf(resource, size) : [])
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new CannedServer(server, cert)
  }

  /** For a kubeconfig. */
  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** Sends the objects, then that these are all, and leaves the watch open. */
async function follow(response: ServerResponse, objects: Iterable<object>): Promise<void> {
  let text = ''
  for (const object of objects) {
    text += `${JSON.stringify({ type: 'ADDED', object })}\n`
    if (text.length < CHUNK) continue
    if (!response.write(text))
      await Promise.race([once(response, 'drain'), once(response, 'close')])
    if (response.destroyed) return
    text = ''
  }
  response.write(`${text}${JSON.stringify(END_OF_LIST)}\n`)
}
