/**
 * Where the API server is and who we are there. Reading kubeconfigs, refreshing tokens and running credential
 * plugins are the client library's; the connections are ours, since it opens a new one for every call.
 */
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { Agent, type Dispatcher } from 'undici'

export interface Credentials {
  /** `https://host:port`, without a slash at the end. */
  readonly server: string
  readonly dispatcher: Dispatcher
  /** The headers that prove who we are; tokens are refreshed where needed. */
  headers(): Promise<Record<string, string>>
}

/** How long headers serve (ms): a service account's token file changes about hourly. */
const HEADERS_SERVE = 10_000

/** Loads what `KUBECONFIG` names, or the service account of the pod, or `~/.kube/config`. */
export async function loadCredentials(now: () => number): Promise<Credentials> {
  const config = new KubeConfig()
  config.loadFromDefault()
  const cluster = config.getCurrentCluster()
  if (!cluster) {
    throw new Error(
      'no cluster: expected KUBECONFIG, a service account or ~/.kube/config to name one',
    )
  }
  const options = await optionsOf(config)
  const { ca, cert, key, passphrase, rejectUnauthorized, servername } = options
  const dispatcher = new Agent({
    allowH2: true,
    connect: {
      ...present({ ca, cert, key, passphrase, rejectUnauthorized, servername }),
      keepAlive: true,
    },
  } as Agent.Options)
  let known = { headers: headersOf(options), at: now() }
  return {
    server: cluster.server.replace(/\/$/, ''),
    dispatcher,
    async headers() {
      if (now() - known.at > HEADERS_SERVE) {
        known = { headers: headersOf(await optionsOf(config)), at: now() }
      }
      return known.headers
    },
  }
}

async function optionsOf(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  return options
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
  return { ...basic, ...(headers as Record<string, string>) }
}

function present<T extends Record<string, unknown>>(properties: T): Partial<T> {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<T>
}
