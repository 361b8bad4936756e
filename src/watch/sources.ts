/**
 * The Secrets of the picture: their records by name, and which of them are not known now.
 */
import { namespacedKey, type NamespacedKey, type SourceRef } from '../model/refs.ts'
import type { Delivery } from '../kube/list-watch.ts'
import type { Digester } from '../sources/digest.ts'
import { endOfSecond } from '../model/managed-time.ts'
import {
  digestOf,
  missingSource,
  readSecret,
  unreadSource,
  type RawSecret,
  type SourceRecord,
  type Unread,
} from '../sources/source.ts'

const LIVE: Delivery = { live: true, added: false }

export interface SourcesOptions {
  readonly digester: Digester
  /** The API server's clock, milliseconds. */
  readonly now: () => number
  /** The keys of it that workloads use, all of them included. */
  readonly selectorsOf: (source: SourceRef) => ReadonlySet<string>
  /** The content of a source changed, of a key that is used. */
  readonly onChanged?: ((source: SourceRef) => void) | undefined
  /** What follows from a source, or from any, is to be looked at anew. */
  readonly redraw: (source?: SourceRef) => void
  /** Why a Secret is not known now, where not all Secrets are read. */
  readonly unread?: ((source: SourceRef) => Unread | undefined) | undefined
}

export class Sources {
  readonly #options: SourcesOptions
  readonly #known = new Map<NamespacedKey, SourceRecord>()
  readonly #unread = new Map<NamespacedKey, SourceRecord>()
  /** Names of the sources that join a group, by namespace and name of the group. */
  readonly #grouped = new Map<NamespacedKey, Set<string>>()
  /** Those whose used content changed, until nobody holds the old one any more. */
  readonly #oldInUse = new Map<NamespacedKey, SourceRef>()
  /** When the Secrets of a namespace, '' for all, had been delivered. */
  readonly #syncedAt = new Map<string, number>()
  /** When the last source was forgotten that had existed. */
  #forgottenAt = -Infinity

  constructor(options: SourcesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#known.size
  }

  apply(raw: RawSecret, { live, added }: Delivery = LIVE): void {
    const key = namespacedKey(raw.metadata)
    const previous = this.#known.get(key)
    const sight = { live, absentSince: live && added ? this.#absentSince(raw.metadata) : undefined }
    const next = readSecret(raw, previous, this.#options.digester, this.#options.now(), sight)
    this.#keep(key, next)
    this.#options.redraw(next.ref)
    if (previous && previous.whole !== next.whole) this.#changed(previous, next)
  }

  remove(ref: SourceRef, { live }: Pick<Delivery, 'live'> = LIVE): void {
    const key = namespacedKey(ref)
    const previous = this.#known.get(key)
    // Only a source that somebody uses is missed.
    if (this.#options.selectorsOf(ref).size === 0) {
      this.#keep(key, undefined)
      this.#forgottenAt = this.#options.now()
    } else {
      const next = missingSource(ref, previous, this.#options.now(), { live })
      this.#keep(key, next)
      this.#options.redraw(ref)
      if (previous) this.#changed(previous, next)
    }
  }

  /** All Secrets of a namespace, or of all of them, have been delivered. */
  allSynced(namespace = ''): void {
    if (this.#syncedAt.has(namespace)) return
    this.#syncedAt.set(namespace, this.#options.now())
    // From now on a Secret that is not there does not exist.
    this.#options.redraw()
  }

  /** One Secret has been asked for: it is known by now, or it does not exist. */
  synced(ref: SourceRef): void {
    const key = namespacedKey(ref)
    if (this.#known.has(key)) return
    this.#keep(key, missingSource(ref, undefined, this.#options.now()))
    this.#options.redraw(ref)
  }

  /** Whether it is known may have changed: of one source, or of all of a namespace. */
  unreadChanged({ namespace, name }: { readonly namespace: string; readonly name?: string }): void {
    this.#options.redraw(name === undefined ? undefined : { namespace, name })
  }

  /** No workload uses it any more: nobody misses it. */
  unused(key: NamespacedKey): void {
    if (this.#known.get(key)?.uid === '') this.#keep(key, undefined)
    this.#unread.delete(key)
    this.#oldInUse.delete(key)
  }

  /** Nobody needs it any more: nothing is known of it. */
  forget(ref: SourceRef): void {
    this.#keep(namespacedKey(ref), undefined)
    this.#unread.delete(namespacedKey(ref))
    this.#options.redraw(ref)
  }

  /** A source; one that does not exist, or is not known now, is a record too. */
  get(ref: SourceRef): SourceRecord {
    const key = namespacedKey(ref)
    const why = this.#options.unread?.(ref)
    if (why) return this.#unreadRecord(ref, why)
    return this.#known.get(key) ?? missingSource(ref, undefined, this.#syncedAtOf(ref) ?? 0)
  }

  #syncedAtOf({ namespace }: { readonly namespace: string }): number | undefined {
    return this.#syncedAt.get(namespace) ?? this.#syncedAt.get('')
  }

  /** Since when a source that comes into being is known not to have existed (ms); `undefined` before a first list. */
  #absentSince(ref: { readonly namespace: string }): number | undefined {
    const syncedAt = this.#syncedAtOf(ref)
    return syncedAt === undefined ? undefined : endOfSecond(Math.max(syncedAt, this.#forgottenAt))
  }

  /** One and the same record for as long as the reason stands: what was judged by it need not be judged again. */
  #unreadRecord(ref: SourceRef, why: Unread): SourceRecord {
    const key = namespacedKey(ref)
    const known = this.#unread.get(key)
    if (known?.unread?.kind === why.kind && known.unread.message === why.message) return known
    const record = unreadSource(ref, why)
    this.#unread.set(key, record)
    return record
  }

  /** The sources whose used content changed while this process watched, until {@link oldUnused}. */
  changed(): Iterable<SourceRef> {
    return this.#oldInUse.values()
  }

  /** Nobody holds old content of it any more. */
  oldUnused(ref: SourceRef): void {
    this.#oldInUse.delete(namespacedKey(ref))
  }

  /** Names of the sources that say that they belong to a group. */
  inGroup(group: { readonly namespace: string; readonly name: string }): readonly string[] {
    return [...(this.#grouped.get(namespacedKey(group)) ?? [])]
  }

  #keep(key: NamespacedKey, next: SourceRecord | undefined): void {
    const before = this.#known.get(key)
    if (next) this.#known.set(key, next)
    else {
      this.#known.delete(key)
      this.#oldInUse.delete(key)
    }
    if (before?.settings.group === next?.settings.group) return
    if (before?.settings.group !== undefined) {
      const group = groupKeyOf(before, before.settings.group)
      const names = this.#grouped.get(group)
      names?.delete(before.ref.name)
      if (names?.size === 0) this.#grouped.delete(group)
    }
    if (next?.settings.group !== undefined) {
      const group = groupKeyOf(next, next.settings.group)
      this.#grouped.set(group, (this.#grouped.get(group) ?? new Set()).add(next.ref.name))
    }
  }

  #changed(before: SourceRecord, now: SourceRecord): void {
    const { ref } = now
    const selectors = [...this.#options.selectorsOf(ref)]
    if (!selectors.some((each) => digestOf(before, each) !== digestOf(now, each))) return
    this.#oldInUse.set(namespacedKey(ref), ref)
    this.#options.onChanged?.(ref)
  }
}

function groupKeyOf({ ref: { namespace } }: SourceRecord, name: string): NamespacedKey {
  return namespacedKey({ namespace, name })
}
