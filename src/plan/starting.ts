/**
 * How many pods of a workload are starting: what meets the database next. Pure.
 */
import type { DeploymentRecord } from '../consumers/deployment.ts'
import type { PodRecord } from '../consumers/pod.ts'
import type { Assessment } from './assessment.ts'
import { availability } from './availability.ts'
import { deadlineOf } from './deadline.ts'
import { isCrashLooping } from './failure.ts'
import { rollingOut } from './holds/workload.ts'

/** A Deployment with its pods; opted in or not, its pods count. */
export interface Bystander {
  readonly deployment: DeploymentRecord
  readonly pods: readonly PodRecord[]
}

/**
 * Pods that are not yet Available, with a node, whoever started them: a deploy, an autoscaler, a node drain. One that
 * fails (crash loop, or past its deadline) starts no more, and blocks nobody for ever.
 */
export function startingPods({ deployment, pods }: Bystander, now: number): number {
  return pods.filter((pod) => isStarting(pod, deployment, deadlineOf(deployment), now)).length
}

/** The same for a workload in Sluice's care, with what Sluice is owed or has reserved for it. */
export function startingPodsOf(assessment: Assessment, now: number): number {
  const { deployment, judged, ledger, pending, stale } = assessment
  const restart = ledger?.restart
  const owed = restart !== undefined || ledger?.failure !== undefined || pending.evicted.size > 0
  const { away } = availability(assessment, now)
  if (restart?.strategy === 'rollout' && rolloutRuns(assessment)) {
    return Math.max(away, rolloutSize(deployment))
  }
  if (owed) return away
  const deadline = deadlineOf(deployment, assessment.settings)
  // A stale pod that is not Ready is sick, not starting.
  const sick = new Set(stale.map(({ pod }) => pod.ref.uid))
  return judged.filter(
    ({ pod }) => !sick.has(pod.ref.uid) && isStarting(pod, deployment, deadline, now),
  ).length
}

/** How many pods a rollout may start at once: it cannot be stopped half-way, so all of it is reserved. */
export function rolloutSize({
  strategy,
  replicas,
  maxSurge,
  maxUnavailable,
}: DeploymentRecord): number {
  return strategy === 'Recreate'
    ? replicas
    : Math.min(replicas, Math.max(1, maxSurge + maxUnavailable))
}

function rolloutRuns({ deployment, ledger, pending }: Assessment): boolean {
  return (
    pending.write?.kind === 'patch' ||
    (deployment.restartId === ledger?.restart?.id && rollingOut(deployment))
  )
}

function isStarting(
  pod: PodRecord,
  { minReady }: DeploymentRecord,
  deadline: number,
  now: number,
): boolean {
  if (pod.terminal || pod.terminating || pod.scheduledAt === undefined) return false
  if (pod.readyAt !== undefined && pod.readyAt + minReady <= now) return false
  return !isCrashLooping(pod) && now < pod.scheduledAt + deadline
}
