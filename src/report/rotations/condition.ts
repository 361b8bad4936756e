/**
 * The conditions of a Rotation, in the shape of metav1.Condition. Pure.
 */
import { nextWholeSecond } from '../../model/managed-time.ts'
import type { SourceRecord } from '../../sources/source.ts'
import {
  DOUBTS,
  lastChangeIn,
  podsInDoubt,
  type DoubtCounts,
  type OldContent,
} from './old-content.ts'
import {
  CONDITION_TYPES,
  isFinished,
  type Rotation,
  type RotationCondition,
} from '../../records/rotation.ts'

type Claim = Pick<RotationCondition, 'status' | 'reason' | 'message'>

/** How many holders are named. */
const MOST_NAMES = 10

/** Whether a rotation says that nobody holds old content any more. */
export function isUnused({ conditions }: Pick<Rotation, 'conditions'>): boolean {
  return conditions.some(({ type, status }) => type === 'OldContentUnused' && status === 'True')
}

/** Whether a newer rotation of the same source took its place. */
export function isSuperseded({ supersededBy }: Pick<Rotation, 'supersededBy'>): boolean {
  return supersededBy !== undefined
}

/** Whether nothing more will be said of a rotation, unless a newer one takes its place. */
export function isSettled(rotation: Rotation): boolean {
  const over = isSuperseded(rotation) || rotation.phase === 'TakenBack' || isUnused(rotation)
  return isFinished(rotation) && over
}

/** The rotation with its conditions as of now. A status that stays the same keeps its time. */
export function withConditions(
  rotation: Rotation,
  old: OldContent | undefined,
  source: SourceRecord | undefined,
  terms: { readonly margin: number; readonly now: number },
): Rotation {
  const claims = {
    Restarted: restarted(rotation),
    OldContentUnused: unused(rotation, old, source, terms),
  }
  const conditions = CONDITION_TYPES.map((type): RotationCondition => {
    const claim = claims[type]
    const before = rotation.conditions.find((each) => each.type === type)
    const same = before?.status === claim.status
    return { type, ...claim, since: same ? before.since : terms.now }
  })
  return { ...rotation, conditions }
}

/** Until when nothing is claimed of a change: a pod from before it may not have been seen (ms). */
export function claimsFrom({ changedAt }: Pick<Rotation, 'changedAt'>, margin: number): number {
  return nextWholeSecond(changedAt + margin)
}

function restarted({ phase, workloads }: Rotation): Claim {
  const message = `${workloads.done} of ${workloads.total} workloads that opted in are done`
  if (phase !== 'Succeeded') return { status: 'False', reason: phase, message }
  return workloads.total === 0
    ? { status: 'True', reason: 'NothingToRestart', message: 'no workload had to be restarted' }
    : { status: 'True', reason: 'AllRestarted', message }
}

function unused(
  rotation: Rotation,
  old: OldContent | undefined,
  source: SourceRecord | undefined,
  { margin, now }: { readonly margin: number; readonly now: number },
): Claim {
  const { phase, supersededBy } = rotation
  if (supersededBy !== undefined) {
    const message = `the source changed again: see Rotation ${supersededBy}`
    return { status: 'Unknown', reason: 'Superseded', message }
  }
  if (phase === 'TakenBack') {
    const message = 'the content from before the change is in use again'
    return { status: 'False', reason: 'TakenBack', message }
  }
  if (!old || !source || source.unread) {
    const message = source?.unread?.message ?? 'the pods have not been looked at yet'
    return { status: 'Unknown', reason: 'NotRead', message }
  }
  if (podsInDoubt(old.counts) > 0) {
    const reason = old.counts.stale > 0 ? 'StillInUse' : 'NotProven'
    return { status: 'False', reason, message: describeHolders(old) }
  }
  if (old.counts.files > 0) {
    return { status: 'Unknown', reason: 'ProcessDecides', message: describeHolders(old) }
  }
  const changedAt = Math.max(rotation.changedAt, lastChangeIn(old.record))
  if (now < claimsFrom({ changedAt }, margin)) {
    const message = 'the change has just come; pods from before it may not have been seen yet'
    return { status: 'Unknown', reason: 'ChangeTooRecent', message }
  }
  return { status: 'True', reason: 'NoHolders', message: 'no running pod holds old content' }
}

const MEANING: Readonly<Record<keyof DoubtCounts, string>> = {
  stale: 'with old content',
  unproven: 'created too close to the change to tell',
  unknown: 'from before the source was first seen',
  pending: 'not started or updated yet',
  files: 'with changed files that only the process knows about',
}

/** `3 running pods with old content, 1 not started yet: Deployment/batch (3 stale), Pod/debug (1 pending)`. */
export function describeHolders({
  counts,
  holders,
}: Pick<OldContent, 'counts' | 'holders'>): string {
  const found = DOUBTS.filter((each) => counts[each] > 0)
  const sums = found.map((each) => `${counts[each]} ${MEANING[each]}`)
  const names = holders.slice(0, MOST_NAMES).map(({ owner, counts: own }) => {
    const parts = DOUBTS.filter((each) => own[each] > 0).map((each) => `${own[each]} ${each}`)
    return `${owner} (${parts.join(', ')})`
  })
  const more = holders.length - names.length
  const rest = more > 0 ? ` and ${more} more` : ''
  return `running pods: ${sums.join(', ')}: ${names.join(', ')}${rest}`
}
