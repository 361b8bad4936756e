/**
 * The API server as an admin's program talks to it. A test reads and writes hundreds of times: a kubectl for each would
 * take more of the machine than what is tested.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesObject } from '@kubernetes/client-node'
import { Agent, fetch } from 'undici'
import type { ControlPlane } from './controlplane.ts'
import type { TestCluster } from './cluster.ts'

/** The name that `kubectl apply --server-side` writes under. */
const FIELD_MANAGER = 'kubectl'
/** How often one request is sent at most while the API server asks to wait. */
const MOST_TRIES = 10

export interface ApiClient extends Pick<TestCluster, 'read' | 'apply'> {
  /** Ends all connections; may be called again. */
  close(): Promise<void>
}

/** A client of the cluster's admin. Rejects with what the API server answers. */
export function createApiClient({
  server,
  certificateAuthority,
  adminToken,
}: Pick<ControlPlane, 'server' | 'certificateAuthority' | 'adminToken'>): ApiClient {
  const dispatcher = new Agent({ connect: { ca: certificateAuthority } })
  const plurals = new Map<string, Promise<string>>()

  const request = async <T>(
    path: string,
    init: RequestInit = {},
    tries = MOST_TRIES,
  ): Promise<T | undefined> => {
    const response = await fetch(server + path, {
      ...init,
      dispatcher,
      headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
    })
    const text = await response.text()
    // An API server that has just started asks to wait, and client-go does.
    if (response.status === 429 && tries > 1) {
      await sleep(1000 * Number(response.headers.get('retry-after') ?? 1))
      return request(path, init, tries - 1)
    }
    if (response.status === 404) return undefined
    if (!response.ok) {
      throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${messageOf(text)}`)
    }
    return JSON.parse(text) as T
  }

  /** The resource of a kind, from discovery. */
  const pluralOf = (prefix: string, kind: string): Promise<string> => {
    const key = `${prefix} ${kind}`
    const known = plurals.get(key)
    if (known) return known
    const asked = request<Discovery>(prefix).then((found) => {
      const resource = found?.resources.find((each) => each.kind === kind && !/\//.test(each.name))
      if (!resource) throw new Error(`expected kind ${kind} in ${prefix}, found none`)
      return resource.namespaced ? `namespaced ${resource.name}` : resource.name
    })
    // What is not there yet, such as a CRD, is asked for again.
    asked.catch(() => plurals.delete(key))
    plurals.set(key, asked)
    return asked
  }

  const applyOne = async (object: KubernetesObject): Promise<void> => {
    const {
      apiVersion = '',
      kind = '',
      metadata: { namespace = 'default', name = '' } = {},
    } = object
    const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const resource = await pluralOf(prefix, kind)
    const plural = resource.replace('namespaced ', '')
    const where = plural === resource ? '' : `/namespaces/${namespace}`
    const path = `${prefix}${where}/${plural}/${name}`
    const applied = await request(`${path}?fieldManager=${FIELD_MANAGER}&force=true`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(object),
    })
    if (applied === undefined) throw new Error(`PATCH ${path}: 404`)
  }

  return {
    read: (path) => request(path),
    async apply(...objects) {
      // In their order: a Namespace comes before what is in it.
      for (const object of objects) await applyOne(object)
    },
    close: () => dispatcher.destroy(),
  }
}

interface RequestInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Discovery {
  readonly resources: readonly {
    readonly name: string
    readonly kind: string
    readonly namespaced: boolean
  }[]
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body
  } catch {
    return body
  }
}
