/**
 * How a watch does: when something last came, why nothing comes, and since when it may have missed something.
 */
import type { ApiError } from './api-error.ts'

export interface WatchSightOptions {
  /** Local clock, milliseconds. */
  readonly now: () => number
  /** How long a watch that is well may bring nothing (ms). */
  readonly silence: number
  /** It answers or sees again: nothing else tells so. */
  readonly onChanged: (() => void) | undefined
}

export class WatchSight {
  readonly #options: WatchSightOptions
  #attemptedAt = -Infinity
  #lastEventAt = -Infinity
  #brokenAt: number | undefined
  #answered = false
  #lastError: ApiError | undefined
  #restarts = 0

  constructor(options: WatchSightOptions) {
    this.#options = options
  }

  /** A list is asked for, or a stream. */
  attempts(): void {
    this.#attemptedAt = this.#options.now()
    this.#answered = false
  }

  /** The server answers. */
  answers(): void {
    this.#answered = true
    if (!this.#lastError) return
    this.#lastError = undefined
    this.#options.onChanged?.()
  }

  /** Something came. */
  hears(): void {
    this.#lastEventAt = this.#options.now()
  }

  /** From here on nothing is missed. */
  sees(): void {
    if (this.#brokenAt === undefined) return
    this.#brokenAt = undefined
    this.#options.onChanged?.()
  }

  /** The attempt failed; with an error, for a reason that a list does not end. */
  breaks(error?: ApiError): void {
    this.#restarts++
    this.#brokenAt ??= this.#options.now()
    if (error) this.#lastError = error
  }

  /** Whether the server answered in this attempt. */
  get answered(): boolean {
    return this.#answered
  }

  /** When the server last delivered anything, bookmarks included (local ms). */
  get lastEventAt(): number {
    return this.#lastEventAt
  }

  /** When the loop last did anything (local ms): each attempt, failed or not, has an end. */
  get activeAt(): number {
    return Math.max(this.#attemptedAt, this.#lastEventAt)
  }

  /** How often the stream had to be opened again because of an error. */
  get restarts(): number {
    return this.#restarts
  }

  /** Why nothing comes; undefined as soon as the server answers. */
  get lastError(): ApiError | undefined {
    return this.#lastError
  }

  /**
   * Since when (local ms) what has been delivered may be old: the watch failed, or nothing came for two intervals of
   * bookmarks. `undefined` while it delivers. A frozen connection, and a server that accepts a watch and then says
   * nothing, show by silence alone.
   */
  get blindSince(): number | undefined {
    const silentAt = this.#lastEventAt + this.#options.silence
    return this.#brokenAt ?? (this.#options.now() >= silentAt ? silentAt : undefined)
  }
}
