/**
 * Which changes a workload is being restarted for, or should be: source by source. Pure.
 */
import { lastChange } from '../../plan/judge/assessment.ts'
import type { PlannedWorkload } from '../../plan/planned-workload.ts'
import type { LocalSource, SourceKey } from '../../model/refs.ts'
import type { SourceRecord } from '../../sources/source.ts'
import type { RecordedSource } from '../../sources/recorded.ts'

/** A source whose last change has not reached every pod. */
interface StaleSource {
  readonly local: LocalSource
  /** When it changed (ms); `undefined` where all that is known is that a failure is about it. */
  readonly changedAt: number | undefined
  /** A pod is known to hold other content of this very source, not only of one that changed as well. */
  readonly certain: boolean
}

const NOTHING: readonly StaleSource[] = []

/** The sources that a workload is stale for, is being restarted for, or failed with. */
function staleSources(planned: PlannedWorkload): readonly StaleSource[] {
  const { restart, failure, sources, stalePods, staleFor } = planned
  if (stalePods === 0 && !restart && !failure) return NOTHING
  const failed = new Set(failure?.contents.map(({ source }) => source))
  const changed = stalePods > 0 || restart ? planned.changed : []
  return [...new Set([...changed, ...failed])].flatMap((local) => {
    const alone = changed.length === 1 && changed[0] === local
    const certain = alone || staleFor.has(local)
    // Pods that are away hold nothing; until they are back it cannot be told which change they went for.
    if (!certain && !restart && !failed.has(local)) return []
    return [{ local, changedAt: newestChange(sources.get(local)), certain }]
  })
}

/** When what the workload consumes of a source last changed (ms, whole seconds); `undefined` if that was long ago. */
function newestChange(source: RecordedSource | undefined): number | undefined {
  const time = source ? lastChange(source) : -Infinity
  return time > -Infinity ? Math.floor(time / 1000) * 1000 : undefined
}

/** Who is stale for a source now. */
export interface Stale {
  readonly source: SourceRecord
  readonly planned: PlannedWorkload[]
  changedAt: number
  certain: boolean
}

/** Who is stale now, by source. */
export function staleIn(workloads: readonly PlannedWorkload[]): ReadonlyMap<SourceKey, Stale> {
  const stale = new Map<SourceKey, Stale>()
  for (const planned of workloads) {
    const { namespace } = planned.workload
    for (const { local, changedAt = -Infinity, certain } of staleSources(planned)) {
      const key: SourceKey = `${namespace}/${local}`
      const group = stale.get(key)
      if (group) {
        group.planned.push(planned)
        group.changedAt = Math.max(group.changedAt, changedAt)
        group.certain ||= certain
      } else {
        const source = planned.source(local)
        stale.set(key, { source, planned: [planned], changedAt, certain })
      }
    }
  }
  return stale
}
