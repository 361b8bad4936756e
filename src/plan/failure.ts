/**
 * When a restart has failed, which kind of failure it is, and when it ends. Pure (docs/how-it-decides.md).
 */
import type { Content, Failure, Restart } from '../consumers/consumer.ts'
import type { DeploymentRecord } from '../consumers/deployment.ts'
import type { PodRecord } from '../consumers/pod.ts'
import { today } from '../secrets/timeline.ts'
import type { Assessment } from './assessment.ts'
import { availability, calmSince } from './availability.ts'
import { deadlineOf, givenUpAt, waitsSince } from './deadline.ts'
import { changedSources } from './groups.ts'
import { isReplacement, withTemplate } from './replacement.ts'

/** How long the new pods must have been Available for a failure to be over (ms). */
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
  const { deployment, judged, settings, stale } = assessment
  const deadline = deadlineOf(deployment, settings)
  // What is wrong with a pod that is to be replaced again says nothing of today's content.
  const toBeReplaced = new Set(stale.map(({ pod }) => pod))
  const started = judged
    .map(({ pod }) => pod)
    .filter((pod) => isReplacement(pod, restart) && !toBeReplaced.has(pod))
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
    const restless = restarts(pod) > MOST_RESTARTS && now < calmSince(assessment, pod)
    if (restless || isCrashLooping(pod)) return ofKind(`pod ${name} crashes again and again`)
    if (pod.readyAt !== undefined || now < waitsSince(pod) + deadline) continue
    if (pod.containers.some(({ id }) => id !== undefined)) {
      return ofKind(`pod ${name} was not Ready within ${deadline / 1000} s`)
    }
    const where = pod.scheduledAt === undefined ? 'found no node' : 'did not start'
    return { kind: 'CannotStart', message: `pod ${name} ${where} within ${deadline / 1000} s` }
  }
  const { desired } = availability(assessment, now)
  const owed = desired - judged.length
  if (owed > 0 && now >= refusedSince(assessment) + deadline) {
    return notCreated(deployment, `${owed} of ${desired} pods were`, deadline)
  }
  return undefined
}

/** Pods were not created, by whoever says no to them. */
function notCreated(
  { creationRefusedBy: by }: DeploymentRecord,
  which: string,
  deadline: number,
): FoundFailure {
  const who = by ? `${by.kind} ${by.name} refuses them` : 'the Deployment does not say why'
  const message = `${which} not created within ${deadline / 1000} s: ${who}`
  return { kind: by?.kind === 'ResourceQuota' ? 'Blocked' : 'CannotStart', message }
}

/** When the next failure may be found, or the next pod given up, by time alone (ms). */
export function nextDeadline(assessment: Assessment, now: number): number {
  const { deployment, judged, settings, ledger } = assessment
  const restart = ledger?.restart
  if (!restart) return Infinity
  const deadline = deadlineOf(deployment, settings)
  const waiting = judged
    .map(({ pod }) => pod)
    .filter((pod) => isReplacement(pod, restart) && pod.readyAt === undefined)
  const times = waiting.flatMap((pod) => [waitsSince(pod) + deadline, givenUpAt(pod, deadline)])
  // One may be past its deadline, and wait for its turn to be replaced again.
  return Math.min(...[...times, refusedSince(assessment) + deadline].filter((time) => time > now))
}

/** Since when new pods are refused that Sluice may be owed (ms); Infinity if none are. */
function refusedSince({ deployment, pending }: Assessment): number {
  return Math.max(deployment.creationRefusedSince ?? Infinity, pending.owedSince)
}

/** In CrashLoopBackOff, or restarted more than once since it was created. */
export function isCrashLooping(pod: PodRecord): boolean {
  return (
    pod.containers.some(({ waitingReason }) => waitingReason === 'CrashLoopBackOff') ||
    (pod.readyAt === undefined && restarts(pod) > MOST_RESTARTS)
  )
}

/** How often the container of a pod was restarted that was restarted most. */
function restarts({ containers }: PodRecord): number {
  return Math.max(0, ...containers.map((each) => each.restarts))
}

/** The contents that a restart is for: other content of the same sources ends its failure. */
function suspects(assessment: Assessment): readonly Content[] {
  const changed = new Set(changedSources(assessment))
  return [...assessment.sources]
    .filter(([source]) => changed.has(source))
    .flatMap(([source, { timelines }]) =>
      [...timelines].map(([key, timeline]) => ({ source, key, digest: today(timeline).digest })),
    )
}

/**
 * Whether a failure stands. It ends when the content changes again, when its new pods have been Available for a while, or
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

/**
 * When the failure will be over if nothing happens (ms). Stale pods are not asked: they tell nothing of the content that
 * failed, and where the old credential is dead they never get well. Infinity while a pod is away, and where there are
 * only stale ones: the pod that failed was scaled away, or its rollout undone, which proves nothing.
 */
export function recoveredAt(assessment: Assessment, now: number): number {
  const { deployment, judged, stale } = assessment
  const old = new Set(stale.map(({ pod }) => pod.ref.uid))
  const others = judged.filter(({ pod }) => !old.has(pod.ref.uid))
  if (others.length === 0 || availability(assessment, now).away > 0) return Infinity
  const calm = others.map(({ pod }) => (pod.readyAt ?? Infinity) + deployment.minReady)
  return Math.max(...calm) + RECOVERED_AFTER
}
