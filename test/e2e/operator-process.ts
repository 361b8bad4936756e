/**
 * Sluice as a process of its own, as a user runs it, under the shipped service account.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { accessFlags } from './named-access.ts'

/** One line of the log. */
type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

/** A workload as `/status` shows it. */
export interface StatusRow {
  readonly namespace: string
  readonly name: string
  readonly stalePods: number
  readonly freshPods: number
  readonly unknownPods: number
  readonly unprovenPods: number
  readonly unavailablePods: number
  readonly hold?: { readonly reason: string; readonly message: string }
  readonly restart?: { readonly id: string; readonly strategy: string }
}

export interface OperatorProcess {
  readonly url: string
  readonly pid: number
  readonly log: readonly LogLine[]
  /** What it wrote to standard error so far. */
  readonly complaint: string
  /** Every workload of `/status`, whatever its place. */
  status(): Promise<readonly StatusRow[]>
  get(path: string): Promise<{ status: number; body: string }>
  /** Ends it; resolves to the exit code, or the signal that ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string>
}

/**
 * Settings that make a test quick: no quiet period, no settle time, the shortest safe margin; and no Lease, which a
 * process that is killed leaves behind for 15 s (leader.test.ts is about it).
 */
export const QUICK = [
  '--quiet-period=0s',
  '--settle=0s',
  '--margin=1s',
  '--min-restart-interval=0s',
  '--leader-election=off',
]

const running = new Set<ChildProcess>()

/** Starts Sluice and waits until it is ready, or listens at least. */
export async function startOperator(
  cluster: TestCluster,
  flags: readonly string[] = QUICK,
  {
    kubeconfig,
    program = 'src/main.ts',
    nodeFlags = [],
    environment = {},
    until = 'ready',
  }: {
    kubeconfig?: string
    program?: string
    nodeFlags?: readonly string[]
    environment?: Readonly<Record<string, string>>
    until?: 'listening' | 'ready'
  } = {},
): Promise<OperatorProcess> {
  const given = ['--listen=127.0.0.1:0', ...accessFlags(cluster), ...flags]
  const args = [...nodeFlags, program, 'run', ...given]
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      KUBECONFIG: kubeconfig ?? (await cluster.kubeconfigFor('sluice-system', 'sluice')),
      NODE_OPTIONS: '',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => {
    running.delete(child)
    return code ?? signal ?? 'unknown'
  })
  const log: LogLine[] = []
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(JSON.parse(line) as LogLine)
  })

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must be a rejection
  const url = await waitUntil('the operator to listen', async () => {
    const address = log.find(({ msg }) => msg === 'listening')?.['address']
    if (typeof address === 'string') return { value: `http://${address}` }
    if (child.exitCode !== null) throw new Error(`the operator ended: ${complaint}${lastOf(log)}`)
    return { instead: lastOf(log) + complaint }
  })
  const get = async (path: string) => {
    const answer = await fetch(url + path)
    return { status: answer.status, body: await answer.text() }
  }
  if (until === 'ready') {
    await waitUntil('the operator to be ready', async () => {
      const { status, body } = await get('/readyz')
      return status === 200 ? { value: true } : { instead: body + lastOf(log) }
    })
  }
  return {
    url,
    pid: child.pid ?? 0,
    log,
    get complaint() {
      return complaint
    },
    get,
    async status() {
      const { body } = await get('/status')
      const { running, waiting, calm } = JSON.parse(body) as Record<string, StatusRow[]>
      return [running, waiting, calm].flatMap((rows) => rows ?? [])
    },
    async end(signal) {
      child.kill(signal)
      return ended
    },
  }
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function lastOf(log: readonly LogLine[]): string {
  return log
    .slice(-5)
    .map((line) => JSON.stringify(line))
    .join('\n')
}
