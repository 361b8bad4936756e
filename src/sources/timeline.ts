/**
 * A timeline: the contents of a key of a source, or of all its keys together, and since when each was current. Pure.
 *
 * One list serves as the applied content, the rotation under way and today's content: the first entry is what
 * every pod is known to hold, the last one is today's, and whatever was current in between stands between them.
 */
import { ABSENT, LOST, type Digest } from './digest.ts'

/** One content and since when it was current. */
export interface Entry {
  readonly digest: Digest
  /**
   * When it began, at the latest: a whole second, in milliseconds of the API server's clock. It began within the second
   * before that, unless {@link notBefore} says otherwise. `-Infinity` on a first entry that every pod is known to hold; a
   * time on a first entry that was adopted: what older pods hold is unknown.
   */
  readonly since: number
  /** It began unseen: not before this moment (ms), at which the content before it was known to be current. */
  readonly notBefore?: number | undefined
  /**
   * The resourceVersion of the first object seen with it: a pod that was created under a higher one came after it. Compared
   * across types, which etcd orders and KEP-5504 does not promise, so never without the times.
   */
  readonly version?: string | undefined
  /** It is the absence of the whole source: what requires that does not start. */
  readonly missing?: boolean | undefined
  /** A first entry that its object was created with: that object never held anything else. */
  readonly created?: boolean | undefined
}

/** Oldest first, never empty, neighbours differ, times do not go backwards. The last entry is today's. */
export type Timeline<E extends Entry = Entry> = readonly [E, ...E[]]

/** Entries of one timeline at most; a rotation that is held for long sees many changes. */
export const MOST_ENTRIES = 16

/** Adds an entry, unless the content is the same as before. */
export function append<E extends Entry>(timeline: Timeline<E>, next: E): Timeline<E> {
  const last = today(timeline)
  if (last.digest === next.digest) {
    // Of two absences in a row one is of the key alone, which stops no pod from starting.
    return last.missing && !next.missing ? present(timeline) : timeline
  }
  const entry = next.since >= last.since ? next : { ...next, since: last.since }
  return shortened([...timeline, entry], MOST_ENTRIES)
}

/** The timeline of a key whose source is there: where the key is absent it is missing by itself. */
export function present<E extends Entry>(timeline: Timeline<E>): Timeline<E> {
  const last = today(timeline)
  if (!last.missing) return timeline
  return timeline.with(-1, { ...last, missing: undefined }) as readonly E[] as Timeline<E>
}

/** What was current right after the first entry is forgotten first: who started then counts as different. */
export function shortened<E extends Entry>(timeline: Timeline<E>, most: number): Timeline<E> {
  const [first, second, ...rest] = timeline
  if (timeline.length <= most || !second) return timeline
  const kept = rest.slice(timeline.length - most)
  // Under the version of the last that it stands for: a record of that tells them all.
  const { version } = rest[timeline.length - most - 1] ?? second
  return [first, { ...second, version, digest: LOST }, ...kept]
}

/** The entry that is current now. */
export function today<E extends Entry>(timeline: Timeline<E>): E {
  return timeline.at(-1) ?? timeline[0]
}

/** The timeline up to what was there last; `undefined` where nothing ever was. */
export function untilAbsence(timeline: Timeline): Timeline | undefined {
  if (today(timeline).digest !== ABSENT) return timeline
  const [first, ...rest] = timeline
  return rest.length > 0 ? [first, ...rest.slice(0, -1)] : undefined
}

/** When an entry began, at the earliest (ms). */
export function earliest({ since, notBefore = Infinity }: Entry): number {
  return Math.min(since - 1000, notBefore)
}

/**
 * The timeline once every pod is known to hold today's content. What is absent may be held all the same, and counts again
 * when it is back.
 */
export function applied(timeline: Timeline): Timeline {
  if (today(timeline).digest === ABSENT) return timeline
  return [{ digest: today(timeline).digest, since: -Infinity }]
}

/** resourceVersions of one resource type compare as numbers (KEP-5504). */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
