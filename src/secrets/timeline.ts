/**
 * The timeline of a use: what it stood for, since when (docs/adr/0002-one-timeline.md). Pure.
 *
 * One list serves as the applied content, the rotation under way and today's content: the first entry is what
 * every pod is known to hold, the last one is today's, and whatever was current in between stands between them.
 */
import { ABSENT, LOST, type Digest } from './digest.ts'
import { digestIn, type SourceRecord, type SourceVersion } from './source.ts'

/** One content and since when it was current. */
export interface Entry {
  readonly digest: Digest
  /**
   * Milliseconds on the API server's clock. `-Infinity` on a first entry that every pod is known to hold; a time
   * on a first entry that was adopted: what older pods hold is unknown.
   */
  readonly since: number
  /** It may have been current long before `since`: that is only the latest time at which it can have come. */
  readonly mayBeEarlier?: boolean | undefined
}

/** Oldest first, never empty, neighbours differ, times do not go backwards. The last entry is today's. */
export type Timeline = readonly [Entry, ...Entry[]]

/** What a Consumer recorded of one source. */
export interface RecordedSource {
  readonly uid: string
  /** The resourceVersion up to which the timelines tell the story. */
  readonly resourceVersion: string
  /** The newest time that a write of data had left in it by then (ms); -Infinity without any, or if unknown. */
  readonly writtenAt: number
  /** By key, or `*` for all keys. */
  readonly timelines: ReadonlyMap<string, Timeline>
}

/**
 * The timeline of `selector`: the recorded one, and what changed since. Without a record, today's content is
 * adopted as the baseline. A *required* content that is absent never becomes an entry: no pod can start with it,
 * so the story goes on when it is back. `undefined` where nothing was ever there.
 */
export function timelineOf(
  recorded: RecordedSource | undefined,
  source: SourceRecord,
  selector: string,
  optional: boolean,
): Timeline | undefined {
  const known = recorded?.timelines.get(selector)
  const counts = (digest: Digest) => optional || digest !== ABSENT
  if (!recorded || !known) {
    const today = source.versions.at(-1)
    if (!today) return undefined
    const digest = digestIn(today, selector)
    return counts(digest) ? [{ digest, since: today.changedAt }] : undefined
  }
  let timeline = known
  for (const version of versionsAfter(source.versions, recorded)) {
    const digest = digestIn(version, selector)
    if (counts(digest)) timeline = append(timeline, entryOf(version, digest, recorded))
  }
  return timeline
}

/** A change that left no newer time in the object than the record has is dated by when it was seen. */
function entryOf(version: SourceVersion, digest: Digest, recorded: RecordedSource): Entry {
  const undated =
    version.uid === recorded.uid && (digest === ABSENT || version.writtenAt <= recorded.writtenAt)
  if (undated) return { digest, since: version.seenAt, mayBeEarlier: true }
  const { changedAt: since, mayBeEarlier } = version
  return { digest, since, ...(mayBeEarlier && { mayBeEarlier }) }
}

/** Adds an entry, unless the content is the same as before. */
function append(timeline: Timeline, next: Entry): Timeline {
  const last = today(timeline)
  if (last.digest === next.digest) return timeline
  const entry = next.since >= last.since ? next : { ...next, since: last.since, mayBeEarlier: true }
  return shortened([...timeline, entry])
}

/** Entries of one timeline at most; a rotation that is held for long sees many changes. */
export const MOST_ENTRIES = 16

/** What was current right after the first entry is forgotten first: who started then counts as different. */
function shortened(timeline: Timeline): Timeline {
  if (timeline.length <= MOST_ENTRIES) return timeline
  const [first, second, , ...rest] = timeline
  return second ? [first, { ...second, digest: LOST }, ...rest] : timeline
}

/** The entry that is current now. */
export function today(timeline: Timeline): Entry {
  return timeline.at(-1) ?? timeline[0]
}

/** The timeline once every pod is known to hold today's content. */
export function applied(timeline: Timeline): Timeline {
  return [{ digest: today(timeline).digest, since: -Infinity }]
}

/**
 * The same record under a new HMAC key, so that a lost key does not look like a change of every Secret. Equal UID
 * and resourceVersion mean equal content under any key, and a rotation under way goes on by its recorded time: in
 * both cases today's content takes the place of the recorded one, unless a write of data came after that time:
 * then it may be yet another content. Where neither applies the selector is left out, and so adopted anew. Of a source
 * that is not known now the record stays as it is: its digests compare with each other.
 */
export function rekey(recorded: RecordedSource, source: SourceRecord): RecordedSource {
  const now = source.versions.at(-1)
  if (!now) return recorded
  const equal = recorded.uid === source.uid && recorded.resourceVersion === source.resourceVersion
  const timelines = new Map<string, Timeline>()
  for (const [selector, timeline] of recorded.timelines) {
    if (!equal && timeline.length === 1) continue
    const current = digestIn(now, selector)
    const { digest: old, since } = today(timeline)
    if (!equal && now.changedAt > since) {
      timelines.set(selector, append(timeline, entryOf(now, current, recorded)))
      continue
    }
    const [first, ...rest] = timeline
    const move = (entry: Entry) => (entry.digest === old ? { ...entry, digest: current } : entry)
    timelines.set(selector, [move(first), ...rest.map(move)])
  }
  const { uid, resourceVersion, writtenAt } = source
  return { uid, resourceVersion, writtenAt, timelines }
}

/** The versions that came after the one that was recorded last. */
function versionsAfter(
  versions: readonly SourceVersion[],
  { uid, resourceVersion }: RecordedSource,
): readonly SourceVersion[] {
  const recorded = versions.findLastIndex(
    (version) => version.uid === uid && !isNewer(version.resourceVersion, resourceVersion),
  )
  return versions.slice(recorded + 1)
}

/** resourceVersions of one resource type compare as numbers (KEP-5504). */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
