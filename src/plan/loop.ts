/**
 * The loop: snapshot, plan, execute, wait. Level-based: what to do follows from what the cluster looks like now; a
 * change only says "look again".
 */
import type { Action } from './action.ts'
import { plan, type Plan } from './plan.ts'
import type { Policy } from './policy.ts'
import type { Snapshot } from './snapshot.ts'
import { WakeUp, type Next, type Sleep } from '../model/wake-up.ts'

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
  readonly sleep: Sleep
}

export class PlanLoop {
  readonly #options: CoordinatorOptions
  readonly #wakeUp = new WakeUp()

  constructor(options: CoordinatorOptions) {
    this.#options = options
  }

  /** Something changed. Many calls before the next plan are one. */
  changed(): void {
    this.#wakeUp.changed()
  }

  /** Plans, where it may, whenever something changed or a time has come, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#wakeUp.run(() => this.#plan(), this.#options.sleep, signal)
  }

  #plan(): Next {
    const { policy, mayPlan, snapshot, execute, report, now } = this.#options
    if (!mayPlan()) return { wakeIn: Infinity, rest: 0 }
    const started = performance.now()
    const made = plan(snapshot(), policy, now())
    const took = performance.now() - started
    report(made, took / 1000)
    execute(made.actions)
    // Planning takes at most half of the time, however many events there are; after a calm nothing is waited for.
    return { wakeIn: made.wakeAt - now(), rest: took }
  }
}
