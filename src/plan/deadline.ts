/**
 * How long a replacement may take before it counts as failed. Pure.
 */
import type { DeploymentRecord } from '../consumers/deployment.ts'
import type { PodRecord } from '../consumers/pod.ts'
import type { Settings } from '../consumers/settings.ts'

/** However patient the Deployment is (ms). */
const LONGEST = 30 * 60_000

/** The `progress-deadline` of the workload, else the Deployment's own, in milliseconds. */
export function deadlineOf(
  { progressDeadline }: DeploymentRecord,
  settings?: Pick<Settings, 'progressDeadline'>,
): number {
  return settings?.progressDeadline ?? Math.min(progressDeadline, LONGEST)
}

/**
 * Since when a pod that is not Ready is waited for (ms): one that was and is not any more has as long as a new one to
 * come back.
 */
export function waitsSince({ createdAt, scheduledAt, unreadyAt }: PodRecord): number {
  return Math.max(scheduledAt ?? createdAt, unreadyAt ?? -Infinity)
}

/**
 * When a replacement that is not Available yet is waited for no longer (ms): at its deadline, and one that comes and goes
 * at twice that, so that it blocks nobody for ever.
 */
export function givenUpAt(pod: PodRecord, deadline: number): number {
  const atLast = (pod.scheduledAt ?? pod.createdAt) + 2 * deadline
  return pod.readyAt === undefined ? Math.min(atLast, waitsSince(pod) + deadline) : atLast
}
