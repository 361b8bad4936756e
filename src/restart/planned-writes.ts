/**
 * What the newest plan wishes for and is not sent yet. A wish that waits counts as nothing: the plan wishes for it
 * again, or it is withdrawn.
 */
import type { Action, WorkloadAction } from '../plan/action.ts'
import { isRecord, isReport, isStep, wishOf } from './queue-ticket.ts'
import { NotSent } from '../kube/leading-sender.ts'

interface Wish {
  readonly action: WorkloadAction
  readonly withdrawal: AbortController
}

export class PlannedWrites {
  readonly #waiting = new Map<string, Wish>()

  has(action: Action): boolean {
    return this.#waiting.has(wishOf(action))
  }

  /** Waits from now on until `granted`; `signal` aborts when it is withdrawn before that. */
  add(action: WorkloadAction): { readonly signal: AbortSignal; readonly granted: () => void } {
    const name = wishOf(action)
    const wish = { action, withdrawal: new AbortController() }
    this.#waiting.set(name, wish)
    const granted = () => {
      if (this.#waiting.get(name) === wish) this.#waiting.delete(name)
    }
    return { signal: wish.withdrawal.signal, granted }
  }

  /** Whoever plans next wishes for what it wants. */
  withdrawAll(): void {
    for (const [name, wish] of this.#waiting) this.#withdraw(name, wish)
  }

  /** Steps that the plan does not wish for again, and reports of workloads that it writes something else of. */
  withdrawAllBut(actions: readonly Action[]): void {
    if (this.#waiting.size === 0) return
    const wishes = new Set(actions.filter(isStep).map(wishOf))
    const told = actions.filter((action) => isRecord(action) && !isReport(action))
    const written = new Set(told.map(({ workload }) => workload.uid))
    for (const [name, wish] of this.#waiting) {
      const { action } = wish
      const stays = isReport(action) ? !written.has(action.workload.uid) : wishes.has(name)
      if (!stays) this.#withdraw(name, wish)
    }
  }

  #withdraw(name: string, { withdrawal }: Wish): void {
    this.#waiting.delete(name)
    withdrawal.abort(new NotSent('the newest plan does not ask for it'))
  }
}
