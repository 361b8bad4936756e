/**
 * Which pods are stale: a pure function of timelines and times, not of events (docs/how-it-decides.md).
 *
 * One rule: a use holds some content that was current inside a *window* of time, and is stale if any content of
 * the window differs from today's. The modes differ only in where the window begins.
 */
import type { Volumes } from '../config/volumes.ts'
import { ALL_KEYS, type Mode, type Use } from '../consumers/uses.ts'
import type { ContainerRecord, PodRecord } from '../consumers/pod.ts'
import { today, type Entry, type Timeline } from '../secrets/timeline.ts'

/**
 * What is known of a pod, from good to bad:
 * - `fresh`: it holds today's content;
 * - `pending`: a container has yet to start, and may still start with older content;
 * - `unknown`: it is older than the baseline that was adopted;
 * - `unproven`: it was created so close to the change that times cannot tell;
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
  /** Up to here the begin is a matter of the margin: content that ended before is unproven, not stale. */
  readonly doubtUntil: number
  /** Not later than this. */
  readonly end: number
}

const FRESH: Judgement = { verdict: 'fresh', since: Infinity }
const PENDING: Judgement = { verdict: 'pending', since: Infinity }
const UNKNOWN: Judgement = { verdict: 'unknown', since: Infinity }

/**
 * Judges a pod by all its uses; the worst counts.
 * @param uses the uses to judge, by container: those ignored, or left to the kubelet, are not among them
 * @param timelineOf the timeline of a use, `undefined` where its source never had any content
 */
export function judgePod(
  pod: PodRecord,
  uses: (container: string) => readonly Use[],
  timelineOf: (use: Use) => Timeline | undefined,
  margins: Margins,
): Judgement {
  let worst = FRESH
  for (const { container: name, init } of pod.uses) {
    const container = pod.containers.find((each) => each.name === name)
    for (const use of uses(name)) {
      const timeline = timelineOf(use)
      if (!timeline) continue
      worst = worse(worst, judgeUse(pod, container, init, use.mode, timeline, margins))
    }
  }
  return worst
}

function judgeUse(
  pod: PodRecord,
  container: ContainerRecord | undefined,
  init: boolean,
  mode: Mode,
  timeline: Timeline,
  margins: Margins,
): Judgement {
  if (holdsNothing(container, init)) {
    return pod.createdAt - margins.margin < today(timeline).since ? PENDING : FRESH
  }
  return judge(timeline, contentWindow(pod, container, mode, margins))
}

/**
 * A container that waits to start, or that ended and will start again, holds nothing. An init container that ran
 * to its end may have left what it read to the others, so it counts.
 */
function holdsNothing(container: ContainerRecord | undefined, init: boolean): boolean {
  if (container?.state === 'running') return false
  return !(init && container?.state === 'terminated')
}

/** The window in which a use of this mode read its content. */
export function contentWindow(
  pod: PodRecord,
  container: ContainerRecord | undefined,
  mode: Mode,
  { margin, nodeMargin }: Margins,
): Window {
  const created = { begin: pod.createdAt - margin, doubtUntil: pod.createdAt + margin }
  const startedAt = container && trustedStart(pod, container, nodeMargin)
  const end = Math.min(
    container?.presentAt ?? Infinity,
    startedAt === undefined ? Infinity : startedAt + nodeMargin,
  )
  // A volume is filled when the pod starts and follows with a lag: what was current since the pod's start counts.
  if (mode === 'subPath' || mode === 'volume') return { ...created, end }
  const begin = Math.max(
    created.begin,
    // The environment is resolved a moment before the start.
    startedAt === undefined ? -Infinity : startedAt - nodeMargin - margin,
    container ? container.absentAt - margin : -Infinity,
  )
  return { ...created, begin, end }
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

/** Compares what was current inside the window with what is current now. */
export function judge(timeline: Timeline, window: Window): Judgement {
  const now = today(timeline)
  let worst = FRESH
  for (const [index, entry] of timeline.entries()) {
    if (entry.digest === now.digest) continue
    const ended = timeline[index + 1]?.since ?? Infinity
    // Nothing is known from before the first entry: for older pods it stands for that as well.
    const started = index === 0 ? -Infinity : startOf(entry)
    if (ended <= window.begin || started > window.end) continue
    const verdict = ended <= window.doubtUntil ? 'unproven' : 'stale'
    worst = worse(worst, { verdict, since: ended })
  }
  const baseline = timeline[0].since
  if (baseline <= window.begin) return worst
  // Older than the baseline that was adopted, or applied together with it.
  const around = baseline <= window.doubtUntil
  return worse(worst, around ? { verdict: 'unproven', since: baseline } : UNKNOWN)
}

/** `since` is the end of the second of the change: the change itself may be a second earlier. */
function startOf({ since, mayBeEarlier = false }: Entry): number {
  return mayBeEarlier ? -Infinity : since - 1000
}

function worse(a: Judgement, b: Judgement): Judgement {
  const rank = VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict)
  if (rank === 0) return a.since <= b.since ? a : b
  return rank < 0 ? b : a
}

/** The uses that Sluice judges: not ignored ones, and plain volumes only where they are asked for. */
export function judgedUses(
  uses: readonly Use[],
  { ignore, volumes }: { ignore: ReadonlySet<string>; volumes: Volumes },
): Use[] {
  return uses.filter(
    ({ source, selector, mode }) =>
      (mode !== 'volume' || volumes === 'restart') &&
      !ignore.has(source) &&
      (selector === ALL_KEYS || !ignore.has(`${source}/${selector}`)),
  )
}
