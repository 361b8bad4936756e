/**
 * Which changes a workload is being restarted for, or should be: source by source. Pure.
 */
import { isStaleFor, type Assessment } from '../plan/assessment.ts'
import { changedSources } from '../plan/groups.ts'
import type { Margins } from '../plan/staleness.ts'
import { today, type RecordedSource } from '../secrets/timeline.ts'

/** A source whose last change has not reached every pod. */
export interface StaleSource {
  readonly name: string
  /** When it changed (ms); `undefined` where all that is known is that a failure is about it. */
  readonly changedAt: number | undefined
  /** A pod is known to hold other content of this very source, not only of one that changed as well. */
  readonly certain: boolean
}

const NOTHING: readonly StaleSource[] = []

/** The sources that a workload is stale for, is being restarted for, or failed with. */
export function staleSources(assessment: Assessment, margins: Margins): readonly StaleSource[] {
  const { ledger, sources, stale } = assessment
  const { restart, failure } = ledger ?? {}
  if (stale.length === 0 && !restart && !failure) return NOTHING
  const failed = new Set(failure?.contents.map(({ source }) => source))
  const changed = stale.length > 0 || restart ? changedSources(assessment) : []
  return [...new Set([...changed, ...failed])].flatMap((name) => {
    const alone = changed.length === 1 && changed[0] === name
    const certain = alone || isStaleFor(name, assessment, margins)
    // Pods that are away hold nothing; until they are back it cannot be told which change they went for.
    if (!certain && !restart && !failed.has(name)) return []
    return [{ name, changedAt: newestChange(sources.get(name)), certain }]
  })
}

/** When what the workload consumes of a source last changed (ms, whole seconds); `undefined` if that was long ago. */
function newestChange(source: RecordedSource | undefined): number | undefined {
  const times = [...(source?.timelines.values() ?? [])]
    .map((timeline) => today(timeline).since)
    .filter((since) => since > -Infinity)
  return times.length > 0 ? Math.floor(Math.max(...times) / 1000) * 1000 : undefined
}
