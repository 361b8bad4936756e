/**
 * One workload, judged: its timelines as of today, and which of its pods are stale.
 */
import type { Failure, Ledger } from '../consumers/consumer.ts'
import type { PodRecord } from '../consumers/pod.ts'
import type { Settings } from '../consumers/settings.ts'
import type { Use } from '../consumers/uses.ts'
import { namespacedKey, type NamespacedKey } from '../refs.ts'
import { nextWholeSecond } from '../secrets/managed-time.ts'
import type { SourceRecord } from '../secrets/source.ts'
import {
  applied,
  rekey,
  timelineOf,
  today,
  type RecordedSource,
  type Timeline,
} from '../secrets/timeline.ts'
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
import type { Workload } from './workload.ts'

/** A judged pod. */
export interface JudgedPod extends Judgement {
  readonly pod: PodRecord
}

export interface Assessment extends Workload {
  /** What is recorded, in terms of the HMAC key in use; `undefined` on first sight. */
  readonly ledger: Ledger | undefined
  /** The uses that count, of live pods and of the template, each once. */
  readonly uses: readonly Use[]
  /** All sources that its pods consume, those that are not judged included: they meet the database all the same. */
  readonly consumed: ReadonlySet<string>
  /** The sources that are judged, by namespace and name. */
  readonly records: ReadonlyMap<NamespacedKey, SourceRecord>
  /** Today's timelines, by source: what is recorded and what changed since. */
  readonly sources: ReadonlyMap<string, RecordedSource>
  /** Pods that are neither terminal nor terminating nor being evicted. */
  readonly judged: readonly JudgedPod[]
  readonly counts: Readonly<Record<Verdict, number>>
  /** Pods that hold files of a plain volume from before its last change, if they read them only once. */
  readonly unverified: number
  /** The pods to be replaced: stale ones, and unproven ones where that is asked for. */
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
export function assess(given: Workload, keyFingerprint: string, margins: Margins): Assessment {
  const settings = withDeadlineFault(given.settings, given.deployment)
  const workload = settings === given.settings ? given : { ...given, settings }
  const { pods, pending } = workload
  const ledger = ledgerOf(workload, keyFingerprint)
  const present = pods.filter(({ terminal, terminating }) => !terminal && !terminating)
  const live = present.filter(({ ref }) => !pending.evicted.has(ref.uid))
  const uses = distinctUses(workload, present)
  const sources = timelines(workload, ledger, uses)
  const timeline = (use: Use) => sources.get(use.source)?.timelines.get(use.selector)
  const judged = live.map((pod) => {
    const usesIn = (container: string) => usesOf(workload, pod, container)
    return { pod, ...judgePod(pod, usesIn, timeline, margins) }
  })
  const stale = judged.filter((each) => isToBeReplaced(each, settings))
  const changes = [...sources.values()].flatMap((each) => [...each.timelines.values()].map(today))
  const changedAt = Math.max(...changes.map(({ since }) => since))
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

/** The timelines to record: collapsed to today's content once every pod is known to hold it. */
export function timelinesToRecord(
  { deployment, judged, sources, completeAt }: Assessment,
  now: number,
): ReadonlyMap<string, RecordedSource> {
  // A Deployment can have pods that are not seen as its own yet, such as those that it inherits from one before it.
  const everyPodSeen = deployment.observed && judged.length >= deployment.status.replicas
  const everyPodFresh = everyPodSeen && judged.every(({ verdict }) => verdict === 'fresh')
  if (!everyPodFresh || now < completeAt) return sources
  return new Map(
    [...sources].map(([name, source]) => {
      const settled = [...source.timelines].map(([key, each]) => [key, applied(each)] as const)
      return [name, { ...source, timelines: new Map(settled) }]
    }),
  )
}

/** The uses that count: judged by the workload's settings, and not ignored by the source itself. */
function counted({ settings, source }: Workload, uses: readonly Use[]): Use[] {
  return judgedUses(uses, settings).filter((use) => !source(use.source).settings.ignore)
}

function consumedSources({ deployment, pods }: Workload): ReadonlySet<string> {
  const lists = new Set([deployment.uses, ...pods.map(({ uses }) => uses)])
  return new Set([...lists].flat().flatMap(({ uses }) => uses.map(({ source }) => source)))
}

function recordsOf(
  { deployment, source }: Workload,
  uses: readonly Use[],
): ReadonlyMap<NamespacedKey, SourceRecord> {
  const { namespace } = deployment.ref
  return new Map(uses.map(({ source: name }) => [namespacedKey({ namespace, name }), source(name)]))
}

function isToBeReplaced({ verdict }: Judgement, { unproven }: Settings): boolean {
  return verdict === 'stale' || (verdict === 'unproven' && unproven === 'restart')
}

/** Whether a pod is to be replaced for this source, whatever became of the others. */
export function isStaleFor(
  name: string,
  { stale, ...workload }: Workload & Pick<Assessment, 'sources' | 'stale'>,
  margins: Margins,
): boolean {
  const timelines = workload.sources.get(name)?.timelines
  return stale.some(({ pod }) => {
    const usesIn = (container: string) =>
      usesOf(workload, pod, container).filter(({ source }) => source === name)
    const judgement = judgePod(pod, usesIn, ({ selector }) => timelines?.get(selector), margins)
    return isToBeReplaced(judgement, workload.settings)
  })
}

/** The uses of a container that count. */
function usesOf(workload: Workload, pod: PodRecord, container: string): readonly Use[] {
  return counted(workload, pod.uses.find((each) => each.container === container)?.uses ?? [])
}

/** The recorded state, if it is this workload's own: a Consumer of another UID is no record. */
function ledgerOf(
  { consumer, deployment, source }: Workload,
  fingerprint: string,
): Ledger | undefined {
  if (consumer?.ownerUid !== deployment.ref.uid || !consumer.status) return undefined
  const { ledger } = consumer.status
  if (ledger.keyFingerprint === fingerprint) return ledger
  const sources = new Map(
    [...ledger.sources].map(([name, each]) => [name, rekey(each, source(name))] as const),
  )
  const failure = ledger.failure && rekeyFailure(ledger.failure, ledger.sources, sources)
  return { ...ledger, keyFingerprint: fingerprint, sources, failure }
}

/** The digests under which a failure knows its content, in terms of another HMAC key. */
function rekeyFailure(
  failure: Failure,
  before: ReadonlyMap<string, RecordedSource>,
  after: ReadonlyMap<string, RecordedSource>,
): Failure {
  const contents = failure.contents.map((content) => {
    const { source, key, digest } = content
    const entry = before
      .get(source)
      ?.timelines.get(key)
      ?.findLastIndex((e) => e.digest === digest)
    return {
      ...content,
      digest: after.get(source)?.timelines.get(key)?.[entry ?? -1]?.digest ?? digest,
    }
  })
  return { ...failure, contents }
}

function distinctUses(workload: Workload, pods: readonly PodRecord[]): readonly Use[] {
  const specs = new Set([workload.deployment.uses, ...pods.map(({ uses }) => uses)])
  const uses = new Map<string, Use>()
  for (const { uses: ofContainer } of [...specs].flat()) {
    for (const use of counted(workload, ofContainer)) {
      const key = `${use.source}/${use.selector}`
      const optional = use.optional && (uses.get(key)?.optional ?? true)
      uses.set(key, { ...use, optional })
    }
  }
  return [...uses.values()]
}

function timelines(
  { source }: Workload,
  ledger: Ledger | undefined,
  uses: readonly Use[],
): ReadonlyMap<string, RecordedSource> {
  const sources = new Map<
    string,
    { record: Omit<RecordedSource, 'timelines'>; all: Map<string, Timeline> }
  >()
  for (const { source: name, selector, optional } of uses) {
    const now = source(name)
    const timeline = timelineOf(ledger?.sources.get(name), now, selector, optional)
    if (!timeline) continue
    // Of a source that is not known now the record stays as it is.
    const { uid, resourceVersion, writtenAt } = (now.unread && ledger?.sources.get(name)) ?? now
    const record = { uid, resourceVersion, writtenAt }
    const entry = sources.get(name) ?? { record, all: new Map() }
    sources.set(name, entry)
    entry.all.set(selector, timeline)
  }
  return new Map(
    [...sources].map(([name, { record, all }]) => [name, { ...record, timelines: all }]),
  )
}

function count(judged: readonly JudgedPod[]): Record<Verdict, number> {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<
    Verdict,
    number
  >
  for (const { verdict } of judged) counts[verdict]++
  return counts
}
