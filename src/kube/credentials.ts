/**
 * Where the API server is and who we are there. Reading kubeconfigs, refreshing tokens and running credential
 * plugins are the client library's; the connections are ours, since it opens a new one for every call.
 */
import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import { CredentialsError } from './credentials-error.ts'
import { readKubeConfig } from './kubeconfig.ts'

/** What a request needs. */
export interface Access {
  /** The headers that prove who we are. */
  readonly headers: Readonly<Record<string, string>>
  /** The connections: a single one, however many requests, where the server speaks HTTP/2. */
  readonly dispatcher: Dispatcher
}

export interface Credentials {
  /** URL of the API server. */
  readonly server: string
  /** What to use now; ask again for each request, since tokens and certificates change. @throws CredentialsError */
  access(): Promise<Access>
  /** The server did not know us (401): everything is read again, whatever was thought to be valid still. */
  refused(): void
  /** Ends all connections. */
  close(): Promise<void>
}

/** How long access serves (ms): a service account's token file changes about hourly. */
const SERVES = 10_000
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/**
 * Loads `kubeconfig`, else what `KUBECONFIG` names, else the service account of the pod, else `~/.kube/config`.
 * @param now local clock, milliseconds
 * @throws CredentialsError that names the place and what is missing there
 */
export async function loadCredentials(
  now: () => number,
  kubeconfig?: string,
): Promise<Credentials> {
  let config = find(kubeconfig)
  const server = serverOf(config)
  let known = await access(config)
  let readAt = now()
  let reading: Promise<Access> | undefined
  let distrusted = false

  const read = async (): Promise<Access> => {
    if (distrusted) {
      const found = find(kubeconfig)
      // Somebody may have turned the kubeconfig to another cluster, which must not get our requests.
      if (serverOf(found) === server) config = found
    }
    const fresh = await access(config, known)
    // What runs on the old connections ends by itself: a watch lives some minutes.
    if (fresh.dispatcher !== known.dispatcher) void known.dispatcher.close()
    known = fresh
    readAt = now()
    distrusted = false
    return known
  }
  return {
    server,
    async access() {
      if (now() - readAt < SERVES) return known
      reading ??= read().finally(() => (reading = undefined))
      return reading
    },
    refused() {
      distrusted = true
    },
    async close() {
      await known.dispatcher.destroy()
    },
  }
}

function find(kubeconfig: string | undefined): KubeConfig {
  if (kubeconfig !== undefined) return readKubeConfig([kubeconfig])
  const { KUBECONFIG = '', HOME = '' } = process.env
  const named = KUBECONFIG.split(':').filter((file) => file !== '')
  if (named.length > 0) return readKubeConfig(named)
  if (existsSync(TOKEN_FILE)) {
    const config = new KubeConfig()
    config.loadFromCluster()
    return config
  }
  const own = `${HOME}/.kube/config`
  if (existsSync(own)) return readKubeConfig([own])
  throw new CredentialsError(`no cluster: KUBECONFIG is not set, no ${TOKEN_FILE}, no ${own}`)
}

function serverOf(config: KubeConfig): string {
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new CredentialsError('no cluster is chosen')
  return cluster.server.replace(/\/$/, '')
}

interface ReadAccess extends Access {
  /** What the connections are made with. */
  readonly tls: string
}

async function access(config: KubeConfig, before?: ReadAccess): Promise<ReadAccess> {
  const options = await optionsOf(config)
  const { ca, cert, key, rejectUnauthorized, servername } = options
  const tls = { ca, cert, key, rejectUnauthorized, servername }
  const fingerprint = Object.values(tls).map(String).join('\n')
  const dispatcher =
    before?.tls === fingerprint
      ? before.dispatcher
      : connections(tls, config.getCurrentCluster()?.proxyUrl)
  return { headers: headersOf(options), dispatcher, tls: fingerprint }
}

async function optionsOf(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {}
  try {
    await config.applyToHTTPSOptions(options)
  } catch (error) {
    // A plugin may have printed a credential: only the system's code and path are told.
    const { code = 'it failed', path } = error as NodeJS.ErrnoException
    const plugin = (config.getCurrentUser()?.exec as { command?: string } | null | undefined)
      ?.command
    throw new CredentialsError(`credentials from ${path ?? plugin ?? 'the kubeconfig'}: ${code}`)
  }
  return options
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
  const others = Object.entries(headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    // A token file may end with a newline, which no header may.
    String(value).trim(),
  ])
  return { ...basic, ...(Object.fromEntries(others) as Record<string, string>) }
}

function connections(
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>,
  proxyUrl: string | undefined,
): Dispatcher {
  const set = Object.entries(tls).filter(([, value]) => value !== undefined)
  const connect = { ...Object.fromEntries(set), keepAlive: true }
  if (proxyUrl === undefined) return new Agent({ allowH2: true, connect })
  return new ProxyAgent({ uri: proxyUrl, allowH2: true, requestTls: connect })
}
