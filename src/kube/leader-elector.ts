/**
 * Leader election: of all processes that share a Lease, at most one may write at any moment.
 *
 * The algorithm and its times are client-go's (k8s.io/client-go/tools/leaderelection/leaderelection.go). The holder
 * renews the Lease; whoever has not seen its record change for {@link LEASE_DURATION} may take it. No clock is
 * compared with another: each process measures by its own how long ago it sent, or saw, something.
 *
 * Stricter than client-go in two points. A Lease that was deleted is not free, since its holder leads on: who has seen
 * it waits as for one that is not renewed. And our name in a version that we do not know to have written is no proof
 * that we lead: the answer may have been lost, or somebody may have put it there.
 */
import { ApiError } from './api-error.ts'
import { heldRecord, isSameRecord, lifeOf, releasedRecord } from './lease-record.ts'
import type { Lease, LeaseStore, Limits } from './lease.ts'

/** How long a record must not have changed before another process may take the Lease (ms). */
export const LEASE_DURATION = 15_000
/** How long after the last renewal its holder leads on (ms). */
export const RENEW_DEADLINE = 10_000
/** How often the holder renews; and the least time between two attempts that fail (ms). */
const RETRY_PERIOD = 2_000
/** How often the others look at least (ms): shorter than client-go's, so that a release is seen soon. */
const LOOK_PERIOD = 500
/** By how much of themselves waits of those who do not lead are drawn out at most. */
const JITTER = 1.2
/** How long one request may take (ms): so that another attempt fits in before the deadline. */
const REQUEST_TIMEOUT = RENEW_DEADLINE / 2
/** How long a write may take (ms) that {@link LeaderElector.mayWrite} allowed: it ends before another leads. */
export const WRITE_TIMEOUT = LEASE_DURATION - RENEW_DEADLINE - 1_000

export interface LeaderElectorOptions {
  readonly store: LeaseStore
  /** Like nobody else's, ever. */
  readonly identity: string
  /** Local clock, milliseconds since the epoch; it never runs backwards, and runs on while the process is stopped. */
  readonly now: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to 1. */
  readonly random: () => number
  /** Leadership was gained, or has ended. */
  readonly onChange: (leading: boolean) => void
  /** An attempt failed; told once for as long as it fails in the same way. */
  readonly onError: (error: ApiError) => void
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions
  /** As it was last seen or written; undefined where there is none. */
  #lease: Lease | undefined
  /** Whether that version is one that we wrote ourselves: then nobody else has led since. */
  #isOwn = false
  /** When the record was last seen to change. */
  #changedAt = -Infinity
  /** Counts from before the last renewal was sent: the others saw it later. */
  #mayWriteUntil = -Infinity
  #told = false
  #lastError = ''

  constructor(options: LeaderElectorOptions) {
    this.#options = options
  }

  /**
   * We lead, whoever had to know knows it, and a write that starts now and takes {@link WRITE_TIMEOUT} at most ends
   * before another may.
   */
  mayWrite(): boolean {
    return this.#told && this.#holds()
  }

  #holds(): boolean {
    return this.#options.now() < this.#mayWriteUntil
  }

  /** Who holds the Lease, as far as is known. */
  get holder(): string | undefined {
    return this.#lease?.spec?.holderIdentity ?? undefined
  }

  /** Takes the Lease when it can and keeps it while it can, until `signal` aborts. It does not release it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#tell()
      const answered = await this.#attempt(signal)
      this.#tell()
      await this.#options.sleep(this.#pause(answered), signal)
    }
  }

  /**
   * Stops leading, and lets another one lead at once. Only for who has no write under way any more, after
   * {@link run} has ended. Where it fails, the Lease runs out.
   */
  async release(limits: Limits): Promise<void> {
    const { store, identity, now, onError } = this.#options
    if (!this.#holds()) return
    this.#mayWriteUntil = -Infinity
    this.#tell()
    try {
      // A renewal that was cut off may have arrived all the same: then the version is another one.
      while (this.#lease && this.holder === identity) {
        const released = releasedRecord(this.#lease.spec, now())
        if (await store.write(this.#lease, released, limits)) return
        this.#see(await store.read(limits))
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      onError(error)
    }
  }

  /** Whether the server answered. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    try {
      if (!(this.#isOwn && (await this.#take(signal)))) {
        this.#see(await this.#options.store.read(this.#limits(signal)))
        if (this.#isFree()) await this.#take(signal)
      }
      this.#lastError = ''
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (!signal.aborted && error.message !== this.#lastError) this.#options.onError(error)
      this.#lastError = error.message
      return false
    }
  }

  /** Writes our name into the Lease as it was last seen. */
  async #take(signal: AbortSignal): Promise<boolean> {
    const { store, identity, now } = this.#options
    const sentAt = now()
    const record = heldRecord(this.#lease?.spec, {
      identity,
      leaseDuration: LEASE_DURATION,
      now: sentAt,
    })
    const written = await store.write(this.#lease, record, this.#limits(signal))
    // Written by us or, as a conflict tells, by somebody else.
    this.#changedAt = now()
    this.#isOwn = written !== undefined
    if (!written) return false
    this.#lease = written
    this.#mayWriteUntil = sentAt + RENEW_DEADLINE
    return true
  }

  #see(lease: Lease | undefined): void {
    const { identity, now } = this.#options
    if (!isSameRecord(lease?.spec, this.#lease?.spec)) this.#changedAt = now()
    this.#lease = lease
    this.#isOwn = false
    // Only tampering takes the Lease from a holder before its time: the other one may lead already.
    if (lease && this.holder !== identity) this.#mayWriteUntil = -Infinity
  }

  #isFree(): boolean {
    // A renewal whose answer was lost, or the Lease was deleted: it is ours still.
    if (this.#holds()) return true
    if (this.#lease && !this.holder) return true
    return this.#options.now() >= this.#changedAt + lifeOf(this.#lease?.spec, LEASE_DURATION)
  }

  /** A request of the holder ends with its time at the latest, so that the end is told then. */
  #limits(signal: AbortSignal): Limits {
    const left = this.#holds() ? this.#mayWriteUntil - this.#options.now() : Infinity
    return { signal, timeout: Math.ceil(Math.min(REQUEST_TIMEOUT, left)) }
  }

  #pause(answered: boolean): number {
    const { now, random } = this.#options
    if (this.#holds()) return Math.min(RETRY_PERIOD, this.#mayWriteUntil - now())
    return (answered ? LOOK_PERIOD : RETRY_PERIOD) * (1 + JITTER * random())
  }

  #tell(): void {
    const leading = this.#holds()
    if (leading === this.#told) return
    this.#told = leading
    this.#options.onChange(leading)
  }
}
