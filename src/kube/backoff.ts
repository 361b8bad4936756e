/** Waits between attempts (ms): doubled from the first to the longest, each between half and all of it. */
const FIRST = 400
const LONGEST = 30_000

/** How long to wait before the next attempt: longer after each, and never all clients at the same time. */
export class Backoff {
  readonly #random: () => number
  #wait = FIRST

  /** @param random from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Milliseconds to wait now. */
  next(): number {
    const wait = this.#wait * (0.5 + this.#random() / 2)
    this.#wait = Math.min(LONGEST, this.#wait * 2)
    return wait
  }

  /** All is well again. */
  reset(): void {
    this.#wait = FIRST
  }
}
