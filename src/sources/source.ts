/**
 * A source as Sluice keeps it: digests, times, and what was seen of it while Sluice runs. Pure.
 *
 * A key has a timeline of its own only from its first change on. Until then it is what the whole is dated by, and costs
 * nothing, whether somebody consumes it or not.
 */
import { ownAnnotations } from '../model/annotations.ts'
import type { SourceRef } from '../model/refs.ts'
import type { RawSource, SourceKind } from './kinds/kind.ts'
import { ABSENT, type ContentDigests, type Digest, type Digester } from './digest.ts'
import { readSourceSettings, type SourceSettings } from './settings.ts'
import { ALL_KEYS } from './digest.ts'
import { endOfSecond, newestWrite } from '../model/managed-time.ts'
import { append, present, shortened, today, type Entry, type Timeline } from './timeline.ts'

/** One content of a whole source. */
interface SourceEntry extends Entry {
  /** The field manager that wrote the data last, where that write dates the change. */
  readonly changedBy?: string | undefined
}

/** How a source was when this process first saw it. */
interface FirstSight {
  /**
   * What dates every key that never changed: the first content that was seen, and before it, where the source was seen to
   * come into being, its absence.
   */
  readonly entries: Timeline
  /** The end of the second in which it was first seen (ms). */
  readonly seenAt: number
  /** Of the object that was first seen, see {@link SourceRecord}. */
  readonly writtenAt: number
}

/** A Secret or a ConfigMap, reduced. */
export interface SourceRecord {
  readonly ref: SourceRef
  /** '' for a source that does not exist. */
  readonly uid: string
  readonly resourceVersion: string
  /** When today's object was created (ms), a whole second; -Infinity where there is none. */
  readonly createdAt: number
  readonly immutable: boolean
  /** The newest time that a write of data left in the object (ms); -Infinity without any. */
  readonly writtenAt: number
  readonly settings: SourceSettings
  /** Today's content. `undefined` only where it is {@link unread}. */
  readonly content: ContentDigests | typeof ABSENT | undefined
  /** What all keys together were, since this process watches; `undefined` only where it is {@link unread}. */
  readonly whole: Timeline<SourceEntry> | undefined
  readonly first: FirstSight | undefined
  /** What each key was that changed since. */
  readonly changed: ReadonlyMap<string, Timeline>
  /** When it was last known to be as it is (ms): the event or list that said so last. */
  readonly seenAt: number
  /** Why its content is not known now. */
  readonly unread?: Unread
}

/** Why the content of a source is not known now. */
export interface Unread {
  /** It is on the way; or a person must put something right. */
  readonly kind: 'Awaited' | 'Unreadable'
  /** For a person. */
  readonly message: string
}

/** How a source was seen. */
export interface Sight {
  /** By a watch event of its own, soon after it happened; else it happened at some time since the source was last seen. */
  readonly live: boolean
  /** Since when no source of this name is known to have existed (ms), where a live event shows that it came into being. */
  readonly absentSince?: number | undefined
}

/** Timelines of keys that are no more, at most: ever new names must not grow without end. */
export const MOST_REMOVED_KEYS = 1000
/** Beyond so many keys that change only the last change of each is kept. */
const MOST_DETAILED_KEYS = 1000

/**
 * Reads a source of a kind; `previous` is what was known of the same name, `seenAt` the API server's time now (ms).
 * Writes that leave the content equal (labels, annotations, a rewrite) change no timeline.
 */
export function readSource(
  { kind, valuesIn, ownsValues }: SourceKind,
  raw: RawSource,
  previous: SourceRecord | undefined,
  digester: Digester,
  seenAt: number,
  sight: Sight = { live: previous !== undefined },
): SourceRecord {
  const { namespace, name, uid, resourceVersion, managedFields } = raw.metadata
  const ref = { kind, namespace, name }
  const content = digester.digest(ref, valuesIn(raw))
  const write = newestWrite(managedFields, ownsValues)
  const writtenAt = write?.time ?? -Infinity
  const createdAt = Date.parse(raw.metadata.creationTimestamp)
  // A write that only removes keys leaves the time of the write before it; any other leaves its own, perhaps the same second.
  const dated =
    previous?.uid !== uid ||
    writtenAt > previous.writtenAt ||
    (writtenAt === previous.writtenAt && bringsContent(previous, content))
  const moment: Moment = {
    since: changedAt({ managed: dated ? writtenAt : -Infinity, seen: seenAt }),
    version: resourceVersion,
    ...(dated && write?.manager && { changedBy: write.manager }),
  }
  const record = {
    ref,
    uid,
    resourceVersion,
    createdAt,
    immutable: raw.immutable ?? false,
    writtenAt,
    settings: readSourceSettings(ref, ownAnnotations(raw.metadata.annotations)),
    content,
    seenAt,
  }
  return { ...record, ...history(record, previous, moment, sight) }
}

/** Whether a key was added or changed. */
function bringsContent(previous: SourceRecord, { keys }: ContentDigests): boolean {
  return [...keys].some(([key, digest]) => digestOf(previous, key) !== digest)
}

/** The record of a source that does not exist (any more), as of `seenAt`. */
export function missingSource(
  ref: SourceRef,
  previous: SourceRecord | undefined,
  seenAt: number,
  sight: Sight = { live: previous !== undefined },
): SourceRecord {
  const record = {
    ref,
    uid: '',
    resourceVersion: previous?.resourceVersion ?? '',
    createdAt: -Infinity,
    immutable: false,
    writtenAt: -Infinity,
    settings: NO_SETTINGS,
    content: ABSENT,
    seenAt,
  } as const
  const moment = { since: endOfSecond(seenAt), missing: true }
  return { ...record, ...history(record, previous, moment, sight) }
}

/** The record of a source whose content is not known now: nothing follows from it. */
export function unreadSource(ref: SourceRef, unread: Unread): SourceRecord {
  return {
    ref,
    uid: '',
    resourceVersion: '',
    createdAt: -Infinity,
    immutable: false,
    writtenAt: -Infinity,
    settings: NO_SETTINGS,
    content: undefined,
    whole: undefined,
    first: undefined,
    changed: NOTHING_CHANGED,
    seenAt: -Infinity,
    unread,
  }
}

/**
 * When a content that is seen began, at the latest. The `managedFields` time (-Infinity where none dates it) can be too
 * late, since any write by that manager moves it: so never later than seen.
 */
export function changedAt({ managed, seen }: { managed: number; seen: number }): number {
  return Math.min(managed > -Infinity ? managed : Infinity, endOfSecond(seen))
}

/** Today's digest of what `selector` (a key, or all keys) stands for; `undefined` where it is not known. */
export function digestOf({ content }: SourceRecord, selector: string): Digest | undefined {
  if (content === undefined || content === ABSENT) return content
  return selector === ALL_KEYS ? content.whole : (content.keys.get(selector) ?? ABSENT)
}

/** The keys that are there today. */
export function keysOf({ content }: SourceRecord): readonly string[] {
  return typeof content === 'object' ? [...content.keys.keys()] : []
}

/** What `selector` stood for since this process watches; `undefined` where that is not known now. */
export function historyOf(source: SourceRecord, selector: string): Timeline | undefined {
  if (selector === ALL_KEYS) return source.whole
  const digest = digestOf(source, selector)
  if (!source.first || digest === undefined) return undefined
  return source.changed.get(selector) ?? unchanged(source.first, digest)
}

/** What a key was that never changed since it was first seen. */
function unchanged({ entries: [first, second], seenAt }: FirstSight, digest: Digest): Timeline {
  if (digest !== ABSENT) return second ? [first, { ...second, digest }] : [{ ...first, digest }]
  if (first.digest === ABSENT) return second ? present([first]) : [first]
  // A key may have been removed long after the last write that left a time.
  return [{ digest, since: seenAt, version: first.version }]
}

type Moment = Omit<SourceEntry, 'digest'>
type Content = ContentDigests | typeof ABSENT

/** The timelines of a source with what is seen of it now. */
function history(
  seen: { readonly content: Content; readonly createdAt: number } & Pick<
    SourceRecord,
    'seenAt' | 'writtenAt'
  >,
  previous: SourceRecord | undefined,
  moment: Moment,
  { live, absentSince }: Sight,
): Pick<SourceRecord, 'whole' | 'first' | 'changed'> {
  const { content, createdAt, writtenAt } = seen
  const digest = content === ABSENT ? ABSENT : content.whole
  if (!previous?.whole || !previous.first) {
    // Cut to whole seconds, and so equal for what came with the object.
    const created = absentSince === undefined && createdAt >= moment.since - 1000
    const entry = { ...moment, digest, ...(created && { created }) }
    const whole: Timeline<SourceEntry> =
      absentSince === undefined
        ? [entry]
        : [{ digest: ABSENT, since: absentSince, missing: true }, entry]
    const first = { entries: whole, seenAt: endOfSecond(seen.seenAt), writtenAt }
    return { whole, first, changed: NOTHING_CHANGED }
  }
  const { first, changed: changedBefore } = previous
  const before = today(previous.whole)
  if (before.digest === digest) return { whole: previous.whole, first, changed: changedBefore }
  const since = Math.max(moment.since, before.since)
  const next = { ...moment, since, ...(!live && { notBefore: previous.seenAt }) }
  const whole = append(previous.whole, { ...next, digest })
  const { entries } = first
  // The first content of a source that was seen to be missing dates all keys that it came with.
  const isFirstContent = entries.length === 1 && entries[0].digest === ABSENT
  if (isFirstContent) {
    const dating = [entries[0], { ...next, digest }] as const
    return { whole, first: { ...first, entries: dating }, changed: changedBefore }
  }
  const names = new Set([...keysOf(previous), ...(content === ABSENT ? [] : content.keys.keys())])
  const changed = new Map(changedBefore)
  for (const key of names) {
    const now = content === ABSENT ? ABSENT : (content.keys.get(key) ?? ABSENT)
    const known = historyOf(previous, key)
    if (!known || digestOf(previous, key) === now) continue
    // The newest last.
    changed.delete(key)
    changed.set(key, append(known, { ...next, digest: now }))
  }
  if (content === ABSENT) return { whole, first, changed: bounded(changed) }
  for (const [key, timeline] of changed) changed.set(key, present(timeline))
  return { whole, first, changed: bounded(changed) }
}

/** What was removed longest ago is forgotten first: a key that comes back counts as one that was never there. */
function bounded(changed: Map<string, Timeline>): ReadonlyMap<string, Timeline> {
  if (changed.size <= MOST_REMOVED_KEYS) return changed
  const removed = [...changed].filter(([, timeline]) => today(timeline).digest === ABSENT)
  for (const [key] of removed.slice(0, -MOST_REMOVED_KEYS)) changed.delete(key)
  if (changed.size > MOST_DETAILED_KEYS) {
    for (const [key, timeline] of changed) changed.set(key, shortened(timeline, 3))
  }
  return changed
}

const NOTHING_CHANGED: ReadonlyMap<string, Timeline> = new Map()
const NO_SETTINGS = readSourceSettings({ kind: 'Secret', name: '' }, {})
