/**
 * The sources of the picture: their records by name, and which of them are not known now.
 */
import {
  localSource,
  namespacedKey,
  sourceKey,
  type KindOfSource,
  type LocalSource,
  type NamespacedKey,
  type SourceKey,
  type SourceRef,
} from '../model/refs.ts'
import type { Delivery } from '../kube/list-watch.ts'
import type { RawSource, SourceKind } from '../sources/kinds/kind.ts'
import { SOURCE_KINDS } from '../sources/kinds/kinds.ts'
import type { Digester } from '../sources/digest.ts'
import { endOfSecond } from '../model/managed-time.ts'
import {
  digestOf,
  missingSource,
  readSource,
  unreadSource,
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
  /** Why a source is not known now, where not all are read. */
  readonly unread?: ((source: SourceRef) => Unread | undefined) | undefined
}

export class Sources {
  readonly #options: SourcesOptions
  readonly #known = new Map<SourceKey, SourceRecord>()
  readonly #unread = new Map<SourceKey, SourceRecord>()
  /** The sources that join a group, by namespace and name of the group. */
  readonly #grouped = new Map<NamespacedKey, Set<LocalSource>>()
  /** Those whose used content changed, until nobody holds the old one any more. */
  readonly #oldInUse = new Map<SourceKey, SourceRef>()
  /** When the sources of a kind and of a namespace, '' for all, had been delivered: `Secret shop`. */
  readonly #syncedAt = new Map<string, number>()
  /** When the last source was forgotten that had existed. */
  #forgottenAt = -Infinity

  constructor(options: SourcesOptions) {
    this.#options = options
  }

  /** How many are kept, by plural. */
  get sizes(): Readonly<Record<SourceKind['plural'], number>> {
    const sizes = { secrets: 0, configmaps: 0 }
    for (const { ref } of this.#known.values()) sizes[SOURCE_KINDS[ref.kind].plural]++
    return sizes
  }

  /** Takes in a source as it is now. Returns false where nobody uses it, and nothing else follows from it. */
  apply(kind: SourceKind, raw: RawSource, { live, added }: Delivery = LIVE): boolean {
    const { namespace, name } = raw.metadata
    const key = sourceKey({ kind: kind.kind, namespace, name })
    const previous = this.#known.get(key)
    const sight = {
      live,
      absentSince: live && added ? this.#absentSince(kind.kind, namespace) : undefined,
    }
    const next = readSource(kind, raw, previous, this.#options.digester, this.#options.now(), sight)
    this.#keep(key, next)
    const joins = previous?.settings.group !== next.settings.group
    if (!joins && this.#options.selectorsOf(next.ref).size === 0) return false
    this.#options.redraw(next.ref)
    if (previous && previous.whole !== next.whole) this.#changed(previous, next)
    return true
  }

  remove(ref: SourceRef, { live }: Pick<Delivery, 'live'> = LIVE): void {
    const key = sourceKey(ref)
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

  /** All sources of a kind, of one namespace or of all, have been delivered. */
  allSynced(kind: KindOfSource, namespace = ''): void {
    const scope = `${kind} ${namespace}`
    if (this.#syncedAt.has(scope)) return
    this.#syncedAt.set(scope, this.#options.now())
    // From now on a source that is not there does not exist.
    this.#options.redraw()
  }

  /** One source has been asked for: it is known by now, or it does not exist. */
  synced(ref: SourceRef): void {
    const key = sourceKey(ref)
    if (this.#known.has(key)) return
    this.#keep(key, missingSource(ref, undefined, this.#options.now()))
    this.#options.redraw(ref)
  }

  /** Whether it is known may have changed: of one source, or of all of a namespace. */
  unreadChanged(ref?: SourceRef): void {
    this.#options.redraw(ref)
  }

  /** No workload uses it any more: nobody misses it. */
  unused(key: SourceKey): void {
    if (this.#known.get(key)?.uid === '') this.#keep(key, undefined)
    this.#unread.delete(key)
    this.#oldInUse.delete(key)
  }

  /** Nobody needs it any more: nothing is known of it. */
  forget(ref: SourceRef): void {
    this.#keep(sourceKey(ref), undefined)
    this.#unread.delete(sourceKey(ref))
    this.#options.redraw(ref)
  }

  /** A source; one that does not exist, or is not known now, is a record too. */
  get(ref: SourceRef): SourceRecord {
    const key = sourceKey(ref)
    const why = this.#options.unread?.(ref)
    if (why) return this.#unreadRecord(ref, why)
    return (
      this.#known.get(key) ??
      missingSource(ref, undefined, this.#syncedAtOf(ref.kind, ref.namespace) ?? 0)
    )
  }

  #syncedAtOf(kind: KindOfSource, namespace: string): number | undefined {
    return this.#syncedAt.get(`${kind} ${namespace}`) ?? this.#syncedAt.get(`${kind} `)
  }

  /** Since when a source that comes into being is known not to have existed (ms); `undefined` before a first list. */
  #absentSince(kind: KindOfSource, namespace: string): number | undefined {
    const syncedAt = this.#syncedAtOf(kind, namespace)
    return syncedAt === undefined ? undefined : endOfSecond(Math.max(syncedAt, this.#forgottenAt))
  }

  /** One and the same record for as long as the reason stands: what was judged by it need not be judged again. */
  #unreadRecord(ref: SourceRef, why: Unread): SourceRecord {
    const key = sourceKey(ref)
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
    this.#oldInUse.delete(sourceKey(ref))
  }

  /** The sources that say that they belong to a group. */
  inGroup(group: { readonly namespace: string; readonly name: string }): readonly LocalSource[] {
    return [...(this.#grouped.get(namespacedKey(group)) ?? [])]
  }

  #keep(key: SourceKey, next: SourceRecord | undefined): void {
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
      names?.delete(localSource(before.ref))
      if (names?.size === 0) this.#grouped.delete(group)
    }
    if (next?.settings.group !== undefined) {
      const group = groupKeyOf(next, next.settings.group)
      this.#grouped.set(group, (this.#grouped.get(group) ?? new Set()).add(localSource(next.ref)))
    }
  }

  #changed(before: SourceRecord, now: SourceRecord): void {
    const { ref } = now
    const selectors = [...this.#options.selectorsOf(ref)]
    if (!selectors.some((each) => digestOf(before, each) !== digestOf(now, each))) return
    this.#oldInUse.set(sourceKey(ref), ref)
    this.#options.onChanged?.(ref)
  }
}

function groupKeyOf({ ref: { namespace } }: SourceRecord, name: string): NamespacedKey {
  return namespacedKey({ namespace, name })
}
