/**
 * The admin's own connections to the API server: quicker than kubectl, and nothing else is measured with the answer.
 */
import { KubeConfig } from '@kubernetes/client-node'
import { Pool } from 'undici'
import type { TestCluster } from '../testbed/cluster.ts'

export class Admin {
  readonly #pool: Pool
  readonly #authorization: string

  /** @param connections how many requests may be under way at once */
  constructor(cluster: TestCluster, connections = 1) {
    const config = new KubeConfig()
    config.loadFromFile(cluster.kubeconfig)
    this.#authorization = `Bearer ${config.getCurrentUser()?.token ?? ''}`
    this.#pool = new Pool(cluster.server, {
      connections,
      connect: { ca: cluster.certificateAuthority },
    })
  }

  get(path: string): Promise<unknown> {
    return this.#send('GET', path)
  }

  create(path: string, body: object): Promise<unknown> {
    return this.#send('POST', path, body, 'application/json')
  }

  /** A JSON merge patch. */
  patch(path: string, body: object): Promise<unknown> {
    return this.#send('PATCH', path, body, 'application/merge-patch+json')
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  async #send(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: object,
    contentType = '',
  ): Promise<unknown> {
    const { statusCode, body: answer } = await this.#pool.request({
      method,
      path,
      headers: {
        authorization: this.#authorization,
        ...(body && { 'content-type': contentType }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (statusCode >= 400) throw new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 300)}`)
    return JSON.parse(text)
  }
}
