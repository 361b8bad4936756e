/**
 * Which running pods of a namespace may still hold old content of a source, opted in or not. Pure.
 *
 * The staleness rule is the plan's (src/plan/judge/staleness.ts). Here it judges every use of the source, also of pods that
 * are terminating, of workloads that did not opt in or ignore the source, and of plain volumes.
 */
import { localSource, type LocalSource } from '../../model/refs.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import type { Settings } from '../../workloads/settings.ts'
import type { Use } from '../../workloads/uses.ts'
import { judgePod, type Margins, type Verdict } from '../../plan/judge/staleness.ts'
import { ABSENT } from '../../sources/digest.ts'
import type { RecordedSource } from '../../sources/recorded.ts'
import { today, untilAbsence, type Timeline } from '../../sources/timeline.ts'
import type { SourceRecord } from '../../sources/source.ts'

/** A pod of any owner that is not over and uses a source. */
export interface UserPod {
  readonly pod: PodRecord
  /** `Deployment/web`, `Job/backup`, `Pod/debug`. */
  readonly owner: string
  /** UID of its Deployment, or else of its controller. */
  readonly workload: string
  /** How its plain volumes count. */
  readonly volumes: Settings['volumes']
}

/**
 * Why a pod is not proven to hold today's content, from bad to good:
 * - `stale`: it holds old content;
 * - `unproven`, `unknown`, `pending`: as in {@link Verdict};
 * - `files`: its plain volume changed under it, and only its process knows whether it read the files again.
 */
export const DOUBTS = ['stale', 'unproven', 'unknown', 'pending', 'files'] as const
type Doubt = (typeof DOUBTS)[number]
export type DoubtCounts = Readonly<Record<Doubt, number>>

/**
 * How long after a change the files of a plain volume may lag (ms): the kubelet's sync period of one minute and the
 * lifetime of its cache of as much (kubernetes.io, "Secrets": mounted Secrets are updated automatically).
 */
export const FILES_LAG = 120_000

/** Who may still hold old content of a source. */
export interface OldContent {
  readonly counts: DoubtCounts
  /** By owner, those that hold most old content first. */
  readonly holders: readonly { readonly owner: string; readonly counts: DoubtCounts }[]
  /** What every use of a running pod stood for, since when. */
  readonly record: RecordedSource
  /** When it is to be looked at again even if nothing happens (ms); Infinity for never. */
  readonly nextAt: number
}

type History = (use: Use) => ReadonlyMap<string, Timeline>

/** What is known about a source. */
export interface SourceKnowledge {
  readonly source: SourceRecord
  /** What a use has stood for, key by key. */
  readonly history: History
  /** The same for a pod of a workload whose own record says more. */
  readonly historyFor?: (
    user: UserPod,
  ) => ((...use: Parameters<History>) => ReturnType<History> | undefined) | undefined
}

/** How many uses one record tells about; pods with further ones are unknown after a restart of Sluice. */
const MOST_RECORDED = 200

/** Judges all pods that use a source. `now` is the API server's clock (ms). */
export function oldContentOf(
  users: readonly UserPod[],
  { source, history, historyFor }: SourceKnowledge,
  margins: Margins,
  now: number,
): OldContent {
  const local = localSource(source.ref)
  const byOwner = new Map<string, Record<Doubt, number>>()
  const counts = none()
  let nextAt = Infinity
  for (const user of users) {
    const own = historyFor?.(user)
    const timelineOf = (use: Use) => own?.(use) ?? history(use)
    const { doubt, until } = doubtAbout(user, local, timelineOf, margins, now)
    nextAt = Math.min(nextAt, until)
    if (!doubt) continue
    const ofOwner = byOwner.get(user.owner) ?? none()
    byOwner.set(user.owner, ofOwner)
    ofOwner[doubt]++
    counts[doubt]++
  }
  const holders = [...byOwner]
    .map(([owner, each]) => ({ owner, counts: each }))
    .sort((a, b) => worstFirst(a.counts, b.counts) || (a.owner < b.owner ? -1 : 1))
  return { counts, holders, record: recordOf(users, source, history), nextAt }
}

/** How many pods hold old content or cannot be proven not to; plain volumes aside. */
export function podsInDoubt({ stale, unproven, unknown, pending }: DoubtCounts): number {
  return stale + unproven + unknown + pending
}

interface Judged {
  readonly doubt: Doubt | undefined
  readonly until: number
}

function doubtAbout(
  { pod, volumes }: UserPod,
  source: LocalSource,
  history: History,
  margins: Margins,
  now: number,
): Judged {
  // A pod keeps what it read when the source or the key is gone, so that the absence proves nothing about it.
  const timelinesOf = (use: Use) =>
    [...history(use).values()].map((each) => untilAbsence(each) ?? each)
  const follows = ({ mode }: Use) => mode === 'volume' && volumes !== 'restart'
  const judge = (counts: (use: Use) => boolean) => {
    const usesIn = (container: string) =>
      (pod.uses.find((each) => each.container === container)?.uses ?? []).filter(
        (use) => use.source === source && counts(use),
      )
    return judgePod(pod, usesIn, timelinesOf, margins).verdict
  }
  const fixed = judge((use) => !follows(use))
  if (fixed !== 'fresh' && fixed !== 'pending') return { doubt: fixed, until: Infinity }
  const files = judge(follows)
  const either: Doubt | undefined =
    fixed === 'pending' || files === 'pending' ? 'pending' : undefined
  if (files === 'fresh' || files === 'pending') return { doubt: either, until: Infinity }
  if (volumes !== 'live') return { doubt: either ?? 'files', until: Infinity }
  const mounted = usesOf(pod, source).filter(follows)
  const entries = mounted.flatMap((use) => [...history(use).values()].flat())
  const changes = entries.map(({ since }) => since)
  const until = Math.max(...changes) + FILES_LAG
  return now < until ? { doubt: 'pending', until } : { doubt: either, until: Infinity }
}

function usesOf({ uses }: PodRecord, source: LocalSource): readonly Use[] {
  return uses.flatMap((each) => each.uses.filter((use) => use.source === source))
}

function recordOf(
  users: readonly UserPod[],
  { ref, uid, resourceVersion, writtenAt, seenAt }: SourceRecord,
  history: History,
): RecordedSource {
  const timelines = new Map<string, Timeline>()
  const local = localSource(ref)
  for (const uses of new Set(users.map(({ pod }) => pod.uses))) {
    for (const use of uses.flatMap((each) => each.uses)) {
      if (use.source !== local || timelines.has(use.selector)) continue
      if (timelines.size >= MOST_RECORDED) continue
      for (const [key, timeline] of history(use)) timelines.set(key, timeline)
    }
  }
  return { uid, resourceVersion, writtenAt, seenAt, timelines }
}

/** When a use of it last changed, as far as is known (ms, whole seconds); -Infinity where nothing changed. */
export function lastChangeIn({ timelines }: RecordedSource): number {
  const changed = [...timelines.values()]
    .map(untilAbsence)
    .filter((each) => each !== undefined)
    .filter(({ length }) => length > 1)
  return Math.floor(Math.max(...changed.map((each) => today(each).since)) / 1000) * 1000
}

/** Whether nothing of what had changed is there any more: no pod can be brought to it. */
export function isContentGone({ timelines }: RecordedSource): boolean {
  const changed = [...timelines.values()].filter((each) => (untilAbsence(each)?.length ?? 0) > 1)
  return changed.length > 0 && changed.every((each) => today(each).digest === ABSENT)
}

/**
 * Whether what had changed is again what it was before: each use that changed at `changedAt` or later by the record
 * before stands for an earlier content of it by the record now.
 */
export function isTakenBack(
  before: RecordedSource | undefined,
  now: RecordedSource,
  changedAt: number,
): boolean {
  const changed = [...(before?.timelines ?? [])].filter(
    ([, timeline]) => timeline.length > 1 && today(timeline).since >= changedAt,
  )
  return (
    changed.length > 0 &&
    changed.every(([selector, timeline]) => {
      const current = now.timelines.get(selector)
      const { digest } = current ? today(current) : { digest: undefined }
      return digest !== today(timeline).digest && timeline.some((each) => each.digest === digest)
    })
  )
}

function none(): Record<Doubt, number> {
  return { stale: 0, unproven: 0, unknown: 0, pending: 0, files: 0 } satisfies Record<
    Exclude<Verdict, 'fresh'> | 'files',
    number
  >
}

function worstFirst(a: DoubtCounts, b: DoubtCounts): number {
  const doubt = DOUBTS.find((each) => a[each] !== b[each])
  return doubt ? b[doubt] - a[doubt] : 0
}
