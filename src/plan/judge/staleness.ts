/**
 * Which pods are stale: a pure function of timelines and times, not of events (docs/how-it-decides.md).
 *
 * One rule: a use holds some content that was current inside a *window* of time, and is stale if any content of
 * the window differs from today's. The modes differ only in where the window begins.
 */
import { kindOfSource } from '../../model/refs.ts'
import type { Settings } from '../../workloads/settings.ts'
import { type Use } from '../../workloads/uses.ts'
import { ALL_KEYS } from '../../sources/digest.ts'
import type { ContainerRecord, PodRecord } from '../../workloads/pod.ts'
import { ABSENT } from '../../sources/digest.ts'
import { earliest, isNewer, type Entry, type Timeline } from '../../sources/timeline.ts'

/**
 * What is known of a pod, from good to bad:
 * - `fresh`: it holds today's content;
 * - `pending`: a container has yet to start, and may still start with older content;
 * - `unknown`: it may be older than the baseline that was adopted;
 * - `unproven`: it was created so close to a change that neither times nor order tell; replaced like a stale one;
 * - `stale`: it holds other content than today's.
 */
export const VERDICTS = ['fresh', 'pending', 'unknown', 'unproven', 'stale'] as const
export type Verdict = (typeof VERDICTS)[number]

/** A verdict and since when (ms) the content that the pod holds is not current any more. */
export interface Judgement {
  readonly verdict: Verdict
  /** For `stale` and `unproven`; Infinity for the others. */
  readonly since: number
}

/** How far clocks and caches are trusted; milliseconds. */
export interface Margins {
  /** Between the API server's whole seconds, and the kubelet's cache of Secrets. */
  readonly margin: number
  /** How far a node's clock may be off. */
  readonly nodeMargin: number
}

/** When the content that a use holds was read (ms, API server's clock). */
export interface Window {
  /** Not earlier than this. */
  readonly begin: number
  /** From here on it is a matter of the margin whether the pod was created after a content. */
  readonly doubtFrom: number
  /** Up to here the begin is a matter of the margin: content that ended before is unproven, not stale. */
  readonly doubtUntil: number
  /** Not later than this. */
  readonly end: number
  /** The pod does not start without the source, nor without its key if it names one: it cannot have read their absence. */
  readonly requires: 'nothing' | 'source' | 'key'
  /** What it can have started with, for all that a new pod should wait for its key; see {@link Use.emptyFolder}. */
  readonly emptyFolder?: boolean | undefined
  /** The second in which the pod was created. */
  readonly createdAt: number
  /** The resourceVersion under which it was created; `undefined` where that was not seen. */
  readonly createdVersion: string | undefined
  /** When the container started, at the earliest, by its node's clock; `undefined` where that is not to be trusted. */
  readonly startedFrom: number | undefined
}

const FRESH: Judgement = { verdict: 'fresh', since: Infinity }
const PENDING: Judgement = { verdict: 'pending', since: Infinity }
const UNKNOWN: Judgement = { verdict: 'unknown', since: Infinity }

/**
 * Judges a pod by all its uses; the worst counts.
 * @param uses the uses to judge, by container: those ignored, or left to the kubelet, are not among them
 * @param timelinesOf the timelines of a use: of its key, or of every key
 */
export function judgePod(
  pod: PodRecord,
  uses: (container: string) => readonly Use[],
  timelinesOf: (use: Use) => readonly Timeline[],
  margins: Margins,
): Judgement {
  let worst = FRESH
  for (const { container: name, init } of pod.uses) {
    const container = pod.containers.find((each) => each.name === name)
    for (const use of uses(name)) {
      const timelines = timelinesOf(use)
      if (timelines.length === 0) continue
      const window = contentWindow(pod, container, use, margins)
      const waits = holdsNothing(container, init)
      for (const timeline of timelines) {
        worst = worse(worst, waits ? judgeWaiting(timeline, window) : judge(timeline, window))
      }
    }
  }
  return worst
}

/** A container that has yet to start, or to start again, gets today's content or what its node still knows. */
function judgeWaiting(timeline: Timeline, window: Window): Judgement {
  const now = reached(timeline, window)
  if (!now || cameAfter(now, window)) return FRESH
  return window.doubtFrom < now.since ? PENDING : FRESH
}

/**
 * A container that waits to start, or that ended and will start again, holds nothing. An init container that ran
 * to its end may have left what it read to the others, so it counts.
 */
function holdsNothing(container: ContainerRecord | undefined, init: boolean): boolean {
  if (container?.state === 'running') return false
  return !(init && container?.state === 'terminated')
}

/** The window in which a use read its content. */
function contentWindow(
  pod: PodRecord,
  container: ContainerRecord | undefined,
  { mode, optional, selector, emptyFolder }: Omit<Use, 'source'>,
  { margin, nodeMargin }: Margins,
): Window {
  const { createdAt, createdVersion } = pod
  const startedAt = container && trustedStart(pod, container, nodeMargin)
  // A clock that was ahead when the pod started is not far less ahead now.
  const startedFrom = startedAt === undefined ? undefined : startedAt - aheadOf(pod)
  const inVolume = mode === 'subPath' || mode === 'volume'
  const shared = {
    doubtFrom: createdAt - margin,
    doubtUntil: createdAt + margin,
    end: Math.min(container?.presentAt ?? Infinity, (startedAt ?? Infinity) + nodeMargin),
    requires: requirementOf({ optional, selector }),
    emptyFolder,
    createdAt,
    createdVersion,
    // A volume is filled before the first start alone.
    startedFrom: inVolume && container?.restarts !== 0 ? undefined : startedFrom,
  }
  // It follows with a lag: what was current since the pod's start counts.
  if (inVolume || startedAt === undefined || startedFrom === undefined) {
    return { ...shared, begin: shared.doubtFrom }
  }
  const begin = Math.max(
    shared.doubtFrom,
    // The environment is resolved a moment before the start.
    startedAt - nodeMargin - margin,
    // A status can be written long after what it shows: only what the node's clock says as well is proven.
    Math.min(container?.absentAt ?? -Infinity, startedFrom) - margin,
  )
  return { ...shared, begin }
}

function requirementOf({
  optional,
  selector,
}: Pick<Use, 'optional' | 'selector'>): Window['requires'] {
  if (optional) return 'nothing'
  return selector === ALL_KEYS ? 'source' : 'key'
}

/** How far the clock of the pod's node was ahead of the cluster's, at most (ms): both times are whole seconds. */
function aheadOf({ clockSkew = 0 }: PodRecord): number {
  return Math.max(0, clockSkew) + 1000
}

/** The node's `startedAt`, unless something shows that its clock is off by more than the margin. */
function trustedStart(
  pod: PodRecord,
  { startedAt, absentAt, presentAt }: ContainerRecord,
  nodeMargin: number,
): number | undefined {
  if (startedAt === undefined || pod.clockSkew === undefined) return undefined
  if (Math.abs(pod.clockSkew) > nodeMargin) return undefined
  // A container that a status showed before it started, or that one still lacked after: the clock is off.
  if (startedAt > presentAt + nodeMargin || startedAt < absentAt - nodeMargin) return undefined
  return startedAt
}

/** Compares what was current inside the window with what a new pod would get. */
export function judge(timeline: Timeline, window: Window): Judgement {
  const now = reached(timeline, window)
  if (!now) return FRESH
  let worst = FRESH
  // What ended before that was over when the pod was created.
  const from = timeline.findLastIndex((entry) => cameAfter(entry, window))
  for (const [index, entry] of timeline.entries()) {
    if (index < from || entry.digest === now.digest) continue
    if (!canRead(entry, window) && !canHold(entry, window)) continue
    const ended = timeline[index + 1]?.since ?? Infinity
    // Nothing is known from before the first entry: for older pods it stands for that as well.
    const started = index === 0 ? -Infinity : earliest(entry)
    if (ended <= window.begin || started > window.end) continue
    const verdict = ended <= window.doubtUntil ? 'unproven' : 'stale'
    worst = worse(worst, { verdict, since: ended })
  }
  return isKnown(timeline, window) ? worst : worse(worst, UNKNOWN)
}

/**
 * Whether the pod was created after an entry began: etcd's order says so, and the whole seconds do not deny it. That is never
 * asked to call a pod old.
 */
function cameAfter({ since, version }: Entry, { createdAt, createdVersion }: Window): boolean {
  if (version === undefined || createdVersion === undefined) return false
  return isNewer(createdVersion, version) && createdAt >= since - 1000
}

/**
 * What a new pod gets, or will get: where it waits for what is missing now, the content that was there last. `undefined`
 * where it would start without: that is no reason to replace a pod.
 */
function reached(timeline: Timeline, window: Window): Entry | undefined {
  const now = timeline.findLast((entry) => canRead(entry, window))
  return now?.digest === ABSENT ? undefined : now
}

/** Whether a container can have started with this content. */
function canRead({ digest, missing = false }: Entry, { requires }: Window): boolean {
  if (digest !== ABSENT) return true
  return requires === 'nothing' || (requires === 'source' && !missing)
}

/** Whether a container can have started with the absence of this key, though it is required. */
function canHold({ missing = false }: Entry, { emptyFolder = false }: Window): boolean {
  return emptyFolder && !missing
}

/** Whether nothing from before the first entry can have been read: the pod is younger, or there was nothing to start with. */
function isKnown(timeline: Timeline, window: Window): boolean {
  const [first] = timeline
  if (first.since <= window.begin || timeline.some((each) => cameAfter(each, window))) return true
  if (window.requires === 'nothing' || !(first.created ?? first.missing)) return false
  // Where the source was seen to be missing, whatever started since then got what it came into being with.
  const createdFrom = first.missing ? first.since : first.since - 1000
  return Math.max(window.createdAt, window.startedFrom ?? -Infinity) >= createdFrom
}

function worse(a: Judgement, b: Judgement): Judgement {
  const rank = VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict)
  if (rank === 0) return a.since <= b.since ? a : b
  return rank < 0 ? b : a
}

/** The uses that Sluice judges: of kinds that count, not ignored ones, and plain volumes only where they are asked for. */
export function judgedUses(
  uses: readonly Use[],
  { sources, ignore, volumes }: Pick<Settings, 'sources' | 'ignore' | 'volumes'>,
): Use[] {
  return uses.filter(
    ({ source, selector, mode }) =>
      sources.has(kindOfSource(source)) &&
      (mode !== 'volume' || volumes === 'restart') &&
      !ignore.has(source) &&
      (selector === ALL_KEYS || !ignore.has(`${source}/${selector}`)),
  )
}
