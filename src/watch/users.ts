/**
 * Who uses which source now, and what of it: worked out when it is asked for, of the workloads that changed since.
 */
import type { Annotations } from '../config/annotation-reader.ts'
import type { WorkloadRecord } from '../workloads/workload.ts'
import { optedIn, readVolumes, type Defaults } from '../workloads/settings.ts'
import { UseIndex } from '../workloads/use-index.ts'
import { usesSource, type Use } from '../workloads/uses.ts'
import {
  localSource,
  sourceIn,
  sourceKey,
  type LocalSource,
  type SourceKey,
  type SourceRef,
} from '../model/refs.ts'
import type { UnmanagedWorkload } from '../plan/snapshot.ts'
import type { UserPod } from '../report/rotations/old-content.ts'
import type { OwnedPods } from './owned-pods.ts'

export interface UsersOptions {
  readonly workloads: ReadonlyMap<string, WorkloadRecord>
  readonly pods: Pick<OwnedPods, 'of'>
  /** The last workload that used a source uses it no more. */
  readonly onUnused: (source: SourceKey) => void
}

export class Users {
  readonly #options: UsersOptions
  readonly #index = new UseIndex()
  /** UIDs of workloads whose uses may have changed since the index was last asked. */
  readonly #unindexed = new Set<string>()

  constructor(options: UsersOptions) {
    this.#options = options
  }

  /** The uses of a workload, of its template or its pods, may have changed. */
  changed(workload: string): void {
    this.#unindexed.add(workload)
  }

  /** UIDs of the workloads, opted in or not, and of the other owners of pods that use a source. */
  of(source: SourceRef): ReadonlySet<string> {
    this.#reindex()
    return this.#index.workloadsOf(sourceKey(source))
  }

  /** The keys of a source that somebody uses, all of them included. */
  selectorsOf(source: SourceRef): ReadonlySet<string> {
    const uses = [...this.of(source)].flatMap((workload) => this.#usesOf(workload))
    const local = localSource(source)
    return new Set(uses.filter((use) => use.source === local).map(({ selector }) => selector))
  }

  /** The pods that use a source and are not over, of any owner. */
  podsUsing(
    source: SourceRef,
    namespace: Annotations,
    defaults: Pick<Defaults, 'volumes'>,
  ): readonly UserPod[] {
    const { workloads, pods } = this.#options
    const local = localSource(source)
    return [...this.of(source)].flatMap((uid) => {
      const workload = workloads.get(uid)
      const volumes = readVolumes(workload, namespace, defaults)
      const name = workload && `${workload.ref.kind}/${workload.ref.name}`
      return pods
        .of(uid)
        .filter(({ terminal, uses }) => !terminal && usesSource(uses, local))
        .map((pod) => ({ pod, owner: name ?? pod.owner, workload: uid, volumes }))
    })
  }

  /** The workloads that use one of these sources and did not opt in, each once. */
  unmanaged(
    namespace: string,
    sources: readonly LocalSource[],
    namespaceAnnotations: Annotations,
  ): UnmanagedWorkload[] {
    const { workloads, pods } = this.#options
    const users = new Set(sources.flatMap((local) => [...this.of(sourceIn(namespace, local))]))
    return [...users].flatMap((uid) => {
      const workload = workloads.get(uid)
      if (!workload || optedIn(workload, namespaceAnnotations)) return []
      return [{ workload, pods: pods.of(uid) }]
    })
  }

  /** Of its template and its pods; equal ones of several pods once. */
  #usesOf(workload: string): readonly Use[] {
    const { workloads, pods } = this.#options
    const lists = new Set(pods.of(workload).map(({ uses }) => uses))
    const template = workloads.get(workload)?.uses
    if (template) lists.add(template)
    return [...lists].flat().flatMap(({ uses }) => uses)
  }

  #namespaceOf(workload: string): string | undefined {
    const { workloads, pods } = this.#options
    return (workloads.get(workload) ?? pods.of(workload)[0])?.ref.namespace
  }

  #reindex(): void {
    const before = new Set<SourceKey>()
    for (const workload of this.#unindexed) {
      for (const source of this.#index.sourcesOf(workload)) before.add(source)
      const namespace = this.#namespaceOf(workload)
      const sources =
        namespace === undefined
          ? []
          : this.#usesOf(workload).map(({ source }) => sourceKey(sourceIn(namespace, source)))
      this.#index.set(workload, new Set(sources))
    }
    this.#unindexed.clear()
    // Only now: what one workload gave up another one may have taken.
    for (const source of before) {
      if (this.#index.workloadsOf(source).size === 0) this.#options.onUnused(source)
    }
  }
}
