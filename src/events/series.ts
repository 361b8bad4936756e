/**
 * Turns occurrences into Events: the same again within six minutes is one Event whose series counts, as client-go's
 * recorder has it, and no object gets more than a burst of them. Pure but for its memory.
 * Source: k8s.io/client-go v0.36.1, tools/events/event_broadcaster.go; the limit is tools/record/events_cache.go's.
 */
import { earliest } from './earliest.ts'
import type { Occurrence, Subject } from './occurrence.ts'

/** A series is over when nothing came for so long (ms). */
export const SERIES_END = 6 * 60_000
/** A long series is written again after so long (ms), so that the API server does not forget it. */
export const SERIES_REFRESH = 30 * 60_000
/** How many Events of one object may be new in a row, and how long (ms) it takes to earn another one. */
export const BURST = 25
export const EARNED_AFTER = 5 * 60_000

/** An Event of the cluster. */
export interface SluiceEvent {
  readonly occurrence: Occurrence
  /** When it first occurred (ms). */
  readonly firstAt: number
  /** Tells apart Events of one object and millisecond. */
  readonly serial: number
  /** Absent for one that occurred once. */
  readonly series?: { readonly count: number; readonly lastAt: number }
}

interface Known {
  event: SluiceEvent
  writtenCount: number
  writtenAt: number
}

export class EventSeries {
  readonly #known = new Map<string, Known>()
  readonly #spent = new Map<string, { tokens: number; at: number }>()
  readonly #onSuppressed: (occurrence: Occurrence) => void
  #serial = 0

  /** @param onSuppressed told of each occurrence of an object that has had too many */
  constructor(onSuppressed: (occurrence: Occurrence) => void) {
    this.#onSuppressed = onSuppressed
  }

  /** The Event to write for an occurrence, if one is to be written now; `now` in milliseconds. */
  record(occurrence: Occurrence, now: number): SluiceEvent | undefined {
    const key = keyOf(occurrence)
    const known = this.#known.get(key)
    if (known && now - lastAt(known.event) <= SERIES_END) {
      const count = (known.event.series?.count ?? 1) + 1
      known.event = { ...known.event, series: { count, lastAt: now } }
      // The second one starts the series; what follows is counted, and written when it is over.
      return count === 2 ? written(known, now) : undefined
    }
    if (!this.#spend(subjectKey(occurrence.regarding), now)) {
      this.#onSuppressed(occurrence)
      return undefined
    }
    const event = { occurrence, firstAt: now, serial: this.#serial++ % 1_000 }
    this.#known.set(key, { event, writtenCount: 1, writtenAt: now })
    return event
  }

  /** Series to write though nothing occurred: those that are over, with their last count, and long ones. */
  due(now: number): readonly SluiceEvent[] {
    const events: SluiceEvent[] = []
    for (const [key, known] of this.#known) {
      const over = now - lastAt(known.event) > SERIES_END
      if (over) this.#known.delete(key)
      const count = known.event.series?.count ?? 1
      const news = over && count > known.writtenCount
      const long = count > 1 && now - known.writtenAt >= SERIES_REFRESH
      if (news || long) events.push(written(known, now))
    }
    for (const [key, { tokens, at }] of this.#spent) {
      if (tokens + (now - at) / EARNED_AFTER >= BURST) this.#spent.delete(key)
    }
    return events
  }

  /** When something is due (ms); Infinity for never. */
  get nextAt(): number {
    return earliest([...this.#known.values()].map(({ event }) => lastAt(event) + SERIES_END + 1))
  }

  #spend(subject: string, now: number): boolean {
    const { tokens, at } = this.#spent.get(subject) ?? { tokens: BURST, at: now }
    const earned = Math.min(BURST, tokens + (now - at) / EARNED_AFTER)
    if (earned < 1) return false
    this.#spent.set(subject, { tokens: earned - 1, at: now })
    return true
  }
}

function written(known: Known, now: number): SluiceEvent {
  known.writtenCount = known.event.series?.count ?? 1
  known.writtenAt = now
  return known.event
}

function lastAt({ firstAt, series }: SluiceEvent): number {
  return series?.lastAt ?? firstAt
}

function keyOf({ regarding, related, type, reason, action, about }: Occurrence): string {
  const objects = [regarding, ...(related ? [related] : [])].map(subjectKey)
  return JSON.stringify([...objects, type, reason, action, about])
}

function subjectKey({ kind, namespace, name, uid }: Subject): string {
  return `${kind} ${namespace}/${name} ${uid ?? ''}`
}
