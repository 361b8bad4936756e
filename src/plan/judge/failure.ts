/**
 * When a restart has failed, which kind of failure it is, and when it ends. Pure (docs/how-it-decides.md).
 */
import type { Content, Failure, Restart } from '../../records/consumer.ts'
import type { WorkloadRecord } from '../../workloads/workload.ts'
import type { ContainerRecord, PodRecord } from '../../workloads/pod.ts'
import { ABSENT } from '../../sources/digest.ts'
import { digestOf } from '../../sources/source.ts'
import type { Assessment } from './assessment.ts'
import { availability } from './availability.ts'
import { crashedSince, crashesOf, isCrashLooping, type Crashes } from './crashes.ts'
import { deadlineOf, givenUpAt, stepEndsAt, waitsSince } from './deadline.ts'
import { changedSources } from '../budget/groups.ts'
import { isReplacement, tookAway, withTemplate } from './replacement.ts'
import { rolloutEndsAt, rolloutStallsAt } from './rollout.ts'
import { mayEvictInstead } from './strategy.ts'

/** How long the new pods must have been Available for a failure to be over (ms). */
const RECOVERED_AFTER = 60_000
/** Reasons of a container that waits because it could not be made to run. */
const NEVER_RAN = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
])

/** A failure that has just been found. */
type FoundFailure = Pick<Failure, 'kind' | 'message'>

/** The failure that stands, or that the restart under way has come to by now. */
export function standingFailure(assessment: Assessment, now: number): Failure | undefined {
  const known = assessment.ledger?.failure
  if (known) return stands(known, assessment, now) ? known : undefined
  return newFailure(assessment, now)
}

/** The failure that the restart under way has come to, if it has. */
export function newFailure(assessment: Assessment, now: number): Failure | undefined {
  const { ledger, judged } = assessment
  const restart =
    ledger?.restart &&
    withTemplate(
      ledger.restart,
      judged.map(({ pod }) => pod),
    )
  const found = restart && findFailure(assessment, restart, now)
  return found && { ...found, id: restart.id, failedAt: now, contents: suspects(assessment) }
}

/**
 * What is wrong with the pods that a restart started, if anything.
 * Pods of another template (somebody deployed meanwhile) are not its doing.
 */
function findFailure(
  assessment: Assessment,
  restart: Restart,
  now: number,
): FoundFailure | undefined {
  const { workload, settings } = assessment
  const deadline = deadlineOf(workload, settings)
  const started = startedPods(assessment, restart)
  const ofKind = (unfit: string): FoundFailure => ({
    kind: restart.wasUnwell ? 'CannotStart' : 'Unfit',
    message: unfit,
  })
  const crashedAgain = new Set(
    crashedPods(assessment, now).flatMap(({ pod, count }) => (count > 1 ? [pod] : [])),
  )
  const crashing = started.find(
    (pod) =>
      (isCrashLooping(pod) || crashedAgain.has(pod)) && crashedSince(pod, assessment.completeAt),
  )
  if (crashing) return ofKind(`pod ${crashing.ref.name} crashes again and again`)
  const late = started.filter((pod) => now >= failsAt(assessment, pod, deadline))
  const ran = late.find((pod) => hasRun(pod) && !blockedContainer(pod))
  if (ran) return ofKind(`pod ${ran.ref.name} was not Ready within ${deadline / 1000} s`)
  if (!tookAway(assessment)) return undefined
  const [never] = late
  return (
    (never && isOwed(assessment, restart) && neverRan(assessment, restart, never, deadline)) ||
    neverCreated(assessment, restart, deadline, now)
  )
}

/** When a pod fails its restart (ms) unless it is Ready before: new content gives one from before it the whole deadline. */
function failsAt({ completeAt }: Assessment, pod: PodRecord, deadline: number): number {
  return pod.readyAt === undefined ? Math.max(waitsSince(pod), completeAt) + deadline : Infinity
}

/** A container that could not be made to run: an image, or a key, may still come until the deadline. */
function blockedContainer({ containers }: PodRecord): ContainerRecord | undefined {
  return containers.find(({ waitingReason }) => NEVER_RAN.has(waitingReason ?? ''))
}

/** Its replacements, but for those that are to be replaced again: they say nothing of today's content. */
function startedPods({ judged, stale }: Assessment, restart: Restart): readonly PodRecord[] {
  const toBeReplaced = new Set(stale.map(({ pod }) => pod))
  return judged
    .map(({ pod }) => pod)
    .filter((pod) => isReplacement(pod, restart) && !toBeReplaced.has(pod))
}

/** The pods of the restart under way that crashed and have not been calm since. */
export function crashedPods(
  assessment: Assessment,
  now: number,
): readonly ({ readonly pod: PodRecord } & Crashes)[] {
  const { workload, judged, ledger, settings } = assessment
  if (!ledger?.restart) return []
  const pods = judged.map(({ pod }) => pod)
  const patience = {
    calm: workload.minReady + settings.settle,
    deadline: deadlineOf(workload, settings),
  }
  return startedPods(assessment, withTemplate(ledger.restart, pods))
    .map((pod) => ({ pod, ...crashesOf(pod, patience, now) }))
    .filter(({ count }) => count > 0)
}

/** One that is shown running has run, whether or not its ID is known. */
function hasRun({ containers }: PodRecord): boolean {
  return containers.some(({ id, state }) => id !== undefined || state !== 'waiting')
}

/**
 * Whether the restart still waits for a pod: as many as it took away (of a rollout all) are not Ready again. Where none is
 * owed, those that are late were added by somebody else, such as an autoscaler.
 */
function isOwed({ workload, judged }: Assessment, restart: Restart): boolean {
  const began = Math.min(restart.replicas ?? Infinity, workload.replicas)
  const others = judged.filter(({ pod }) =>
    isReplacement(pod, restart) ? pod.readyAt !== undefined : restart.strategy === 'evict',
  )
  return began > others.length
}

/** A rollout takes nothing away before its first new pod is Ready: one that finds no place is its own trouble. */
function neverRan(
  { workload }: Assessment,
  { strategy }: Restart,
  pod: PodRecord,
  deadline: number,
): FoundFailure {
  const blocked = blockedContainer(pod)
  const where = pod.scheduledAt === undefined ? 'found no node' : 'did not start'
  const why = blocked ? `: container ${blocked.name} waits, ${blocked.waitingReason ?? ''}` : ''
  const message = `pod ${pod.ref.name} ${where} within ${deadline / 1000} s${why}`
  if (blocked) return { kind: 'CannotStart', message }
  const surges = strategy === 'rollout' && (workload.rollout?.maxSurge ?? 0) > 0
  const recreates = workload.rollout?.recreates === true
  return { kind: surges && !recreates ? 'Blocked' : 'CannotStart', message }
}

/** Pods that the controller does not make, for the whole of a deadline. */
function neverCreated(
  assessment: Assessment,
  restart: Restart,
  deadline: number,
  now: number,
): FoundFailure | undefined {
  const { workload, judged, pods } = assessment
  const { replicas } = workload
  if (now >= missingFrom(assessment) + deadline) {
    const missing = Math.min(restart.replicas ?? Infinity, replicas) - judged.length
    if (missing > 0 && workload.rollout?.recreates && pods.some((pod) => pod.terminating)) {
      const message = `${missing} of ${replicas} pods were not created within ${deadline / 1000} s: old ones are still terminating`
      return { kind: 'Blocked', message }
    }
    if (missing > 0) return notCreated(workload, `${missing} of ${replicas} pods were`, deadline)
  }
  if (now < rolloutStallsAt(assessment, deadline)) return undefined
  const updated = judged.filter(({ pod }) => isReplacement(pod, restart)).length
  return notCreated(workload, `${replicas - updated} of ${replicas} new pods were`, deadline)
}

/** Since when pods are missing that the restart may be owed (ms); Infinity if none are. */
function missingFrom({ workload, missingSince, pending }: Assessment): number {
  return Math.max(workload.creationRefusedSince ?? missingSince ?? Infinity, pending.owedSince)
}

/** Pods were not created, by whoever says no to them. */
function notCreated(
  { ref: { kind }, creationRefusedBy: by }: WorkloadRecord,
  which: string,
  deadline: number,
): FoundFailure {
  const who = by ? `${by.kind} ${by.name} refuses them` : `the ${kind} does not say why`
  const message = `${which} not created within ${deadline / 1000} s: ${who}`
  return { kind: by?.kind === 'ResourceQuota' ? 'Blocked' : 'CannotStart', message }
}

/** When the next failure may be found, or the next pod given up, by time alone (ms). */
export function nextDeadline(assessment: Assessment, now: number): number {
  const { workload, judged, settings, ledger, missingSince } = assessment
  const deadline = deadlineOf(workload, settings)
  const unready = judged.filter(({ pod }) => pod.readyAt === undefined)
  // Past these a pod is stuck, whoever made it.
  const times = [
    ...unready.map(({ pod }) => waitsSince(pod) + deadline),
    (missingSince ?? Infinity) + deadline,
  ]
  const restart = ledger?.restart
  if (restart) {
    const own = judged.filter(({ pod }) => isReplacement(pod, restart))
    times.push(
      ...own.map(({ pod }) => givenUpAt(pod, workload, settings)),
      ...own.map(({ pod }) => failsAt(assessment, pod, deadline)),
      missingFrom(assessment) + deadline,
      stepEndsAt(assessment),
      rolloutStallsAt(assessment, deadline),
      rolloutEndsAt(assessment, now),
    )
  }
  // One may be past its deadline, and wait for its turn to be replaced again.
  return Math.min(...times.filter((time) => time > now))
}

/** The contents that a restart is for: other content of the same sources ends its failure. */
export function suspects(assessment: Assessment): readonly Content[] {
  const { uses, source: sourceOf } = assessment
  const changed = new Set(changedSources(assessment))
  return uses
    .filter(({ source }) => changed.has(source))
    .flatMap(({ source, selector: key }) => {
      const digest = digestOf(sourceOf(source), key)
      return digest === undefined ? [] : [{ source, key, digest }]
    })
}

/**
 * Whether a failure stands. It ends when the content changes again, when its new pods have been Available for a while, or
 * when a person resumes exactly this one; an old id left in Git does nothing.
 */
export function stands(failure: Failure, assessment: Assessment, now: number): boolean {
  const { settings, sources, source: sourceOf } = assessment
  if (settings.resume === failure.id) return false
  if (failure.kind === 'Undone' && mayEvictInstead(assessment)) return false
  const changed = failure.contents.some(({ source, key, digest }) => {
    // What is gone or not known now is no other content.
    const now = sources.has(source) ? digestOf(sourceOf(source), key) : undefined
    return now !== undefined && now !== ABSENT && now !== digest
  })
  return !changed && now < recoveredAt(assessment, now)
}

/**
 * When the failure will be over if nothing happens (ms). Stale pods are not asked: they tell nothing of the content that
 * failed, and where the old credential is dead they never get well. Infinity while a pod is away, and where there are
 * only stale ones: the pod that failed was scaled away, or its rollout undone, which proves nothing.
 */
export function recoveredAt(assessment: Assessment, now: number): number {
  const { workload, judged, stale } = assessment
  const old = new Set(stale.map(({ pod }) => pod.ref.uid))
  const others = judged.filter(({ pod }) => !old.has(pod.ref.uid))
  if (others.length === 0 || availability(assessment, now).away > 0) return Infinity
  const calm = others.map(({ pod }) => (pod.readyAt ?? Infinity) + workload.minReady)
  return Math.max(...calm) + RECOVERED_AFTER
}
