/**
 * Who uses what, both ways: the sources of a workload, and the workloads of a source.
 */
import type { SourceKey } from '../model/refs.ts'

/** A workload's entries are replaced on each observation, so none outlives its use. */
export class UseIndex {
  readonly #sources = new Map<string, ReadonlySet<SourceKey>>()
  readonly #workloads = new Map<SourceKey, Set<string>>()

  /** Replaces what the workload (by UID) uses; no sources forgets it. */
  set(workload: string, sources: ReadonlySet<SourceKey>): void {
    for (const source of this.sourcesOf(workload)) {
      const users = this.#workloads.get(source)
      users?.delete(workload)
      if (users?.size === 0) this.#workloads.delete(source)
    }
    if (sources.size === 0) {
      this.#sources.delete(workload)
      return
    }
    this.#sources.set(workload, sources)
    for (const source of sources) {
      const users = this.#workloads.get(source) ?? new Set()
      this.#workloads.set(source, users.add(workload))
    }
  }

  /** The sources that a workload uses. */
  sourcesOf(workload: string): ReadonlySet<SourceKey> {
    return this.#sources.get(workload) ?? new Set()
  }

  /** UIDs of the workloads that use a source. */
  workloadsOf(source: SourceKey): ReadonlySet<string> {
    return this.#workloads.get(source) ?? new Set()
  }
}
