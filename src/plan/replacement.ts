/**
 * Which pods came with a restart. Pure.
 */
import type { Restart } from '../consumers/consumer.ts'
import type { PodRecord } from '../consumers/pod.ts'

/** Whether a pod came with the restart; one of another template (somebody deployed meanwhile) did not. */
export function isReplacement(
  pod: PodRecord,
  { id, strategy, startedAt, templateHash }: Restart,
): boolean {
  if (strategy === 'rollout') return pod.restartId === id
  const since = Math.floor(startedAt / 1000) * 1000
  return pod.createdAt >= since && (templateHash === undefined || pod.templateHash === templateHash)
}
