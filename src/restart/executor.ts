/**
 * Carries out plans: starts each action, and remembers what was done but is not seen yet.
 *
 * What Sluice did counts as done from the call on (client-go calls this expectations), and ends by observation
 * alone: a pod whose eviction was sent stays charged until it is seen to go, or a read shows that it stays.
 */
import type { Action } from '../plan/action.ts'
import type { Hold } from '../plan/hold.ts'
import type { Pending } from '../plan/workload.ts'
import { isOpen, isRefusal, obstacleOf } from './obstacle.ts'
import type { Picture } from './picture.ts'
import { perform, Withheld, type Writes } from './writes.ts'

export interface ExecutorOptions {
  readonly writes: Writes
  readonly picture: Picture
  /** API server's clock, milliseconds. */
  readonly now: () => number
  readonly random: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Aborts when Sluice ends: nothing is waited for any more. */
  readonly signal: AbortSignal
  /** An action begins. */
  readonly onStart: (action: Action) => void
  /** An action ended, well or not: look again. */
  readonly onDone: (action: Action, outcome: Outcome) => void
  /** An action was not sent at all, since it might not: plan again. */
  readonly onWithheld: () => void
  /** Something failed that is not the API server's doing. */
  readonly onDefect: (error: unknown) => void
}

/** How an action ended: `error` and the hold that follows from it where it failed. */
export interface Outcome {
  readonly error?: unknown
  readonly obstacle?: Hold | undefined
}

/** Memories that are not worth a look. */
const FEW = 100

/** What is remembered of one workload. */
interface Memory {
  write: Action | undefined
  readonly evicted: Set<string>
  obstacle: Hold | undefined
  /** Failures in a row. */
  failures: number
  reportedAt: number
  owedSince: number
  /** Not before this time (ms) its Consumer is written again. */
  recordFrom: number
  /** As it was shown last. */
  shown: Pending | undefined
}

export class Executor {
  readonly #options: ExecutorOptions
  readonly #memory = new Map<string, Memory>()
  readonly #running = new Set<Promise<void>>()
  #startedAt: number
  #nothingPending: Pending

  constructor(options: ExecutorOptions) {
    this.#options = options
    this.#startedAt = options.now()
    this.#nothingPending = nothingPending(this.#startedAt)
  }

  /**
   * A time of leadership begins. What another leader evicted has its full time from now on, and what the server
   * refused in an earlier time may have changed. What was done and is not seen yet stays: it ends by observation.
   */
  begin(): void {
    this.#startedAt = this.#options.now()
    this.#nothingPending = nothingPending(this.#startedAt)
    for (const memory of this.#memory.values()) {
      memory.owedSince = this.#startedAt
      memory.obstacle = undefined
      memory.failures = 0
    }
  }

  /** Starts the actions of a plan; each reports through `onDone`. */
  start(actions: readonly Action[]): void {
    for (const action of actions) {
      if (this.#isUnderWay(action) || this.#isTooEarly(action)) continue
      const running = this.#run(action).catch(this.#options.onDefect)
      this.#running.add(running)
      void running.finally(() => this.#running.delete(running))
    }
  }

  /** A Halt has no workload whose plan would know of the write. */
  #isUnderWay(action: Action): boolean {
    if (action.kind !== 'halt' && action.kind !== 'release') return false
    const { write, obstacle } = this.#memoryOf(keyOf(action))
    return write !== undefined || this.#options.now() < (obstacle?.until ?? -Infinity)
  }

  /** No hold keeps a plan from writing down what is so: the back-off of a record that failed is kept here. */
  #isTooEarly(action: Action): boolean {
    return isRecord(action) && this.#options.now() < this.#memoryOf(keyOf(action)).recordFrom
  }

  /** What was done for a workload and is not seen yet: the same object for as long as nothing of it changes. */
  pendingOf(workload: { readonly ref: { readonly uid: string } }): Pending {
    const memory = this.#memory.get(workload.ref.uid)
    if (!memory) return this.#nothingPending
    for (const uid of memory.evicted) {
      const pod = this.#options.picture.pod(uid)
      if (!pod || pod.terminating) memory.evicted.delete(uid)
    }
    return (memory.shown = showing(memory))
  }

  /** Forgets workloads that are gone, once there are more of them than there are workloads. */
  forgetAllBut(workloads: readonly { readonly uid: string }[]): void {
    if (this.#memory.size <= 2 * workloads.length + FEW) return
    const known = new Set(workloads.map(({ uid }) => uid))
    for (const [key, { write }] of this.#memory) {
      if (!known.has(key) && !write) this.#memory.delete(key)
    }
  }

  /** Resolves when every action that was started has ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #run(action: Action): Promise<void> {
    const { writes, now, sleep, signal, onStart, onDone, onWithheld } = this.#options
    onStart(action)
    const memory = this.#memoryOf(keyOf(action))
    if (action.kind === 'evict') {
      memory.evicted.add(action.pod.uid)
      memory.owedSince = now()
    } else memory.write = action
    let outcome: Outcome = {}
    let withheld = false
    try {
      await perform(writes, action)
      memory.failures = 0
      memory.obstacle = undefined
      if (action.kind === 'record') memory.reportedAt = now()
    } catch (error) {
      if (error instanceof Withheld) {
        if (action.kind === 'evict') memory.evicted.delete(action.pod.uid)
        withheld = true
      } else {
        outcome = await this.#failed(action, memory, error)
      }
    } finally {
      if (memory.write === action) memory.write = undefined
    }
    if (withheld) {
      onWithheld()
      return
    }
    onDone(action, outcome)
    if (outcome.error === undefined || !isRecord(action)) return
    await sleep(memory.recordFrom - now(), signal)
    onWithheld()
  }

  /**
   * After a failure nothing is assumed: reads tell what is so, and until one succeeds the action counts as done. A
   * read may overtake a write whose answer was lost, so it comes after the wait that every failure brings.
   */
  async #failed(action: Action, memory: Memory, error: unknown): Promise<Outcome> {
    const { writes, now, random, sleep, signal } = this.#options
    const waitAfter = (failure: unknown) => {
      memory.failures++
      return obstacleOf(failure, action, {
        failures: memory.failures,
        now: now(),
        random: random(),
      })
    }
    let obstacle = waitAfter(error)
    const outcome = { error, obstacle }
    const rest = () => sleep((obstacle.until ?? now()) - now(), signal)
    memory.obstacle = obstacle
    if (isOpen(error)) await rest()
    let happened = isRefusal(error) ? false : undefined
    while (happened === undefined && !signal.aborted) {
      try {
        happened = await writes.settle(action)
      } catch (readError) {
        obstacle = waitAfter(readError)
        memory.obstacle = obstacle
        await rest()
      }
    }
    if (isRecord(action)) memory.recordFrom = obstacle.until ?? -Infinity
    if (action.kind === 'evict' && happened === false) memory.evicted.delete(action.pod.uid)
    return outcome
  }

  #memoryOf(workload: string): Memory {
    const known = this.#memory.get(workload)
    if (known) return known
    const memory = {
      write: undefined,
      evicted: new Set<string>(),
      obstacle: undefined,
      failures: 0,
      reportedAt: -Infinity,
      owedSince: this.#startedAt,
      recordFrom: -Infinity,
      shown: undefined,
    }
    this.#memory.set(workload, memory)
    return memory
  }
}

function nothingPending(owedSince: number): Pending {
  return {
    write: undefined,
    evicted: new Set(),
    obstacle: undefined,
    reportedAt: -Infinity,
    owedSince,
  }
}

/** A memory as others see it; of what is evicted only that there is nothing is seen at a glance. */
function showing({ write, evicted, obstacle, reportedAt, owedSince, shown }: Memory): Pending {
  const same =
    shown !== undefined &&
    shown.write === write &&
    shown.obstacle === obstacle &&
    shown.reportedAt === reportedAt &&
    shown.owedSince === owedSince &&
    shown.evicted.size === 0 &&
    evicted.size === 0
  return same ? shown : { write, evicted: new Set(evicted), obstacle, reportedAt, owedSince }
}

/** A write of the workload's Consumer. */
function isRecord({ kind }: Action): boolean {
  return kind === 'record' || kind === 'forget'
}

/** What an action is remembered under: the UID of its workload, or the name of the Halt. */
function keyOf(action: Action): string {
  if (action.kind === 'halt' || action.kind === 'release') {
    return `${action.namespace}/${action.name}`
  }
  return action.workload.uid
}
