/**
 * What a plan says of one workload: a flat record for those who report, so that nobody looks into how it was judged.
 */
import type { Fault } from '../model/fault.ts'
import type { Hold } from '../model/hold.ts'
import type { LocalSource, WorkloadRef } from '../model/refs.ts'
import type { Failure, Restart, Strategy } from '../records/consumer.ts'
import type { RecordedSource } from '../sources/recorded.ts'
import type { SourceRecord } from '../sources/source.ts'
import { changedSources } from './budget/groups.ts'
import { isStaleFor, type Assessment } from './judge/assessment.ts'
import type { Availability } from './judge/availability.ts'
import type { Margins, Verdict } from './judge/staleness.ts'
import { chooseStrategy } from './judge/strategy.ts'

/** What does not change while a workload is judged as it is. */
interface Facts {
  readonly workload: WorkloadRef
  /** How it would be restarted now. */
  readonly strategy: Strategy
  /** Its pods, but for those that leave, by what is known of them. */
  readonly counts: Readonly<Record<Verdict, number>>
  /** Pods that are to be replaced. */
  readonly stalePods: number
  /** Pods that are not to be replaced, and not proven to hold today's content either. */
  readonly doubtfulPods: number
  /** Pods that hold files of a plain volume from before its last change, if they read them only once. */
  readonly unverifiedPods: number
  /** Since when the oldest content that a stale pod holds is not current any more (ms); Infinity if none is. */
  readonly staleSince: number
  /** Since when the oldest pod without a node exists (ms); Infinity if each has one. */
  readonly unscheduledSince: number
  /** UIDs of pods whose eviction is not seen yet. */
  readonly evicted: ReadonlySet<string>
  /** The sources that it is judged by, of its template and its pods. */
  readonly judgedBy: readonly LocalSource[]
  /** All sources that its pods consume. */
  readonly consumed: ReadonlySet<LocalSource>
  /** What is known of the sources that it is judged by. */
  readonly sources: ReadonlyMap<LocalSource, RecordedSource>
  /** The sources that changed, and not only by what is no more in them. */
  readonly changed: readonly LocalSource[]
  /** The sources for which a pod is to be replaced, whatever became of the others. */
  readonly staleFor: ReadonlySet<LocalSource>
  /** A source of its namespace, as it is now. */
  readonly source: (source: LocalSource) => SourceRecord
  readonly restart: Restart | undefined
  readonly failure: Failure | undefined
  /** Annotations of it that cannot be read. */
  readonly faults: readonly Fault[]
}

/** One workload in the plan. */
export interface PlannedWorkload extends Facts {
  readonly availability: Availability
  readonly hold: Hold | undefined
  /** When to look at it again even if nothing happens (ms, API server's clock); Infinity for never. */
  readonly wakeAt: number
}

/** What is said of a workload, by its assessment: as long as this is the same, so are the facts. */
const known = new WeakMap<Assessment, Facts>()

/** The facts of an assessment, worked out once. */
export function factsOf(assessment: Assessment, margins: Margins): Facts {
  const before = known.get(assessment)
  if (before) return before
  const facts = readFacts(assessment, margins)
  known.set(assessment, facts)
  return facts
}

function readFacts(assessment: Assessment, margins: Margins): Facts {
  const { workload, settings, judged, stale, ledger, sources, uses } = assessment
  const toBeReplaced = new Set(stale)
  const changed = changedSources(assessment)
  const unscheduled = judged.filter(({ pod }) => pod.scheduledAt === undefined && !pod.terminal)
  return {
    workload: workload.ref,
    strategy: chooseStrategy(workload, settings),
    counts: assessment.counts,
    stalePods: stale.length,
    doubtfulPods: judged.filter((each) => each.verdict !== 'fresh' && !toBeReplaced.has(each))
      .length,
    unverifiedPods: assessment.unverified,
    staleSince: assessment.staleSince,
    unscheduledSince: Math.min(...unscheduled.map(({ pod }) => pod.createdAt)),
    evicted: assessment.pending.evicted,
    judgedBy: [...new Set(uses.map(({ source }) => source))],
    consumed: assessment.consumed,
    sources,
    changed,
    staleFor: staleFor(assessment, changed, margins),
    source: assessment.source,
    restart: ledger?.restart,
    failure: ledger?.failure,
    faults: settings.faults,
  }
}

/** Of several changed sources not each need make a pod stale. */
function staleFor(
  assessment: Assessment,
  changed: readonly LocalSource[],
  margins: Margins,
): ReadonlySet<LocalSource> {
  if (assessment.stale.length === 0) return NOTHING
  return new Set(
    changed.length === 1
      ? changed
      : changed.filter((each) => isStaleFor(each, assessment, margins)),
  )
}

const NOTHING: ReadonlySet<LocalSource> = new Set()
