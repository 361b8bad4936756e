/**
 * Memory of the bundle: on an empty cluster, and with many large Secrets that nobody uses.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../testbed/cluster.ts'
import { secret } from '../testbed/fixtures.ts'
import { freshNamespace } from '../test/e2e/installed-cluster.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { shippedImage } from './image.ts'
import { residentMemory, type ResidentMemory } from './resident-memory.ts'
import { median } from './samples.ts'

const SECRETS = 10_000
const SIZE = 10 * 1024
const AT_ONCE = 32
/** MiB. */
const IDLE_TARGET = 80
const LOADED_TARGET = 110
/** How long after it is ready a process is looked at (ms). */
const CALM = 10_000
/** The same program starts a few MiB smaller or larger. */
const STARTS = 3
const BARE = "console.log('ready'); setInterval(() => {}, 60_000)"

export async function measureMemory(cluster: TestCluster, program: string): Promise<Chapter> {
  const { nodeFlags, environment } = shippedImage()
  const operator = async () => {
    const started = await startOperator(cluster, [], { program, nodeFlags, environment })
    await sleep(CALM)
    const memory = residentMemory(started.pid)
    await started.end('SIGTERM')
    return memory
  }
  const bare = await memoryOf(cluster, '--eval', BARE)
  const starts: ResidentMemory[] = []
  for (let i = 0; i < STARTS; i++) starts.push(await operator())
  const idle = {
    now: median(starts.map(({ now }) => now)),
    peak: median(starts.map(({ peak }) => peak)),
  }
  await createSecrets(cluster, SECRETS, SIZE)
  const loaded = await operator()
  const informer = await memoryOf(cluster, join(import.meta.dirname, 'informer.ts'))

  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const how = [...variables, 'node', ...nodeFlags].join(' ')
  return {
    title: `memory: the bundle as the image runs it (${how})`,
    figures: [
      ...figures(
        `empty cluster, p50 of ${STARTS} starts`,
        idle,
        IDLE_TARGET,
        'a bare Node process',
        bare,
      ),
      ...figures(
        `${SECRETS} Secrets of ${SIZE / 1024} KiB`,
        loaded,
        LOADED_TARGET,
        'an informer of client-node',
        informer,
      ),
    ],
  }
}

function figures(
  what: string,
  memory: ResidentMemory,
  target: number,
  other: string,
  baseline: ResidentMemory,
): Figure[] {
  const figure = (name: 'now' | 'peak', kernel: string): Figure => ({
    what: `${what}: ${kernel}`,
    value: memory[name],
    unit: 'MiB',
    target,
    baseline: { what: other, value: baseline[name] },
  })
  return [figure('now', 'VmRSS'), figure('peak', 'VmHWM')]
}

/** Runs Node until it says that it is ready, and a calm time longer. */
async function memoryOf(cluster: TestCluster, ...args: readonly string[]): Promise<ResidentMemory> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(createInterface({ input: child.stdout }), 'line')
    await sleep(CALM)
    return residentMemory(child.pid ?? 0)
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}

/** Creates so many Secrets of this size (bytes), which nobody uses. */
export async function createSecrets(
  cluster: TestCluster,
  count: number,
  size: number,
): Promise<void> {
  const namespace = await freshNamespace(cluster)
  const admin = new Admin(cluster, AT_ONCE)
  const data = { value: 'x'.repeat(size) }
  let next = 0
  const work = async () => {
    while (next < count) {
      const name = `secret-${next++}`
      await admin.create(
        `/api/v1/namespaces/${namespace}/secrets`,
        secret({ name, namespace, data }),
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await admin.close()
}
