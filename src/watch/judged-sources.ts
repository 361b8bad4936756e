/**
 * Which Secrets must be read: those that opted-in workloads are judged by, and no others.
 */
import type { WorkloadRecord } from '../workloads/workload.ts'
import type { PodRecord } from '../workloads/pod.ts'
import type { Annotations } from '../config/annotation-reader.ts'
import { readSettings, type Defaults } from '../workloads/settings.ts'
import { judgedUses } from '../plan/judge/staleness.ts'
import { sourceIn, sourceKey, type SourceKey } from '../model/refs.ts'

interface Known {
  readonly pods: readonly PodRecord[]
  readonly namespace: Annotations
  readonly sources: ReadonlySet<SourceKey>
}

/** Works out each workload once, for as long as nothing of it changes. */
export class JudgedSources {
  readonly #known = new WeakMap<WorkloadRecord, Known>()
  readonly #defaults: Defaults

  constructor(defaults: Defaults) {
    this.#defaults = defaults
  }

  /** The sources of one workload: of its template and of its pods, ignored ones and plain volumes left out. */
  of(
    workload: WorkloadRecord,
    pods: readonly PodRecord[],
    namespaceAnnotations: Annotations,
  ): ReadonlySet<SourceKey> {
    const known = this.#known.get(workload)
    if (known?.namespace === namespaceAnnotations && known.pods === pods) return known.sources
    const settings = readSettings(workload, namespaceAnnotations, this.#defaults)
    const { namespace } = workload.ref
    const lists = new Set([workload.uses, ...pods.map(({ uses }) => uses)])
    const uses = [...lists].flat().flatMap((container) => judgedUses(container.uses, settings))
    const sources = new Set(uses.map(({ source }) => sourceKey(sourceIn(namespace, source))))
    this.#known.set(workload, { pods, namespace: namespaceAnnotations, sources })
    return sources
  }
}
