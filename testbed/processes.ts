import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { Socket } from 'node:net'

/** A child process whose output goes to a file. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** How it ended; undefined while it runs. */
  ended(): string | undefined
  /** Ends it at once. Safe to call again. */
  kill(): Promise<void>
  /** Closes its standard input, and waits until it has ended by itself; returns how. */
  end(): Promise<string>
}

/**
 * Starts a program of the test bed. Its standard input is a pipe that nobody
 * writes to: the programs exit when it closes, so that however this process
 * ends, killed ones included, none of its children stays behind.
 */
export function startChild(options: {
  name: string
  command: string
  args: readonly string[]
  logFile: string
  unexpectedEnd: (how: string) => void
}): Child {
  const { name, command, args, logFile } = options
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, {
    stdio: ['pipe', log, log],
    detached: true, // own process group: Ctrl-C in a terminal is for the parent, which decides the order
  })
  closeSync(log)

  let how: string | undefined
  let killed = false
  const ended = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      how ??= reason
      if (!killed) options.unexpectedEnd(`${name} ${how}; its log: ${logFile}\n${tail(logFile)}`)
      resolve()
    }
    child.once('error', (error) => end(`did not start: ${error.message}`))
    child.once('exit', (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`))
  })

  // A forgotten child must not keep this process alive.
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  child.stdin?.on('error', () => {}) // the pipe breaks when the child ends first

  return {
    name,
    pid: child.pid ?? -1,
    logFile,
    ended: () => how,
    async kill() {
      killed = true
      if (how === undefined) {
        child.ref()
        child.kill('SIGKILL')
      }
      await ended
    },
    async end() {
      killed = true
      child.ref()
      child.stdin?.end()
      await ended
      return how ?? 'ended'
    },
  }
}

/** The last lines of a log, for an error message. */
export function tail(file: string, lines = 15): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
}
