/**
 * How much memory clusters of several sizes take: the bundle as the image runs it, on a server that has their objects
 * ready.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { EMPTY, type ClusterSize } from './canned-cluster.ts'
import { CannedServer } from './canned-server.ts'
import type { Chapter, Figure } from './figure.ts'
import { shippedImage } from './image.ts'
import { residentMemory, type ResidentMemory } from './resident-memory.ts'

interface Size extends ClusterSize {
  /** MiB of VmRSS. */
  readonly target?: number
}

const SIZES: readonly Size[] = [
  { workloads: 1_000, podsEach: 10, replicaSetsEach: 11, optedIn: true },
  { workloads: 2_000, podsEach: 10, replicaSetsEach: 11, optedIn: true, target: 160 },
  { workloads: 10_000, podsEach: 10, replicaSetsEach: 11, optedIn: false },
  { workloads: 10_000, podsEach: 10, replicaSetsEach: 11, optedIn: true, target: 350 },
]
/** How long after it is ready a process is looked at (ms). */
const CALM = 10_000
const LOOK_EVERY = 200
/** How long it may take to be ready (ms). */
const READY_TIMEOUT = 180_000

export async function measureSizing(program: string): Promise<Chapter> {
  const floor = await memoryWith(EMPTY, program)
  const figures: Figure[] = []
  for (const size of SIZES) {
    const { now, peak } = await memoryWith(size, program)
    figures.push({
      what: describe(size),
      value: now,
      unit: 'MiB',
      baseline: { what: 'an empty cluster', value: floor.now },
      ...(size.target !== undefined && { target: size.target }),
      note: `at most ${peak.toFixed(0)} (VmHWM)`,
    })
  }
  return {
    title: 'sizing: VmRSS by the size of the cluster',
    figures,
    remarks: [
      'Each workload is a Deployment with a Secret of its own, 10 pods of two containers, and 11 ReplicaSets. Its Consumers are in memory (`mode: observe`). The objects are as large as real ones; the server that sends them has no more to it.',
    ],
  }
}

function describe({ workloads, podsEach, optedIn }: ClusterSize): string {
  const count = (many: number) => many.toLocaleString('en-US')
  return `${count(workloads)} workloads, ${count(workloads * podsEach)} pods, ${optedIn ? 'all' : 'none'} opted in`
}

async function memoryWith(size: ClusterSize, program: string): Promise<ResidentMemory> {
  const server = await CannedServer.start(size)
  const { nodeFlags, environment } = shippedImage()
  const kubeconfig = join(dirname(program), 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(server.url))
  const flags = ['--mode=observe', '--listen=127.0.0.1:0', '--log-level=info']
  const child = spawn(process.execPath, [...nodeFlags, program, 'run', ...flags], {
    env: { ...process.env, ...environment, KUBECONFIG: kubeconfig, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    let url = ''
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string }
      if (msg === 'listening') url = `http://${address ?? ''}`
    })
    // While it reads a hundred thousand objects it may close a connection that was idle too long.
    const isReady = () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    const began = performance.now()
    while (!(url && (await isReady()))) {
      if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`)
      if (performance.now() - began > READY_TIMEOUT) throw new Error('it did not become ready')
      await sleep(LOOK_EVERY)
    }
    await sleep(CALM)
    return residentMemory(child.pid ?? 0)
  } finally {
    child.kill()
    await ended
    server.stop()
  }
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'canned',
    contexts: [{ name: 'canned', context: { cluster: 'canned', user: 'canned' } }],
    // What the client library wants of a server without TLS.
    clusters: [{ name: 'canned', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'canned', user: {} }],
  })
}
