/**
 * A loop that looks when something changed or a time has come. It runs for months, so a pass leaves nothing behind: a
 * promise that never settles keeps whatever waits for it, which a race of promises would add with each pass.
 */
import { once } from 'node:events'

/** What follows from a look. */
export interface Next {
  /** When to look again though nothing changed (ms from now); `Infinity` for never. */
  readonly wakeIn: number
  /** How long nothing is looked at, whatever changes (ms). */
  readonly rest: number
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

export class WakeUp {
  #due = true
  #wake = (): void => {}

  /** Something changed. Many calls before the next look are one. */
  changed(): void {
    this.#due = true
    this.#wake()
  }

  /** Looks at once, and then again and again until `signal` aborts. Rejects with what `look` throws. */
  async run(look: () => Next | Promise<Next>, sleep: Sleep, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#due = false
      const { wakeIn, rest } = await look()
      if (rest > 0) await sleep(rest, signal)
      await this.#wait(wakeIn - Math.max(0, rest), sleep, signal)
    }
  }

  async #wait(ms: number, sleep: Sleep, signal: AbortSignal): Promise<void> {
    await withSignal([signal], async (woken) => {
      this.#wake = () => woken.abort()
      if (this.#due) woken.abort()
      if (woken.signal.aborted) return
      await (ms < Infinity ? sleep(ms, woken.signal) : once(woken.signal, 'abort'))
    })
    this.#wake = () => {}
  }
}

/**
 * Runs `work` with a controller of its own that aborts when one of `signals` does. `AbortSignal.any` would leave
 * something behind in each of them, and some live as long as the process.
 */
export async function withSignal<T>(
  signals: readonly AbortSignal[],
  work: (own: AbortController) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const abort = (): void => own.abort(signals.find(({ aborted }) => aborted)?.reason)
  for (const signal of signals) signal.addEventListener('abort', abort)
  if (signals.some(({ aborted }) => aborted)) abort()
  try {
    return await work(own)
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
}

/** Resolves or rejects as `work` does, or resolves at once when `signal` aborts. Only for work that has an end. */
export async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await withSignal(
    [signal],
    ({ signal: own }) =>
      new Promise<void>((resolve, reject) => {
        own.addEventListener('abort', () => resolve())
        if (own.aborted) resolve()
        work.then(resolve, reject)
      }),
  )
}
