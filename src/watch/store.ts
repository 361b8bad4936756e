/**
 * The picture of the cluster: small records by key, kept current by the watches.
 *
 * Raw objects end here: what they are reduced to is all that is kept.
 */
import { consumerName, type ConsumerRecord } from '../records/consumer.ts'
import { readReplicaSet, type RawReplicaSet } from '../workloads/replica-set.ts'
import { WORKLOAD_KINDS, workloadKind } from '../workloads/kinds/kinds.ts'
import type { RawWorkload, WorkloadRecord } from '../workloads/workload.ts'
import { readPod, type PodRecord, type RawPod } from '../workloads/pod.ts'
import { optedIn, readKillSwitch, readSettings, type Defaults } from '../workloads/settings.ts'
import type { Group } from '../model/group.ts'
import type { UnmanagedWorkload } from '../plan/snapshot.ts'
import type { Leftover, Pending, Snapshot, ManagedWorkload } from '../plan/snapshot.ts'
import {
  localSource,
  sourceIn,
  type KindOfWorkload,
  type LocalSource,
  type NamespacedKey,
  type SourceKey,
  type SourceRef,
  type WorkloadRef,
} from '../model/refs.ts'
import type { UserPod } from '../report/rotations/old-content.ts'
import type { Digester } from '../sources/digest.ts'
import type { SourceRecord } from '../sources/source.ts'
import { createInterner } from './interner.ts'
import { JudgedSources } from './judged-sources.ts'
import { Namespaces, type RawNamespace } from './namespaces.ts'
import { NewestVersions } from './newest-versions.ts'
import { OwnRecords } from './own-records.ts'
import { addTo, OwnedPods, removeFrom } from './owned-pods.ts'
import { Sources, type SourcesOptions } from './sources.ts'
import { Users } from './users.ts'

export interface StoreOptions {
  readonly digester: Digester
  /** The API server's clock, milliseconds. */
  readonly now: () => number
  readonly defaults: Defaults
  /** Sluice's own namespace. */
  readonly namespace: string
  /** A consumed source changed its content. */
  readonly onSourceChanged?: (source: SourceRef) => void
  readonly unread?: SourcesOptions['unread']
}

/** What a workload is in the picture. */
interface Drawn {
  readonly consumerKey: NamespacedKey
  readonly consumer: ConsumerRecord | undefined
  readonly pending: Pending
  /** `undefined` where it has not opted in. */
  readonly managed: ManagedWorkload | undefined
}

export class Store {
  readonly #options: StoreOptions
  readonly #intern = createInterner()
  /** Where watches of sources go. */
  readonly sources: Sources
  /** Where watches of Sluice's own objects go. */
  readonly records = new OwnRecords()
  /** Hears when a watch begins to list. */
  readonly workloadVersions = new Map(
    WORKLOAD_KINDS.map(({ kind }) => [kind, new NewestVersions()]),
  )
  readonly #namespaces = new Namespaces()
  readonly #workloads = new Map<string, WorkloadRecord>()
  readonly #inNamespace = new Map<string, Set<string>>()
  readonly #owned = new OwnedPods({
    podsChanged: (owner) => {
      this.#drawn.delete(owner)
      this.#count(owner)
    },
    usesChanged: (owner) => this.#users.changed(owner),
  })
  readonly #users: Users = new Users({
    workloads: this.#workloads,
    pods: this.#owned,
    onUnused: (source) => this.sources.unused(source),
  })
  /** The workloads of the last picture, by UID. One that has changed is taken out, and drawn anew for the next. */
  readonly #drawn = new Map<string, Drawn>()
  readonly #judged: JudgedSources
  /** Since when fewer pods of a workload exist than it wants (ms), by UID. */
  readonly #missingSince = new Map<string, number>()

  constructor(options: StoreOptions) {
    this.#options = options
    const { digester, now, onSourceChanged: onChanged, unread } = options
    this.sources = new Sources({
      digester,
      now,
      selectorsOf: (source) => this.#users.selectorsOf(source),
      onChanged,
      unread,
      redraw: (source) => {
        if (!source) this.#drawn.clear()
        else for (const uid of this.workloadsOf(source)) this.#drawn.delete(uid)
      },
    })
    this.#judged = new JudgedSources(options.defaults)
  }

  applyNamespace(raw: RawNamespace): void {
    if (this.#namespaces.apply(raw)) this.#redrawNamespace(raw.metadata.name)
  }

  removeNamespace(name: string): void {
    this.#namespaces.remove(name)
    this.#redrawNamespace(name)
  }

  /** An older answer than the one known (a watch that lags behind our own write) is passed over. */
  applyWorkload(kind: KindOfWorkload, raw: RawWorkload): void {
    const { uid } = raw.metadata
    if (!this.workloadVersions.get(kind)?.admit(raw.metadata)) return
    this.#workloads.set(uid, workloadKind(kind).read(raw, this.#intern, this.#workloads.get(uid)))
    addTo(this.#inNamespace, raw.metadata.namespace, uid)
    this.#count(uid)
    this.#drawn.delete(uid)
    this.#users.changed(uid)
  }

  /** An answer to our own write, which may come after the watch said that the workload is gone. */
  updateWorkload(kind: KindOfWorkload, raw: RawWorkload): void {
    if (this.#workloads.has(raw.metadata.uid)) this.applyWorkload(kind, raw)
  }

  removeWorkload(uid: string): void {
    const ref = this.#workloads.get(uid)?.ref
    if (!ref) return
    removeFrom(this.#inNamespace, ref.namespace, uid)
    this.#workloads.delete(uid)
    this.#missingSince.delete(uid)
    this.workloadVersions.get(ref.kind)?.forget(uid)
    this.#drawn.delete(uid)
    this.#users.changed(uid)
  }

  applyReplicaSet(raw: RawReplicaSet): void {
    const record = readReplicaSet(raw)
    if (record) this.#owned.setReplicaSet(record)
    else this.#owned.removeReplicaSet(raw.metadata.uid)
  }

  removeReplicaSet(uid: string): void {
    this.#owned.removeReplicaSet(uid)
  }

  applyPod(raw: RawPod, added = false): void {
    const known = this.#owned.pod(raw.metadata.uid)
    this.#owned.setPod(readPod(raw, known, this.#options.now(), this.#intern, added))
  }

  removePod(uid: string): void {
    this.#owned.removePod(uid)
  }

  /** Removes the Consumer of a workload, if it is owned by this one. */
  removeConsumerOf(workload: Pick<WorkloadRef, 'kind' | 'namespace' | 'name' | 'uid'>): void {
    const consumer = this.consumerOf(workload)
    if (consumer?.ownerUid === workload.uid) this.records.removeConsumer(consumer)
  }

  /** The pod, if it is still there. */
  pod(uid: string): PodRecord | undefined {
    return this.#owned.pod(uid)
  }

  /** A source; one that does not exist, or is not known now, is a record too. */
  source(ref: SourceRef): SourceRecord {
    return this.sources.get(ref)
  }

  /** The sources that opted-in workloads are judged by: the Secrets that have to be read. */
  judgedSources(): ReadonlySet<SourceKey> {
    const all = new Set<SourceKey>()
    for (const workload of this.#workloads.values()) {
      if (this.#isGoing(workload)) continue
      const { namespace, uid } = workload.ref
      const shared = this.#namespaces.annotationsOf(namespace)
      if (!optedIn(workload, shared)) continue
      for (const source of this.#judged.of(workload, this.#owned.of(uid), shared)) all.add(source)
    }
    return all
  }

  /** The Consumer of a workload's name, whoever owns it. */
  consumerOf(
    workload: Pick<WorkloadRef, 'kind' | 'namespace' | 'name'>,
  ): ConsumerRecord | undefined {
    return this.records.consumer(`${workload.namespace}/${consumerName(workload)}`)
  }

  /** UIDs of the workloads, opted in or not, and of the other owners of pods that use a source. */
  workloadsOf(source: SourceRef): ReadonlySet<string> {
    return this.#users.of(source)
  }

  /** All pods of its namespace that use a source and are not over, of any owner. */
  podsUsing(source: SourceRef): readonly UserPod[] {
    const namespace = this.#namespaces.annotationsOf(source.namespace)
    return this.#users.podsUsing(source, namespace, this.#options.defaults)
  }

  namespaces(): readonly string[] {
    return this.#namespaces.names
  }

  /** How many objects of each kind are kept. */
  sizes(): Readonly<Record<string, number>> {
    return {
      ...this.sources.sizes,
      namespaces: this.#namespaces.size,
      ...this.#counts(),
      ...this.#owned.sizes,
      ...this.records.sizes,
    }
  }

  /** The kill switch. */
  get paused(): Snapshot['paused'] {
    const own = this.#options.namespace
    return readKillSwitch(own, this.#namespaces.annotationsOf(own))
  }

  /**
   * The picture to plan from. `pendingOf` gives what Sluice did and does not see yet, by UID of the workload.
   * A workload of which nothing has changed since the picture before is the same object.
   */
  snapshot(pendingOf: (workload: WorkloadRecord) => Pending): Snapshot {
    const workloads: ManagedWorkload[] = []
    const leftovers: Leftover[] = []
    for (const workload of this.#workloads.values()) {
      if (this.#isGoing(workload)) continue
      const { managed, consumer, pending } = this.#draw(workload, pendingOf(workload))
      if (managed) workloads.push(managed)
      else if (consumer?.ownerUid === workload.ref.uid && pending.write === undefined)
        leftovers.push({ workload: workload.ref, consumer })
    }
    return {
      paused: this.paused,
      keyFingerprint: this.#options.digester.fingerprint,
      workloads,
      leftovers,
      halts: this.records.halts,
      bystanders: (group) => this.#bystanders(group),
    }
  }

  #bystanders({ kind, namespace, name }: Group): UnmanagedWorkload[] {
    const sources =
      kind === 'Group' ? this.sources.inGroup({ namespace, name }) : [localSource({ kind, name })]
    return this.#users.unmanaged(namespace, sources, this.#namespaces.annotationsOf(namespace))
  }

  /** It, or its namespace, is being deleted: what is left of it is nobody's business any more. */
  #isGoing({ deleting, ref }: WorkloadRecord): boolean {
    return deleting === true || this.#namespaces.isDeleting(ref.namespace)
  }

  /** Looks whether a workload has fewer pods than it wants, since when. */
  #count(uid: string): void {
    const wanted = this.#workloads.get(uid)?.replicas ?? 0
    const there = this.#owned
      .of(uid)
      .filter(({ terminal, terminating }) => !terminal && !terminating)
    if (there.length >= wanted) this.#missingSince.delete(uid)
    else if (!this.#missingSince.has(uid)) this.#missingSince.set(uid, this.#options.now())
  }

  #redrawNamespace(name: string): void {
    for (const uid of this.#inNamespace.get(name) ?? []) this.#drawn.delete(uid)
  }

  #draw(workload: WorkloadRecord, pending: Pending): Drawn {
    const { namespace, uid } = workload.ref
    const known = this.#drawn.get(uid)
    const consumerKey = known?.consumerKey ?? `${namespace}/${consumerName(workload.ref)}`
    const consumer = this.records.consumer(consumerKey)
    if (known?.consumer === consumer && known?.pending === pending) return known
    const shared = this.#namespaces.annotationsOf(namespace)
    const managed = optedIn(workload, shared)
      ? {
          workload,
          pods: this.#owned.of(uid),
          missingSince: this.#missingSince.get(uid),
          settings:
            known?.managed?.settings ?? readSettings(workload, shared, this.#options.defaults),
          managed: this.#namespaces.isManaged(namespace),
          consumer,
          source: (local: LocalSource) => this.source(sourceIn(namespace, local)),
          pending,
        }
      : undefined
    const drawn = { consumerKey, consumer, pending, managed }
    this.#drawn.set(uid, drawn)
    return drawn
  }

  /** How many workloads are kept, by plural. */
  #counts(): Readonly<Record<string, number>> {
    const counts = Object.fromEntries(WORKLOAD_KINDS.map(({ plural }) => [plural, 0]))
    for (const { ref } of this.#workloads.values()) {
      const { plural } = workloadKind(ref.kind)
      counts[plural] = (counts[plural] ?? 0) + 1
    }
    return counts
  }
}
