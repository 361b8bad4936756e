/**
 * When a restart has failed, which kind of failure it is, and when it ends (design section 4.6). Pure.
 */
import type { Content, Failure, Restart } from '../consumers/consumer.ts'
import type { PodRecord } from '../consumers/pod.ts'
import { today } from '../secrets/timeline.ts'
import type { Assessment } from './assessment.ts'
import { availability } from './availability.ts'
import { deadlineOf } from './deadline.ts'
import { isReplacement } from './replacement.ts'

/** How long all pods must have been Available for a failure to be over (ms). */
export const RECOVERED_AFTER = 60_000
/** This many restarts of the containers of a new pod are a failure; one only begins its calm time anew. */
const MOST_RESTARTS = 1

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
export type FoundFailure = Pick<Failure, 'kind' | 'message'>

/**
 * What is wrong with the pods that a restart started, if anything.
 * Pods of another template (somebody deployed meanwhile) are not its doing.
 */
export function findFailure(
  assessment: Assessment,
  restart: Restart,
  now: number,
): FoundFailure | undefined {
  const { deployment, judged, settings, pending } = assessment
  const deadline = deadlineOf(deployment, settings)
  const started = judged.map(({ pod }) => pod).filter((pod) => isReplacement(pod, restart))
  const ofKind = (unfit: string): FoundFailure => ({
    kind: restart.wasUnwell ? 'CannotStart' : 'Unfit',
    message: unfit,
  })
  for (const pod of started) {
    const { name } = pod.ref
    const blocked = pod.containers.find(({ waitingReason }) => NEVER_RAN.has(waitingReason ?? ''))
    if (blocked) {
      const message = `container ${blocked.name} of pod ${name} cannot start: ${blocked.waitingReason ?? ''}`
      return { kind: 'CannotStart', message }
    }
    if (isCrashLooping(pod)) return ofKind(`pod ${name} crashes again and again`)
    const late = pod.readyAt === undefined && now >= (pod.scheduledAt ?? pod.createdAt) + deadline
    if (!late) continue
    if (pod.containers.some(({ id }) => id !== undefined)) {
      return ofKind(`pod ${name} was not Ready within ${deadline / 1000} s`)
    }
    const where = pod.scheduledAt === undefined ? 'found no node' : 'did not start'
    return { kind: 'CannotStart', message: `pod ${name} ${where} within ${deadline / 1000} s` }
  }
  const { desired } = availability(assessment, now)
  const owed = desired - judged.length
  if (owed > 0 && now >= pending.owedSince + deadline) {
    const message = `${owed} of ${desired} pods were not created within ${deadline / 1000} s; a quota may be used up`
    return { kind: 'CannotStart', message }
  }
  return undefined
}

/** When the next failure may be found by time alone (ms). */
export function nextDeadline({ deployment, judged, settings, ledger }: Assessment): number {
  const restart = ledger?.restart
  if (!restart) return Infinity
  const waiting = judged
    .map(({ pod }) => pod)
    .filter((pod) => isReplacement(pod, restart) && pod.readyAt === undefined)
  const from = Math.min(...waiting.map((pod) => pod.scheduledAt ?? pod.createdAt))
  return from + deadlineOf(deployment, settings)
}

/** In CrashLoopBackOff, or restarted more than once since it was created. */
export function isCrashLooping({ containers, readyAt }: PodRecord): boolean {
  return containers.some(
    ({ waitingReason, restarts }) =>
      waitingReason === 'CrashLoopBackOff' || (readyAt === undefined && restarts > MOST_RESTARTS),
  )
}

/** What the workload consumes today: other content ends a failure. */
export function contentsOf({ sources }: Assessment): readonly Content[] {
  return [...sources].flatMap(([source, { timelines }]) =>
    [...timelines].map(([key, timeline]) => ({ source, key, digest: today(timeline).digest })),
  )
}

/**
 * Whether a failure stands. It ends when the content changes again, when all pods have been Available for a while, or
 * when a person resumes exactly this one; an old id left in Git does nothing.
 */
export function stands(failure: Failure, assessment: Assessment, now: number): boolean {
  const { settings, sources } = assessment
  if (settings.resume === failure.id) return false
  const changed = failure.contents.some(({ source, key, digest }) => {
    const timeline = sources.get(source)?.timelines.get(key)
    return timeline !== undefined && today(timeline).digest !== digest
  })
  return !changed && now < recoveredAt(assessment, now)
}

/** When the failure will be over if nothing happens (ms); Infinity while a pod is away. */
export function recoveredAt(assessment: Assessment, now: number): number {
  const { deployment, judged } = assessment
  const { away } = availability(assessment, now)
  const calm = judged.map(({ pod }) => (pod.readyAt ?? Infinity) + deployment.minReady)
  return away > 0 || judged.length === 0 ? Infinity : Math.max(...calm) + RECOVERED_AFTER
}
