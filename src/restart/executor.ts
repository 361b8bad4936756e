/**
 * Carries out plans: starts each action, and remembers what was done but is not seen yet.
 *
 * What Sluice did counts as done from the call on (client-go calls this expectations), and ends by observation
 * alone: a pod whose eviction was sent stays charged until it is seen to go, or a read shows that it stays.
 */
import type { Action, ActionOutcome } from '../plan/action.ts'
import { NotSent } from '../kube/leading-sender.ts'
import type { Hold } from '../model/hold.ts'
import type { Pending } from '../plan/snapshot.ts'
import { isOpen, isRefusal, holdFor } from './refusal.ts'
import type { ClusterState } from './cluster-state.ts'
import { isRecord, isReport, isStep, rankOf, type QueueTicket } from './queue-ticket.ts'
import { PlannedWrites } from './planned-writes.ts'
import { perform, type Writes } from './writes.ts'

export interface ExecutorOptions {
  readonly writes: Writes
  readonly picture: ClusterState
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
  readonly onDone: (action: Action, outcome: ActionOutcome) => void
  /** An action was not sent, or may be tried again by now. */
  readonly planAgain: () => void
  /** Something failed that is not the API server's doing. */
  readonly onDefect: (error: unknown) => void
}

/** Memories that are not worth a look. */
const FEW = 100

/** What came of writes of one kind: the last answer that must be waited for, and how many failed in a row. */
interface BackOff {
  refusal: Hold | undefined
  failures: number
}

/** What is remembered of one workload, or of one Halt. */
interface Memory {
  write: Action | undefined
  /** When each eviction was sent that is not seen yet, by UID of the pod. */
  readonly evicted: Map<string, number>
  /** Apart from the rest: that a report was written says nothing of an eviction that was refused. */
  ofRecords: BackOff
  ofOthers: BackOff
  reportedAt: number
  /** When the last eviction was sent that is seen to have been done, or the last patch. */
  owedSince: number
  /** As it was shown last. */
  shown: Pending | undefined
}

export class Executor {
  readonly #options: ExecutorOptions
  readonly #memory = new Map<string, Memory>()
  readonly #running = new Set<Promise<void>>()
  readonly #wishes = new PlannedWrites()
  #startedAt: number
  #nothingPending: Pending

  constructor(options: ExecutorOptions) {
    this.#options = options
    this.#startedAt = options.now()
    this.#nothingPending = nothingPending(this.#startedAt)
  }

  /**
   * A time of leadership begins. What another leader evicted has its full time from now on, and what the server
   * refused in an earlier time may have changed. What was done and is not seen yet stays: it ends by observation. What
   * was wished for and not sent is not wished for any more.
   */
  begin(): void {
    this.#wishes.withdrawAll()
    this.#startedAt = this.#options.now()
    this.#nothingPending = nothingPending(this.#startedAt)
    for (const memory of this.#memory.values()) {
      memory.owedSince = this.#startedAt
      memory.ofRecords = noBackOff()
      memory.ofOthers = noBackOff()
    }
  }

  /** Starts the actions of a plan; each reports through `onDone`. What waits of plans before gives way to it. */
  start(actions: readonly Action[]): void {
    this.#wishes.withdrawAllBut(actions)
    for (const action of actions) {
      if (this.#isUnderWay(action) || this.#isTooEarly(action)) continue
      const running = this.#run(action).catch(this.#options.onDefect)
      this.#running.add(running)
      void running.finally(() => this.#running.delete(running))
    }
  }

  /** A wish that waits is not pending, and a Halt has no workload whose plan would know of the write. */
  #isUnderWay(action: Action): boolean {
    if (this.#wishes.has(action)) return true
    const isOfHalt = action.kind === 'halt' || action.kind === 'release'
    return isOfHalt && this.#memoryOf(keyOf(action)).write !== undefined
  }

  /** Not all that a plan asks for has a hold that would wait: what is so is always written down, and Halts are made. */
  #isTooEarly(action: Action): boolean {
    const { refusal } = backOffOf(this.#memoryOf(keyOf(action)), action)
    return this.#options.now() < (refusal?.until ?? -Infinity)
  }

  /** What was done for a workload and is not seen yet: the same object for as long as nothing of it changes. */
  pendingOf(workload: { readonly ref: { readonly uid: string } }): Pending {
    const memory = this.#memory.get(workload.ref.uid)
    if (!memory) return this.#nothingPending
    for (const [uid, sentAt] of memory.evicted) {
      const pod = this.#options.picture.pod(uid)
      if (pod && !pod.terminating) continue
      memory.evicted.delete(uid)
      memory.owedSince = Math.max(memory.owedSince, sentAt)
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
    const { writes, now, sleep, signal, onDone, planAgain } = this.#options
    const memory = this.#memoryOf(keyOf(action))
    const { turn, leave } = this.#queue(action, memory)
    let outcome: ActionOutcome = {}
    let withheld = false
    try {
      await perform(writes, action, turn)
      Object.assign(backOffOf(memory, action), noBackOff())
      if (action.kind === 'record') memory.reportedAt = now()
    } catch (error) {
      if (error instanceof NotSent) {
        withheld = true
        if (action.kind === 'evict') memory.evicted.delete(action.pod.uid)
      } else {
        outcome = await this.#failed(action, memory, error)
      }
    } finally {
      leave()
      if (memory.write === action) memory.write = undefined
    }
    if (withheld) {
      planAgain()
      return
    }
    onDone(action, outcome)
    if (outcome.error === undefined) return
    // Not every plan says when to try again.
    await sleep((backOffOf(memory, action).refusal?.until ?? now()) - now(), signal)
    planAgain()
  }

  /** A wish of a plan counts as done from its turn on, all else from the plan on that asked for it. */
  #queue(
    action: Action,
    memory: Memory,
  ): { readonly turn: QueueTicket; readonly leave: () => void } {
    const rank = rankOf(action)
    if (!isStep(action) && !isReport(action)) {
      this.#begins(action, memory)
      return { turn: { rank, begins: () => {} }, leave: () => {} }
    }
    // A report that waits is not worked out anew.
    if (isReport(action)) memory.reportedAt = this.#options.now()
    const { signal, granted } = this.#wishes.add(action)
    const begins = () => {
      granted()
      this.#begins(action, memory)
    }
    return { turn: { rank, signal, begins }, leave: granted }
  }

  #begins(action: Action, memory: Memory): void {
    if (action.kind === 'evict') memory.evicted.set(action.pod.uid, this.#options.now())
    else memory.write = action
    if (action.kind === 'patch') memory.owedSince = this.#options.now()
    this.#options.onStart(action)
  }

  /**
   * After a failure nothing is assumed: reads tell what is so, and until one succeeds the action counts as done. A
   * read may overtake a write whose answer was lost, so it comes after the wait that every failure brings.
   */
  async #failed(action: Action, memory: Memory, error: unknown): Promise<ActionOutcome> {
    const { writes, now, random, sleep, signal } = this.#options
    const backOff = backOffOf(memory, action)
    const waitAfter = (failure: unknown) => {
      const failures = backOff.failures + 1
      const refusal = holdFor(failure, action, { failures, now: now(), random: random() })
      Object.assign(backOff, { failures, refusal })
      return refusal
    }
    const rest = ({ until }: Hold) => sleep((until ?? now()) - now(), signal)
    const refusal = waitAfter(error)
    if (isOpen(error)) await rest(refusal)
    let happened = isRefusal(error) ? false : undefined
    while (happened === undefined && !signal.aborted) {
      try {
        happened = await writes.settle(action)
      } catch (readError) {
        await rest(waitAfter(readError))
      }
    }
    if (action.kind === 'evict' && happened === false) memory.evicted.delete(action.pod.uid)
    return { error, refusal }
  }

  #memoryOf(workload: string): Memory {
    const known = this.#memory.get(workload)
    if (known) return known
    const memory = {
      write: undefined,
      evicted: new Map<string, number>(),
      ofRecords: noBackOff(),
      ofOthers: noBackOff(),
      reportedAt: -Infinity,
      owedSince: this.#startedAt,
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
    refusal: undefined,
    reportedAt: -Infinity,
    owedSince,
  }
}

/** A memory as others see it; of what is evicted only that there is nothing is seen at a glance. */
function showing(memory: Memory): Pending {
  const { write, evicted, reportedAt, shown } = memory
  const refusal = refusalIn(memory)
  // One that is refused leaves nothing behind: no pod is owed for it.
  const owedSince = Math.max(memory.owedSince, ...evicted.values())
  const same =
    shown !== undefined &&
    shown.write === write &&
    shown.refusal === refusal &&
    shown.reportedAt === reportedAt &&
    shown.owedSince === owedSince &&
    shown.evicted.size === 0 &&
    evicted.size === 0
  return same ? shown : { write, evicted: new Set(evicted.keys()), refusal, reportedAt, owedSince }
}

/** What must be waited for longest. */
function refusalIn({ ofRecords, ofOthers }: Memory): Hold | undefined {
  const ends = ({ refusal }: BackOff) => (refusal ? (refusal.until ?? Infinity) : -Infinity)
  return ends(ofRecords) > ends(ofOthers) ? ofRecords.refusal : ofOthers.refusal
}

function noBackOff(): BackOff {
  return { refusal: undefined, failures: 0 }
}

function backOffOf({ ofRecords, ofOthers }: Memory, action: Action): BackOff {
  return isRecord(action) ? ofRecords : ofOthers
}

/** What an action is remembered under: the UID of its workload, or the name of the Halt. */
function keyOf(action: Action): string {
  if (action.kind === 'halt' || action.kind === 'release') {
    return `${action.namespace}/${action.name}`
  }
  return action.workload.uid
}
