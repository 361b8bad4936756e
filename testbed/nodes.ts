import { join } from 'node:path'
import { fetch } from 'undici'
import { freePort } from './ports.ts'
import { type Child, startChild, tail } from './processes.ts'
import { waitUntil } from './wait.ts'

/** What the live containers of a pod were given at their creation. */
export interface HeldPod {
  namespace: string
  name: string
  uid: string
  node: string
  containers: HeldContainer[]
}

export interface HeldContainer {
  name: string
  containerID: string
  /** When the Secrets were read, by the clock of this machine (RFC 3339). */
  resolvedAt: string
  /** SHA-256 in hex of each environment variable, by name. */
  env: Record<string, string>
  /** SHA-256 in hex of each file mounted by subPath from a Secret, by mount path. */
  files: Record<string, string>
}

export interface Nodes {
  readonly url: string
  held(): Promise<HeldPod[]>
  kill(namespace: string, pod: string, container: string): Promise<void>
  stop(): Promise<void>
}

/** Starts the node agent, and waits until its nodes are registered. */
export async function startNodes(options: {
  binary: string
  dir: string
  kubeconfig: string
  nodes: number
  unexpectedEnd: (how: string) => void
}): Promise<Nodes> {
  const address = `127.0.0.1:${await freePort()}`
  const url = `http://${address}`
  const child = startChild({
    name: 'nodes',
    command: options.binary,
    args: [
      `--kubeconfig=${options.kubeconfig}`,
      `--listen=${address}`,
      `--nodes=${options.nodes}`,
      `--dir=${join(options.dir, 'nodes')}`,
    ],
    logFile: join(options.dir, 'nodes.log'),
    unexpectedEnd: options.unexpectedEnd,
  })
  try {
    await waitUntil('the nodes to be registered', () => registered(child, url))
  } catch (error) {
    await child.kill()
    throw new Error(`nodes failed; the end of ${child.logFile}:\n${tail(child.logFile)}`, {
      cause: error,
    })
  }
  return {
    url,
    async held() {
      const response = await fetch(`${url}/pods`)
      return (await response.json()) as HeldPod[]
    },
    async kill(namespace, pod, container) {
      const path = `/pods/${namespace}/${pod}/containers/${container}/kill`
      const response = await fetch(url + path, { method: 'POST' })
      if (!response.ok) throw new Error((await response.text()).trim())
    },
    stop: () => child.kill(),
  }
}

async function registered(
  child: Child,
  url: string,
): Promise<{ value: true } | { instead: string }> {
  const how = child.ended()
  if (how !== undefined) throw new Error(`expected the node agent to register its nodes, it ${how}`)
  try {
    await fetch(`${url}/healthz`)
    return { value: true }
  } catch (error) {
    return { instead: String(error instanceof Error ? (error.cause ?? error) : error) }
  }
}
