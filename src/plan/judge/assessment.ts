/**
 * One workload, judged: its timelines as of today, and which of its pods are stale.
 */
import { withStrategyFault } from './strategy.ts'
import type { Failure, Ledger } from '../../records/consumer.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import { type Use } from '../../workloads/uses.ts'
import { ALL_KEYS } from '../../sources/digest.ts'
import { type LocalSource, type SourceKey } from '../../model/refs.ts'
import { nextWholeSecond } from '../../model/managed-time.ts'
import { digestOf, type SourceRecord } from '../../sources/source.ts'
import { bounded, rekey, timelinesOf, type RecordedSource } from '../../sources/recorded.ts'
import { applied, untilAbsence, type Timeline } from '../../sources/timeline.ts'
import { withDeadlineFault } from './deadline.ts'
import {
  judgedUses,
  judgePod,
  VERDICTS,
  type Judgement,
  type Margins,
  type Verdict,
} from './staleness.ts'
import { unverifiedPods } from './unverified.ts'
import type { ManagedWorkload } from '../snapshot.ts'

/** A judged pod. */
export interface JudgedPod extends Judgement {
  readonly pod: PodRecord
}

export interface Assessment extends ManagedWorkload {
  /** What is recorded, in terms of the HMAC key in use; `undefined` on first sight. */
  readonly ledger: Ledger | undefined
  /** The uses that count, of live pods and of the template, each once. */
  readonly uses: readonly Use[]
  /** All sources that its pods consume, those that are not judged included: they meet the database all the same. */
  readonly consumed: ReadonlySet<LocalSource>
  /** The sources that are judged, by namespace and name. */
  readonly records: ReadonlyMap<SourceKey, SourceRecord>
  /** Today's timelines, by source: what is recorded and what changed since. */
  readonly sources: ReadonlyMap<LocalSource, RecordedSource>
  /** Pods that are neither terminal nor terminating nor being evicted. */
  readonly judged: readonly JudgedPod[]
  readonly counts: Readonly<Record<Verdict, number>>
  /** Pods that hold files of a plain volume from before its last change, if they read them only once. */
  readonly unverified: number
  /** The pods to be replaced: stale ones, and unproven ones. */
  readonly stale: readonly JudgedPod[]
  /** Since when the oldest content that a stale pod holds is not current any more (ms); Infinity if none is. */
  readonly staleSince: number
  /** When one of the contents last changed (ms); -Infinity if that was long ago. */
  readonly changedAt: number
  /** A pod is stale for an urgent Secret. */
  readonly urgent: boolean
  /** From when on a pod that is not seen yet, the watches being no later than the margin, is not from before that. */
  readonly completeAt: number
}

/** Judges a workload. */
export function assess(
  given: ManagedWorkload,
  keyFingerprint: string,
  margins: Margins,
): Assessment {
  const settings = withStrategyFault(
    withDeadlineFault(given.settings, given.workload),
    given.workload,
  )
  const workload = settings === given.settings ? given : { ...given, settings }
  const { pods, pending } = workload
  const ledger = ledgerOf(workload, keyFingerprint)
  const present = pods.filter(({ terminal, terminating }) => !terminal && !terminating)
  const live = present.filter(({ ref }) => !pending.evicted.has(ref.uid))
  const uses = distinctUses(workload, present)
  const sources = sourcesOf(workload, ledger, uses)
  const timelines = timelinesIn(sources)
  const judged = live.map((pod) => {
    const usesIn = (container: string) => usesOf(workload, pod, container)
    return { pod, ...judgePod(pod, usesIn, timelines, margins) }
  })
  const stale = judged.filter(isToBeReplaced)
  const changedAt = Math.max(-Infinity, ...[...sources.values()].map(lastChange))
  return {
    ...workload,
    ledger,
    uses,
    consumed: consumedSources(workload),
    records: recordsOf(workload, uses),
    sources,
    judged,
    counts: count(judged),
    unverified: unverifiedPods(workload, live, margins),
    stale,
    staleSince: Math.min(...stale.map(({ since }) => since)),
    changedAt,
    urgent: [...sources.keys()].some(
      (name) =>
        workload.source(name).settings.urgent &&
        isStaleFor(name, { ...workload, sources, stale }, margins),
    ),
    completeAt: nextWholeSecond(changedAt + margins.margin),
  }
}

/** A Deployment can have pods that are not seen as its own yet, such as those that it takes over from one before it. */
export function everyPodIsSeen({ workload, judged }: Assessment): boolean {
  return workload.observed && judged.length >= workload.status.replicas
}

/** The timelines to record: collapsed to today's content once every pod is known to hold it. */
export function timelinesToRecord(
  assessment: Assessment,
  now: number,
): ReadonlyMap<LocalSource, RecordedSource> {
  const { judged, sources, completeAt } = assessment
  const everyPodFresh =
    everyPodIsSeen(assessment) && judged.every(({ verdict }) => verdict === 'fresh')
  if (!everyPodFresh || now < completeAt) return sources
  return new Map(
    [...sources].map(([name, source]) => {
      const settled = [...source.timelines].map(([key, each]) => [key, applied(each)] as const)
      return [name, { ...source, timelines: new Map(settled) }]
    }),
  )
}

/** The uses that count: judged by the workload's settings, and not ignored by the source itself. */
function counted({ settings, source }: ManagedWorkload, uses: readonly Use[]): Use[] {
  return judgedUses(uses, settings).filter((use) => !source(use.source).settings.ignore)
}

function consumedSources({ workload, pods }: ManagedWorkload): ReadonlySet<LocalSource> {
  const lists = new Set([workload.uses, ...pods.map(({ uses }) => uses)])
  return new Set([...lists].flat().flatMap(({ uses }) => uses.map(({ source }) => source)))
}

function recordsOf(
  { workload, source }: ManagedWorkload,
  uses: readonly Use[],
): ReadonlyMap<SourceKey, SourceRecord> {
  const { namespace } = workload.ref
  return new Map(
    uses.map(({ source: local }): [SourceKey, SourceRecord] => [
      `${namespace}/${local}`,
      source(local),
    ]),
  )
}

function isToBeReplaced({ verdict }: Judgement): boolean {
  return verdict === 'stale' || verdict === 'unproven'
}

/** Whether a pod is to be replaced for this source, whatever became of the others. */
export function isStaleFor(
  name: string,
  { stale, sources, ...workload }: ManagedWorkload & Pick<Assessment, 'sources' | 'stale'>,
  margins: Margins,
): boolean {
  const timelines = timelinesIn(sources)
  return stale.some(({ pod }) => {
    const usesIn = (container: string) =>
      usesOf(workload, pod, container).filter(({ source }) => source === name)
    return isToBeReplaced(judgePod(pod, usesIn, timelines, margins))
  })
}

/** Looks up the timelines that a use is judged by. Of all keys only those that may tell something. */
function timelinesIn(
  sources: ReadonlyMap<LocalSource, RecordedSource>,
): (use: Use) => readonly Timeline[] {
  const ofAllKeys = new Map<string, readonly Timeline[]>()
  return ({ source, selector }) => {
    const { timelines } = sources.get(source) ?? {}
    if (!timelines) return NO_TIMELINES
    if (selector !== ALL_KEYS) {
      const timeline = timelines.get(selector)
      return timeline ? [timeline] : NO_TIMELINES
    }
    const known = ofAllKeys.get(source)
    if (known) return known
    const all = [...timelines.values()].filter(
      (each) => each.length > 1 || each[0].since > -Infinity,
    )
    ofAllKeys.set(source, all)
    return all
  }
}

const NO_TIMELINES: readonly Timeline[] = []

/** When something of a source last changed that can make a pod stale (ms); -Infinity if that was long ago. */
export function lastChange({ timelines }: Pick<RecordedSource, 'timelines'>): number {
  const last = [...timelines.values()].flatMap((each) => untilAbsence(each)?.at(-1) ?? [])
  return Math.max(-Infinity, ...last.map(({ since }) => since))
}

/** The uses of a container that count. */
function usesOf(workload: ManagedWorkload, pod: PodRecord, container: string): readonly Use[] {
  const { uses = [], ephemeral } = pod.uses.find((each) => each.container === container) ?? {}
  return ephemeral ? [] : counted(workload, uses)
}

/**
 * What is recorded for a workload. Of a Deployment before it of the same name that is what is known of the pods that it took
 * over, if it did.
 */
function recordedFor({ consumer, workload, pods }: ManagedWorkload): Ledger | undefined {
  const ledger = consumer?.status?.ledger
  if (!ledger || consumer.ownerUid === workload.ref.uid) return ledger
  const inherited = pods.some(({ controllerUid }) => ledger.replicaSets?.includes(controllerUid))
  if (!inherited) return undefined
  return { ...ledger, restart: undefined, lastRestart: undefined, failure: undefined }
}

/** What is recorded, in terms of the HMAC key in use. */
function ledgerOf(workload: ManagedWorkload, fingerprint: string): Ledger | undefined {
  const { source } = workload
  const ledger = recordedFor(workload)
  if (!ledger || ledger.keyFingerprint === fingerprint) return ledger
  const sources = new Map(
    [...ledger.sources].map(([name, each]) => [name, rekey(each, source(name))] as const),
  )
  const failure = ledger.failure && rekeyFailure(ledger.failure, ledger.sources, sources, source)
  return { ...ledger, keyFingerprint: fingerprint, sources, failure }
}

/** The digests under which a failure knows its content, in terms of another HMAC key. */
function rekeyFailure(
  failure: Failure,
  before: ReadonlyMap<LocalSource, RecordedSource>,
  after: ReadonlyMap<LocalSource, RecordedSource>,
  sourceOf: ManagedWorkload['source'],
): Failure {
  const contents = failure.contents.map((content) => {
    const { source, key, digest } = content
    const { uid, resourceVersion, timelines } = before.get(source) ?? {}
    const entry = timelines?.get(key)?.findLastIndex((e) => e.digest === digest)
    const now = sourceOf(source)
    // The very object has the content that it had.
    const same = uid === now.uid && resourceVersion === now.resourceVersion
    return {
      ...content,
      digest:
        after.get(source)?.timelines.get(key)?.[entry ?? -1]?.digest ??
        (same ? digestOf(now, key) : undefined) ??
        digest,
    }
  })
  return { ...failure, contents }
}

function distinctUses(workload: ManagedWorkload, pods: readonly PodRecord[]): readonly Use[] {
  const specs = new Set([workload.workload.uses, ...pods.map(({ uses }) => uses)])
  const uses = new Map<string, Use>()
  for (const { uses: ofContainer, ephemeral } of [...specs].flat()) {
    if (ephemeral) continue
    for (const use of counted(workload, ofContainer)) {
      const key = `${use.source}/${use.selector}`
      const optional = use.optional && (uses.get(key)?.optional ?? true)
      uses.set(key, { ...use, optional })
    }
  }
  return [...uses.values()]
}

function sourcesOf(
  { source }: ManagedWorkload,
  ledger: Ledger | undefined,
  uses: readonly Use[],
): ReadonlyMap<LocalSource, RecordedSource> {
  const bySource = Map.groupBy(uses, (use) => use.source)
  const known = new Map(
    [...bySource].flatMap(([name, all]) => {
      const now = source(name)
      const recorded = ledger?.sources.get(name)
      const selectors = new Set(all.map(({ selector }) => selector))
      const timelines = timelinesOf(recorded, now, selectors)
      if (timelines.size === 0) return []
      // Of a source that is not known now the record stays as it is.
      const { uid, resourceVersion, writtenAt, seenAt } = (now.unread && recorded) ?? now
      return [[name, { uid, resourceVersion, writtenAt, seenAt, timelines }] as const]
    }),
  )
  return bounded(known)
}

function count(judged: readonly JudgedPod[]): Record<Verdict, number> {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<
    Verdict,
    number
  >
  for (const { verdict } of judged) counts[verdict]++
  return counts
}
