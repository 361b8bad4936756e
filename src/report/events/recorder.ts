/**
 * Decides which occurrences become Events: not one that was recorded a moment ago, and no more than a burst of one
 * object. Pure but for its memory, which holds only what is younger than these limits.
 */
import type { Occurrence, Subject } from './occurrence.ts'

/** The same occurrence is not recorded again within this time (ms). */
export const REPEATED_AFTER = 2 * 60_000
/** How many Events one object may have in a row, and how long (ms) until it may have another one. */
export const BURST = 25
export const EARNED_AFTER = 5 * 60_000

/** An Event of the cluster. */
export interface SluiceEvent {
  readonly occurrence: Occurrence
  /** When it occurred (ms). */
  readonly at: number
  /** Tells apart Events of one object and millisecond. */
  readonly serial: number
}

export class EventRecorder {
  /** When each occurrence was recorded (ms), the oldest first. */
  readonly #recorded = new Map<string, number>()
  /** Until when (ms) the Events of each object keep it busy, in the order of the last Events. */
  readonly #busyUntil = new Map<string, number>()
  readonly #onSuppressed: (occurrence: Occurrence) => void
  #serial = 0

  /** @param onSuppressed called for each occurrence of an object that has had too many */
  constructor(onSuppressed: (occurrence: Occurrence) => void) {
    this.#onSuppressed = onSuppressed
  }

  /** The Event to write for an occurrence, if any; `now` in milliseconds. */
  record(occurrence: Occurrence, now: number): SluiceEvent | undefined {
    this.#forget(now)
    const key = keyOf(occurrence)
    if (this.#recorded.has(key)) return undefined
    if (!this.#spend(subjectKey(occurrence.regarding), now)) {
      this.#onSuppressed(occurrence)
      return undefined
    }
    this.#recorded.set(key, now)
    return { occurrence, at: now, serial: this.#serial++ % 1_000 }
  }

  /** How many occurrences and objects are remembered. */
  get size(): number {
    return this.#recorded.size + this.#busyUntil.size
  }

  /**
   * Both maps are in order of their last change, so the search ends at the first entry that still counts. An object
   * behind a busier one is forgotten with it: later than it could be, but within the time that a burst lasts.
   */
  #forget(now: number): void {
    for (const [key, at] of this.#recorded) {
      if (now < at + REPEATED_AFTER) break
      this.#recorded.delete(key)
    }
    for (const [subject, until] of this.#busyUntil) {
      if (now < until) break
      this.#busyUntil.delete(subject)
    }
  }

  /** Each Event keeps its object busy for as long as it takes to earn one; a burst of them may be owed. */
  #spend(subject: string, now: number): boolean {
    const until = Math.max(now, this.#busyUntil.get(subject) ?? now) + EARNED_AFTER
    if (until > now + BURST * EARNED_AFTER) return false
    this.#busyUntil.delete(subject)
    this.#busyUntil.set(subject, until)
    return true
  }
}

function keyOf({ regarding, related, type, reason, action, about }: Occurrence): string {
  const objects = [regarding, ...(related ? [related] : [])].map(subjectKey)
  return JSON.stringify([...objects, type, reason, action, about])
}

function subjectKey({ kind, namespace, name, uid }: Subject): string {
  return `${kind} ${namespace}/${name} ${uid ?? ''}`
}
