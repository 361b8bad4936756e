/**
 * The API server's clock as seen from here, never ahead of it.
 *
 * The `Date` of an answer has whole seconds, so each answer bounds the difference of the clocks from both sides:
 * date − received ≤ difference < date + 1 s − sent. The bounds of many answers cut each other down.
 */

/** A time by the server, and when the request went and the answer came by the local clock (ms). */
export interface Sample {
  readonly date: number
  readonly sentAt: number
  readonly receivedAt: number
}

/** How far two clocks may drift apart (ms for each ms): bounds grow by it as they age. */
const DRIFT = 100e-6

export class ServerClock {
  readonly #local: () => number
  #lowest = -Infinity
  #highest = Infinity
  #at = 0

  /** @param local the local clock, milliseconds since the epoch */
  constructor(local: () => number) {
    this.#local = local
  }

  /** Takes in an answer with a `Date` header; one without tells nothing. */
  observeDate({
    date,
    ...times
  }: Omit<Sample, 'date'> & { readonly date: string | undefined }): void {
    const parsed = Date.parse(date ?? '')
    if (!Number.isNaN(parsed)) this.observe({ ...times, date: parsed })
  }

  /** Takes in one answer. */
  observe({ date, sentAt, receivedAt }: Sample): void {
    const grown = this.#grownAt(receivedAt)
    const low = date - receivedAt
    const high = date + 1000 - sentAt
    const lowest = Math.max(low, this.#lowest - grown)
    const highest = Math.min(high, this.#highest + grown)
    // No difference fits all answers: one of the clocks was set. Only the newest counts.
    const fits = lowest <= highest
    this.#lowest = fits ? lowest : low
    this.#highest = fits ? highest : high
    this.#at = receivedAt
  }

  /** The server's time (ms), rather too early than too late; the local time before the first answer. */
  now(): number {
    const local = this.#local()
    return this.#lowest === -Infinity ? local : local + this.#lowest - this.#grownAt(local)
  }

  /** How much too early {@link now} may be (ms); infinite before the first answer. */
  get uncertainty(): number {
    return this.#highest - this.#lowest + 2 * this.#grownAt(this.#local())
  }

  /** How far each bound has moved outwards since the last answer. */
  #grownAt(local: number): number {
    return Math.max(0, local - this.#at) * DRIFT
  }

  /** When to ask (local ms, after `from`) to learn most: the answer then tells on which side the second began. */
  bestProbe(from: number): number {
    const middle = (this.#lowest + this.#highest) / 2
    if (!Number.isFinite(middle)) return from + 1000
    const toNextSecond = 1000 - ((((from + middle) % 1000) + 1000) % 1000)
    return from + toNextSecond
  }
}

/** How well the clock should be known (ms). */
const GOOD_ENOUGH = 10
/** How often to look whether it still is (ms). */
const LOOK_EVERY = 60_000
/** Questions in a row: each halves what is unknown, from a second on. Over a slow line more of them tell no more. */
const QUESTIONS = 12

/**
 * Keeps the clock known to {@link GOOD_ENOUGH} until `signal` aborts: some ten questions, a second apart, at first,
 * and one now and then.
 * @param ask any request; its answer reaches the clock like every other one
 */
export async function keepCalibrated(
  clock: ServerClock,
  ask: () => Promise<unknown>,
  {
    now,
    sleep,
    signal,
  }: {
    now: () => number
    sleep: (ms: number, signal: AbortSignal) => Promise<void>
    signal: AbortSignal
  },
): Promise<void> {
  while (!signal.aborted) {
    for (let left = QUESTIONS; left > 0 && clock.uncertainty > GOOD_ENOUGH; left--) {
      const from = now()
      await sleep(clock.bestProbe(from) - from, signal)
      if (isAborted(signal)) return
      await ask()
    }
    await sleep(LOOK_EVERY, signal)
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
