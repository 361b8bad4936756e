/**
 * Which pods came with a restart. Pure.
 */
import type { Restart } from '../../records/consumer.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import type { Assessment } from './assessment.ts'

/** How far Sluice's idea of the API server's clock may be off, whole seconds included (ms). */
const CLOCK_SLACK = 2000

/** Whether a pod came with the restart; one of another template (somebody deployed meanwhile) did not. */
export function isReplacement(
  pod: PodRecord,
  { id, strategy, startedAt, templateHash }: Restart,
): boolean {
  const came =
    strategy === 'rollout' ? pod.restartId === id : cameAfter(pod.createdAt, { startedAt })
  return came && (templateHash === undefined || pod.templateHash === templateHash)
}

/** Whether a time of the API server, perhaps cut to its second, is later than the beginning of the restart. */
export function cameAfter(time: number, { startedAt }: Pick<Restart, 'startedAt'>): boolean {
  return time > startedAt - CLOCK_SLACK
}

/**
 * Whether the restart under way may have taken a pod away: until it did, pods that are missing are none of its doing. What
 * another process of Sluice did counts from the start of this one.
 */
export function tookAway({ ledger, pending }: Pick<Assessment, 'ledger' | 'pending'>): boolean {
  return ledger?.restart !== undefined && cameAfter(pending.owedSince, ledger.restart)
}

/**
 * The restart with the template of its pods: a rollout makes a new one, which its first pod shows. Who deploys after
 * that keeps the id in his template, and the hash tells his pods from those of the restart.
 */
export function withTemplate(restart: Restart, pods: readonly PodRecord[]): Restart {
  if (restart.strategy !== 'rollout' || restart.templateHash !== undefined) return restart
  const [first] = pods
    .filter(({ restartId }) => restartId === restart.id)
    .sort((a, b) => a.createdAt - b.createdAt)
  return first ? { ...restart, templateHash: first.templateHash } : restart
}
