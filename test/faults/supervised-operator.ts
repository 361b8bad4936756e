/**
 * Sluice as a kubelet runs it: started again whenever it ends, however it ended.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../../testbed/cluster.ts'
import { accessFlags } from '../e2e/named-access.ts'
import { QUICK } from '../e2e/operator-process.ts'

export interface SupervisedOperator {
  /** All its processes write here, one after the other. */
  readonly logFile: string
  /** How often it ended by itself. */
  readonly crashes: number
  /** The process that runs now has come as far as to listen. */
  readonly listens: boolean
  /** SIGKILL; resolves when the next process has been started. */
  kill(): Promise<void>
  /** Ends it for good; resolves to the exit code, or the signal. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | string>
}

const running = new Set<ChildProcess>()
/** How long a process that ended by itself stays away (ms); a kubelet takes longer. */
const BACK_OFF = 500
let logs = 0

/** Starts Sluice, with these flags besides the quick ones; nothing is waited for. */
export function superviseOperator(
  cluster: TestCluster,
  kubeconfig: string,
  { flags = [], program = 'src/main.ts' }: { flags?: readonly string[]; program?: string } = {},
): SupervisedOperator {
  const logFile = join(cluster.dir, `sluice-${++logs}.log`)
  let stopped = false
  let killed = false
  let crashes = 0
  const given = ['--listen=127.0.0.1:0', ...accessFlags(cluster), ...QUICK, ...flags]
  const args = [program, 'run', ...given]
  let child = start(args, kubeconfig, logFile)
  let logged = 0
  let ended = endOf(child)

  const isStopped = () => stopped
  const again = () => {
    killed = false
    logged = statSync(logFile).size
    child = start(args, kubeconfig, logFile)
    ended = endOf(child)
    watchOver()
  }
  /** Starts the next one when this one has ended by itself. */
  const watchOver = () => {
    const watched = child
    void ended.then(async (how) => {
      if (killed || isStopped()) return
      crashes++
      appendFileSync(logFile, `{"msg":"the process ended: ${how}"}\n`)
      await sleep(BACK_OFF)
      if (!isStopped() && watched === child) again()
    })
  }
  watchOver()
  return {
    logFile,
    get listens() {
      return readFileSync(logFile, 'utf8').slice(logged).includes('"msg":"listening"')
    },
    get crashes() {
      return crashes
    },
    async kill() {
      killed = true
      child.kill('SIGKILL')
      appendFileSync(logFile, '{"msg":"killed"}\n')
      await ended
      again()
    },
    async stop(signal = 'SIGTERM') {
      stopped = true
      child.kill(signal)
      return ended
    },
  }
}

function start(args: readonly string[], kubeconfig: string, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a')
  const child = spawn(process.execPath, args, {
    env: { ...process.env, KUBECONFIG: kubeconfig, NODE_OPTIONS: '' },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  running.add(child)
  return child
}

async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, 'exit')) as (number | string | null)[]
  running.delete(child)
  return code ?? signal ?? 'unknown'
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
