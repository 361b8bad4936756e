/**
 * What a Consumer recorded of a source, and how it goes on with what was seen since. Pure.
 *
 * A workload that uses all keys of a source has a timeline for each of them, and under `*` the digest `absent`: that is
 * what every key is known to have been that has none. Beyond {@link MOST_KEYS} keys `*` is the digest of all keys.
 */
import type { LocalSource } from '../model/refs.ts'
import { ALL_KEYS } from './digest.ts'
import { ABSENT } from './digest.ts'
import { digestOf, historyOf, keysOf, type SourceRecord } from './source.ts'
import {
  append,
  isNewer,
  present,
  shortened,
  today,
  untilAbsence,
  type Entry,
  type Timeline,
} from './timeline.ts'

/** What a Consumer recorded of one source. */
export interface RecordedSource {
  readonly uid: string
  /** The resourceVersion up to which the timelines go. */
  readonly resourceVersion: string
  /** The newest time that a write of data had left in it by then (ms); -Infinity without any, or if unknown. */
  readonly writtenAt: number
  /** When today's content was last known to be current (ms). */
  readonly seenAt: number
  /** By key, or `*`. */
  readonly timelines: ReadonlyMap<string, Timeline>
}

/** Keys of a source that are judged one by one, where all of them are used. */
export const MOST_KEYS = 200
/** Entries of all timelines of a workload beyond which only the last change of each is kept: etcd takes 1.5 MiB an object. */
const MOST_RECORDED_ENTRIES = 4000

/** The timelines of all sources of a workload, short enough for one object. */
export function bounded(
  sources: ReadonlyMap<LocalSource, RecordedSource>,
): ReadonlyMap<LocalSource, RecordedSource> {
  let entries = 0
  for (const { timelines } of sources.values()) {
    for (const timeline of timelines.values()) entries += timeline.length
  }
  if (entries <= MOST_RECORDED_ENTRIES) return sources
  const short = ([key, each]: readonly [string, Timeline]) => [key, shortened(each, 3)] as const
  return new Map(
    [...sources].map(([name, each]) => [
      name,
      { ...each, timelines: new Map([...each.timelines].map(short)) },
    ]),
  )
}

/**
 * The timelines of what is used of a source: the recorded ones and what was seen since. Without a record they begin with
 * what this process first saw. Empty where nothing is known of it.
 * @param selectors the keys that are used, or `*`
 */
export function timelinesOf(
  recorded: RecordedSource | undefined,
  source: SourceRecord,
  selectors: ReadonlySet<string>,
): ReadonlyMap<string, Timeline> {
  const all = new Map<string, Timeline>()
  const add = (selector: string) => {
    const timeline = timelineOf(recorded, source, selector)
    if (timeline) all.set(selector, timeline)
  }
  for (const selector of selectors) if (selector !== ALL_KEYS) add(selector)
  if (!selectors.has(ALL_KEYS)) return all
  if (isTakenWhole(recorded, source)) {
    add(ALL_KEYS)
    return all
  }
  for (const key of keysOf(source)) add(key)
  const removed = new Set([...(recorded?.timelines.keys() ?? []), ...source.changed.keys()])
  for (const key of [...removed].reverse()) {
    if (key === ALL_KEYS || all.has(key) || all.size >= MOST_KEYS) continue
    const timeline = timelineOf(recorded, source, key)
    if (timeline && untilAbsence(timeline)) all.set(key, timeline)
  }
  const others = othersOf(recorded, source)
  if (others) all.set(ALL_KEYS, source.content === ABSENT ? others : present(others))
  return all
}

/** The timeline of one key, or of `*` as the digest of all keys. */
export function timelineOf(
  recorded: RecordedSource | undefined,
  source: SourceRecord,
  selector: string,
): Timeline | undefined {
  const seen = historyOf(source, selector)
  const known = recorded && recordedTimeline(recorded, source, selector)
  if (!recorded || !known || !seen) return known ?? seen
  const timeline = goneOn(recorded, known, source, seen, selector)
  return source.content === ABSENT ? timeline : present(timeline)
}

function goneOn(
  recorded: RecordedSource,
  known: Timeline,
  source: SourceRecord,
  seen: Timeline,
  selector: string,
): Timeline {
  const covered = seen.findLastIndex(
    ({ version }) => version !== undefined && !isNewer(version, recorded.resourceVersion),
  )
  let timeline = known
  for (const [index, entry] of seen.entries()) {
    if (index <= covered) continue
    timeline = append(
      timeline,
      index === 0 ? foundUnseen(entry, source, recorded, selector) : plain(entry),
    )
  }
  // Whatever the versions say, the last entry is today's content: an etcd that was restored goes back in them.
  const now = today(seen)
  const { seenAt: since = now.since } = source.first ?? {}
  return append(timeline, { ...plain(now), since, notBefore: recorded.seenAt })
}

/** Whether all keys of a source together are one content, and not each of them. */
function isTakenWhole(recorded: RecordedSource | undefined, source: SourceRecord): boolean {
  if (keysOf(source).length > MOST_KEYS) return true
  const known = recorded?.timelines.get(ALL_KEYS)
  if (!known || today(known).digest === ABSENT) return false
  // It goes on as it was recorded until every pod is known to hold what is there today.
  return known.length > 1 || today(known).digest !== digestOf(source, ALL_KEYS)
}

function recordedTimeline(
  { timelines }: RecordedSource,
  source: SourceRecord,
  selector: string,
): Timeline | undefined {
  const known = timelines.get(selector)
  const others = timelines.get(ALL_KEYS)
  if (known || !others || selector === ALL_KEYS) return known
  if (today(others).digest === ABSENT) return others
  // All keys together are what they are today, and so is each of them.
  const digest = digestOf(source, selector)
  const equal = others.length === 1 && today(others).digest === digestOf(source, ALL_KEYS)
  return equal && digest !== undefined ? [{ ...others[0], digest }] : undefined
}

/** Since when every key that has no timeline is known to be absent. */
function othersOf(
  recorded: RecordedSource | undefined,
  { first }: SourceRecord,
): Timeline | undefined {
  const known = recorded?.timelines.get(ALL_KEYS)
  if (known && today(known).digest === ABSENT) return known
  if (known) return [{ digest: ABSENT, since: known[0].since }]
  if (!first) return undefined
  const [entry] = first.entries
  // The removal of a key leaves no time, so of a source that was there only the first sight counts.
  return [entry.digest === ABSENT ? entry : { digest: ABSENT, since: first.seenAt }]
}

/**
 * The content that this process first saw, where that came after the record. A change that left no newer time in the object
 * than the record has, as the removal of a key does, is dated by when it was seen.
 */
function foundUnseen(
  entry: Entry,
  { uid, first }: SourceRecord,
  recorded: RecordedSource,
  selector: string,
): Entry {
  const { writtenAt = -Infinity, seenAt = entry.since } = first ?? {}
  const { digest, version, missing } = entry
  const dated =
    digest === ABSENT ||
    // Of all keys together one may have been removed since.
    (selector !== ALL_KEYS && (uid !== recorded.uid || writtenAt > recorded.writtenAt))
  return plain({
    digest,
    version,
    missing,
    since: dated ? entry.since : seenAt,
    notBefore: recorded.seenAt,
  })
}

/** What is recorded of an entry that follows others. */
function plain({ digest, since, notBefore, version, missing }: Entry): Entry {
  return {
    ...(missing && { missing }),
    digest,
    since,
    ...(notBefore !== undefined && { notBefore }),
    ...(version !== undefined && { version }),
  }
}

/**
 * The same record under a new HMAC key, so that a lost key does not look like a change of every Secret. Equal UID
 * and resourceVersion mean equal content under any key, and a rotation under way goes on by its recorded time: in
 * both cases today's content takes the place of the recorded one, unless a write of data came after that time:
 * then it may be yet another content. Where neither applies the selector is left out, and so adopted anew. Of a source
 * that is not known now the record stays as it is: its digests compare with each other.
 */
export function rekey(recorded: RecordedSource, source: SourceRecord): RecordedSource {
  if (source.unread) return recorded
  const equal = recorded.uid === source.uid && recorded.resourceVersion === source.resourceVersion
  const timelines = new Map<string, Timeline>()
  for (const [selector, timeline] of recorded.timelines) {
    const { digest: old, since } = today(timeline)
    if (!equal && timeline.length === 1) continue
    const seen = historyOf(source, selector)
    const current = digestOf(source, selector)
    if (!seen || current === undefined || old === ABSENT) {
      timelines.set(selector, timeline)
      continue
    }
    if (!equal && today(seen).since > since) {
      timelines.set(
        selector,
        append(timeline, { ...plain(today(seen)), notBefore: recorded.seenAt }),
      )
      continue
    }
    const [first, ...rest] = timeline
    const move = (entry: Entry) => (entry.digest === old ? { ...entry, digest: current } : entry)
    timelines.set(selector, [move(first), ...rest.map(move)])
  }
  const { uid, resourceVersion, writtenAt, seenAt } = source
  return { uid, resourceVersion, writtenAt, seenAt, timelines }
}
