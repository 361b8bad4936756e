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
  if (strategy === 'rollout') return isSameRestart(pod.restartId, id)
  return (
    pod.createdAt > startedAt - CLOCK_SLACK &&
    (templateHash === undefined || pod.templateHash === templateHash)
  )
}

/** The id of a restart that goes on with a rollout of other content: the first one, and what is new in it. */
export function extendedId(id: string, by: string): string {
  return `${firstId(id)}.${by}`
}

/** Whether two ids are of one restart, extended or not. */
export function isSameRestart(a: string | undefined, b: string): boolean {
  return a !== undefined && firstId(a) === firstId(b)
}

function firstId(id: string): string {
  return id.split('.', 1)[0] ?? id
}
