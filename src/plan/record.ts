/**
 * What is to be written into a Consumer, and whether it must be written now. Pure.
 */
import type { LocalSource } from '../model/refs.ts'
import type { Ledger, Report, Restart } from '../records/consumer.ts'
import type { State } from '../model/state.ts'
import type { RecordedSource } from '../sources/recorded.ts'
import type { Timeline } from '../sources/timeline.ts'
import type { RecordAction, RecordCause } from './action.ts'
import { timelinesToRecord, type Assessment } from './judge/assessment.ts'
import { stateOf, type Hold } from '../model/hold.ts'
import { withTemplate } from './judge/replacement.ts'

/** What people read is written at most this often (ms), unless something else is written anyway. */
export const REPORT_INTERVAL = 10_000

/** What every record of one plan shares. */
export interface Context {
  readonly keyFingerprint: string
  /** API server's clock, milliseconds. */
  readonly now: number
}

/** What a record changes of the restart under way and of the last one. */
export type LedgerChange = Partial<Pick<Ledger, 'restart' | 'lastRestart' | 'failure'>>

/** A record of what is so now. */
export function record(
  assessment: Assessment,
  { keyFingerprint, now }: Context,
  cause: RecordCause,
  hold: Hold | undefined,
  change: LedgerChange = {},
): RecordAction {
  const { ledger, consumer, workload, judged, source } = assessment
  // A plan is made from what the watches show now: so what is known of a source is as new as that.
  const seenNow = (name: LocalSource, each: RecordedSource) =>
    source(name).unread ? each : { ...each, seenAt: now }
  const { restart, lastRestart, failure } = {
    restart: ledger?.restart,
    lastRestart: ledger?.lastRestart,
    failure: ledger?.failure,
    ...change,
  }
  // The end of a restart tells that its content is applied: that takes no write of its own before.
  const timelines = restart ? assessment.sources : timelinesToRecord(assessment, now)
  const pods = judged.map(({ pod }) => pod)
  const next: Ledger = {
    keyFingerprint,
    sources: new Map([...timelines].map(([name, each]) => [name, seenNow(name, each)])),
    restart: restart && withTemplate(restart, pods),
    lastRestart,
    failure,
    replicaSets: replicaSetsOf(assessment),
  }
  const report = reportOf(assessment, next, hold)
  const before = consumer?.status
  const since = before?.report.state === report.state ? before.since : now
  const ended = next.restart ? undefined : ledger?.restart
  const status = { ledger: next, report, since }
  return { kind: 'record', workload: workload.ref, cause, status, ended }
}

/** A record with a `cause` that cannot wait: a story that is not written down yet. */
export function recordStory(
  assessment: Assessment,
  context: Context,
  hold: Hold | undefined,
): RecordAction | undefined {
  const before = assessment.consumer?.status
  if (!before) return record(assessment, context, 'adopted', hold)
  const action = record(assessment, context, 'changed', hold)
  const { ledger } = action.status
  const same =
    before.ledger.keyFingerprint === ledger.keyFingerprint &&
    sameStory(before.ledger.sources, ledger.sources)
  return same ? undefined : action
}

/** A record of what people read, where that changed and was not written a moment ago. */
export function recordReport(
  assessment: Assessment,
  context: Context,
  hold: Hold | undefined,
): RecordAction | undefined {
  const { consumer, pending } = assessment
  if (pending.write || context.now < pending.reportedAt + REPORT_INTERVAL) return undefined
  // A refused eviction is being tried again: until the answer comes, its pod counts as gone.
  if (pending.refusal && pending.evicted.size > 0) return undefined
  const before = consumer?.status
  if (!before) return undefined
  const action = record(assessment, context, 'reported', hold)
  const { report, ledger } = action.status
  const same =
    JSON.stringify(before.report) === JSON.stringify(report) &&
    before.ledger.restart?.templateHash === ledger.restart?.templateHash &&
    replicaSetsOf(assessment).every((uid) => before.ledger.replicaSets?.includes(uid))
  if (same) return undefined
  if (before.ledger.keyFingerprint === ledger.keyFingerprint) return action
  // Under another HMAC key the story is told anew when every source is known, and not by a report.
  const kept = { ...before.ledger, restart: ledger.restart }
  return { ...action, status: { ...action.status, ledger: kept } }
}

/** The ReplicaSets that have pods. */
function replicaSetsOf({ pods }: Assessment): readonly string[] {
  return [...new Set(pods.map(({ controllerUid }) => controllerUid))].sort()
}

function reportOf(
  { counts, stale, judged }: Assessment,
  { restart, failure }: Ledger,
  hold: Hold | undefined,
): Report {
  const { unknown, unproven, pending } = counts
  const doubtful = unknown + unproven + pending
  return {
    state: failure ? 'Failed' : stateToShow(restart, hold, stale.length > 0, doubtful > 0),
    reason: hold?.reason ?? '',
    message:
      hold?.message ??
      (restart || doubtful > 0 ? `${counts.fresh} of ${judged.length} pods are proven fresh` : ''),
    stalePods: counts.stale,
    unknownPods: counts.unknown,
    unprovenPods: counts.unproven,
    pendingPods: counts.pending,
  }
}

/** How a workload is shown that no failure stands in the way of. */
export function stateToShow(
  restart: Restart | undefined,
  hold: Hold | undefined,
  stale: boolean,
  doubtful = false,
): State {
  const held = hold && stateOf(hold)
  if (restart) return held === undefined || held === 'Waiting' ? 'Restarting' : held
  if (held) return held
  return stale ? 'Waiting' : doubtful ? 'Unproven' : 'Fresh'
}

/** Equal timelines; a selector that is no longer used is no reason to write. */
function sameStory(
  before: ReadonlyMap<LocalSource, RecordedSource>,
  after: ReadonlyMap<LocalSource, RecordedSource>,
): boolean {
  return [...after].every(([name, { timelines }]) =>
    [...timelines].every(([key, timeline]) =>
      sameTimeline(before.get(name)?.timelines.get(key), timeline),
    ),
  )
}

function sameTimeline(a: Timeline | undefined, b: Timeline): boolean {
  return (
    a?.length === b.length &&
    b.every(({ digest, since }, i) => a[i]?.digest === digest && a[i].since === since)
  )
}
