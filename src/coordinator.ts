/**
 * The loop: snapshot, plan, execute, wait. Level-based: what to do follows from what the cluster looks like now; a
 * change only says "look again".
 */
import type { Action } from './plan/action.ts'
import { plan, type Plan } from './plan/plan.ts'
import type { Policy } from './plan/policy.ts'
import type { Snapshot } from './plan/workload.ts'

export interface CoordinatorOptions {
  readonly policy: Policy
  /** Whether to plan at all: we lead, and the picture is complete and new enough. */
  readonly mayPlan: () => boolean
  readonly snapshot: () => Snapshot
  readonly execute: (actions: readonly Action[]) => void
  /** Tells about each plan, before its actions start. */
  readonly report: (plan: Plan, seconds: number) => void
  /** API server's clock, milliseconds. */
  readonly now: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export class Coordinator {
  readonly #options: CoordinatorOptions
  #look = Promise.withResolvers<undefined>()

  constructor(options: CoordinatorOptions) {
    this.#options = options
  }

  /** Something changed. Many calls before the next plan are one. */
  changed(): void {
    this.#look.resolve(undefined)
  }

  /** Plans, where it may, whenever something changed or a time has come, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    while (!signal.aborted) {
      this.#look = Promise.withResolvers()
      const { wakeAt, took } = this.#plan()
      // Planning takes at most half of the time, however many events there are; after a calm nothing is waited for.
      await this.#options.sleep(took, signal)
      await this.#wait(wakeAt, signal, stopped)
    }
  }

  #plan(): { wakeAt: number; took: number } {
    const { policy, mayPlan, snapshot, execute, report, now } = this.#options
    if (!mayPlan()) return { wakeAt: Infinity, took: 0 }
    const started = performance.now()
    const made = plan(snapshot(), policy, now())
    const took = performance.now() - started
    report(made, took / 1000)
    execute(made.actions)
    return { wakeAt: made.wakeAt, took }
  }

  async #wait(wakeAt: number, signal: AbortSignal, stopped: Promise<undefined>): Promise<void> {
    const woken = new AbortController()
    const timer =
      wakeAt < Infinity
        ? this.#options.sleep(wakeAt - this.#options.now(), AbortSignal.any([signal, woken.signal]))
        : undefined
    await Promise.race([this.#look.promise, stopped, ...(timer ? [timer] : [])])
    woken.abort()
  }
}
