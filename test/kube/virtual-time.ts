/**
 * Time that passes only when it is told to: events in the order of their times, and clocks that run as they like.
 */

/** One event to come. */
interface Event {
  readonly at: number
  readonly happen: () => void
}

/** True time, which nobody in the test can read. */
export class VirtualTime {
  #now = 0
  #events: Event[] = []

  get now(): number {
    return this.#now
  }

  /** Lets something happen later (ms). What is due at the same time happens in the order in which it was asked for. */
  after(ms: number, happen: () => void): void {
    const at = this.#now + Math.max(0, ms)
    const behind = this.#events.findIndex((each) => each.at > at)
    this.#events.splice(behind < 0 ? this.#events.length : behind, 0, { at, happen })
  }

  /** Resolves later (ms). */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** Lets everything happen until some time, and calls `look` after each event and all that follows from it. */
  async runUntil(end: number, look: () => void = () => {}): Promise<void> {
    for (;;) {
      const next = this.#events[0]
      if (!next || next.at > end) break
      this.#events.shift()
      this.#now = next.at
      next.happen()
      await settled()
      look()
    }
    this.#now = end
  }
}

/** Resolves when no promise has anything left to do. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A machine: its clock runs too fast or too slowly, and it may stand still while its clock runs on. */
export class Machine {
  readonly #time: VirtualTime
  readonly #rate: number
  #stoppedUntil = 0
  /** Nothing gets from here to the server any more. */
  cutOff = false

  /** @param rate milliseconds of its clock in one true millisecond */
  constructor(time: VirtualTime, rate = 1) {
    this.#time = time
    this.#rate = rate
  }

  /** Its clock. */
  readonly now = (): number => 1_790_000_000_000 + this.#time.now * this.#rate

  /** As SIGSTOP does, until SIGCONT comes (true ms). */
  stop(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.#time.now + ms)
  }

  /** Resolves when some time of its clock has passed (or `signal` aborts), and it runs. */
  readonly sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#time.pass(ms / this.#rate), aborted])
    await this.running()
  }

  /** Resolves when it runs. */
  async running(): Promise<void> {
    while (this.#time.now < this.#stoppedUntil) {
      await this.#time.pass(this.#stoppedUntil - this.#time.now)
    }
  }
}
