/**
 * A Secret as Sluice keeps it: digests, times, and the versions seen while Sluice runs. Pure.
 */
import { ownAnnotations } from '../annotations.ts'
import type { SourceRef } from '../refs.ts'
import { ABSENT, LOST, type ContentDigests, type Digest, type Digester } from './digest.ts'
import { readSourceSettings, type SourceSettings } from '../consumers/source-settings.ts'
import { ALL_KEYS } from '../consumers/uses.ts'
import { endOfSecond, newestWrite, type ManagedField } from './managed-time.ts'

/** What a source held at one time. */
export interface SourceVersion {
  readonly uid: string
  /** Of the first object seen with this content. */
  readonly resourceVersion: string
  /** Since when, at the latest: milliseconds on the API server's clock, a whole second. */
  readonly changedAt: number
  /** The change may have come long before that: Sluice did not see it happen, or nothing dates it. */
  readonly mayBeEarlier: boolean
  /** The end of the second in which Sluice first saw it. */
  readonly seenAt: number
  /** Of the object that it was first seen in, see {@link SourceRecord}. */
  readonly writtenAt: number
  /** The field manager that wrote the data last, where that write dates the change. */
  readonly changedBy?: string | undefined
  readonly content: ContentDigests | typeof ABSENT | typeof LOST
}

/** A Secret, reduced. */
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
  /** Oldest first; the last one is today's. Neighbours differ. None only where it is {@link unread}. */
  readonly versions: readonly SourceVersion[]
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

/**
 * Whether a manager wrote content. What is applied server-side as `stringData` stays under that name in managedFields,
 * though the object then has it in `data` (seen on Kubernetes 1.36).
 */
function ownsData({ fieldsV1 }: ManagedField): boolean {
  return fieldsV1?.['f:data'] !== undefined || fieldsV1?.['f:stringData'] !== undefined
}

/** How many versions of a source are kept, if not each is the last change of a key; others become one, see {@link LOST}. */
export const MOST_VERSIONS = 8

/** Keys of a version that stands for several, and of all such, at most: ever new names must not grow without end. */
const MOST_KEYS = 1000

/** The part of a core/v1 Secret that is read. */
export interface RawSecret {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly managedFields?: readonly ManagedField[]
  }
  readonly immutable?: boolean
  readonly data?: Readonly<Record<string, string>>
}

/**
 * Reads a Secret; `previous` is what was known of the same name, `seenAt` the API server's time now (ms).
 * Writes that leave the content equal (labels, annotations, a rewrite) add no version.
 */
export function readSecret(
  raw: RawSecret,
  previous: SourceRecord | undefined,
  digester: Digester,
  seenAt: number,
): SourceRecord {
  const { namespace, name, uid, resourceVersion, managedFields } = raw.metadata
  const content = digester.digest({ namespace, name }, raw.data ?? {})
  const last = previous?.versions.at(-1)
  const same = typeof last?.content === 'object' && last.content.whole === content.whole
  const write = newestWrite(managedFields, ownsData)
  const writtenAt = write?.time ?? -Infinity
  // A write that only removes a key leaves the time of the write before it.
  const dated = previous?.uid !== uid || writtenAt > previous.writtenAt
  const managed = dated && writtenAt > -Infinity ? writtenAt : undefined
  const version = (): SourceVersion => {
    const since = changedAt({ managed, seen: seenAt, lastOther: last?.changedAt })
    return {
      uid,
      resourceVersion,
      changedAt: since,
      mayBeEarlier: previous === undefined || since !== managed,
      seenAt: endOfSecond(seenAt),
      writtenAt,
      ...(dated && write?.manager && { changedBy: write.manager }),
      content,
    }
  }
  return {
    ref: { namespace, name },
    uid,
    resourceVersion,
    createdAt: Date.parse(raw.metadata.creationTimestamp),
    immutable: raw.immutable ?? false,
    writtenAt,
    settings: readSourceSettings(name, ownAnnotations(raw.metadata.annotations)),
    versions: previous && same ? previous.versions : remember(previous?.versions ?? [], version()),
  }
}

/** The record of a source that does not exist (any more), as of `seenAt`. */
export function missingSource(
  ref: SourceRef,
  previous: SourceRecord | undefined,
  seenAt: number,
): SourceRecord {
  const version = {
    uid: '',
    resourceVersion: previous?.resourceVersion ?? '',
    changedAt: changedAt({ seen: seenAt, lastOther: previous?.versions.at(-1)?.changedAt }),
    mayBeEarlier: true,
    seenAt: endOfSecond(seenAt),
    writtenAt: -Infinity,
    content: ABSENT,
  } as const
  const versions = remember(previous?.versions ?? [], version)
  const { uid, resourceVersion, writtenAt } = version
  const settings = NO_SETTINGS
  const createdAt = -Infinity
  return { ref, uid, resourceVersion, createdAt, immutable: false, writtenAt, settings, versions }
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
    versions: [],
    unread,
  }
}

/**
 * Since when a content is current, at the latest. The `managedFields` time can be too late (any write by that
 * manager moves it), so never later than seen; and too early (a removed key, a restored etcd), so never earlier
 * than the content before it.
 */
export function changedAt(times: {
  managed?: number | undefined
  seen: number
  lastOther?: number | undefined
}): number {
  const latest = Math.min(times.managed ?? Infinity, endOfSecond(times.seen))
  return Math.max(latest, times.lastOther ?? -Infinity)
}

/** The digest of what `selector` (a key, or all keys) stands for in a version. */
export function digestIn(version: SourceVersion, selector: string): Digest {
  if (typeof version.content === 'string') return version.content
  if (selector === ALL_KEYS) return version.content.whole
  return version.content.keys.get(selector) ?? ABSENT
}

const NO_SETTINGS = readSourceSettings('', {})

/**
 * The first version says what older pods hold, the last one is today's. Of those between, two neighbours become one: never
 * across the last change of a key, which tells who holds its content of today, and else those that tell least.
 */
function remember(known: readonly SourceVersion[], next: SourceVersion): readonly SourceVersion[] {
  const versions = [...known, next]
  if (versions.length <= MOST_VERSIONS) return versions
  const worth = worthOfChanges(versions)
  const between = [...worth.keys()].slice(2, -1)
  const least = between.reduce((a, b) => ((worth[b] ?? 0) < (worth[a] ?? 0) ? b : a))
  const [before, after] = [versions[least - 1], versions[least]]
  const isLastChange = worth[least] === Infinity && sizeOf(versions) <= MOST_KEYS
  if (!before || !after || isLastChange) return versions
  const { uid, resourceVersion } = after
  const content = inCommon(before, after)
  return versions.toSpliced(least - 1, 2, { ...before, uid, resourceVersion, content })
}

/**
 * What the change to each version tells: of a key its last change all, and the others the less the more there are. So a
 * key that changes all the time takes the story of no other with it.
 */
function worthOfChanges(versions: readonly SourceVersion[]): readonly number[] {
  const worth = versions.map(() => 0)
  for (const key of keysOf(...versions)) {
    const changes = [...worth.keys()].filter((index) => {
      const [before, after] = [versions[index - 1], versions[index]]
      if (!before || !after) return false
      // What was lost had changed.
      return digestIn(after, key) === LOST || digestIn(before, key) !== digestIn(after, key)
    })
    const last = changes.pop()
    if (last !== undefined) worth[last] = Infinity
    for (const index of changes) worth[index] = (worth[index] ?? 0) + 1 / changes.length
  }
  return worth
}

function sizeOf(versions: readonly SourceVersion[]): number {
  return versions.reduce((sum, version) => sum + keysOf(version).length, 0)
}

function keysOf(...versions: readonly SourceVersion[]): readonly string[] {
  const names = versions.flatMap(({ content }) =>
    typeof content === 'string' ? [] : [...content.keys.keys()],
  )
  return [...new Set(names)]
}

/** What two versions have in common, key by key; what differs is {@link LOST}. */
function inCommon(a: SourceVersion, b: SourceVersion): SourceVersion['content'] {
  if (a.content === LOST || b.content === LOST) return LOST
  const keys = keysOf(a, b)
  if (keys.length > MOST_KEYS) return LOST
  const common = (selector: string): Digest => {
    const digest = digestIn(a, selector)
    return digest === digestIn(b, selector) ? digest : LOST
  }
  return { keys: new Map(keys.map((key) => [key, common(key)])), whole: common(ALL_KEYS) }
}
