/**
 * Which pods came with a restart. Pure.
 */
import type { Restart } from '../consumers/consumer.ts'
import type { PodRecord } from '../consumers/pod.ts'

/** How far Sluice's idea of the API server's clock may be off, whole seconds included (ms). */
const CLOCK_SLACK = 2000

/** Whether a pod came with the restart; one of another template (somebody deployed meanwhile) did not. */
export function isReplacement(
  pod: PodRecord,
  { id, strategy, startedAt, templateHash }: Restart,
): boolean {
  if (strategy === 'rollout') return pod.restartId === id
  return (
    pod.createdAt > startedAt - CLOCK_SLACK &&
    (templateHash === undefined || pod.templateHash === templateHash)
  )
}
