/**
 * When each rotation will have reached its last pod: a forecast from what is planned and how long pods took. Pure.
 */
import { namespacedKey, type NamespacedKey } from '../refs.ts'
import { changedSources } from './groups.ts'
import { stateOf } from './hold.ts'
import type { Plan } from './plan.ts'
import type { PlannedWorkload } from './planned-workload.ts'
import type { Policy } from './policy.ts'

/**
 * The end of each rotation (ms, API server's clock), by its source; Infinity where a workload is held until somebody
 * does something.
 * @param perPod how long the replacement of one pod takes, settling included (ms)
 */
export function forecast(
  { workloads }: Plan,
  { maxConcurrentRestarts }: Policy,
  perPod: number,
  now: number,
): ReadonlyMap<NamespacedKey, number> {
  const ends = new Map<NamespacedKey, number>()
  let work = 0
  let from = now
  // Workloads stand in the order in which they will be restarted.
  for (const planned of workloads) {
    const { assessment, hold } = planned
    if (assessment.stale.length === 0 && assessment.ledger?.restart === undefined) continue
    const stuck = hold !== undefined && stateOf(hold) !== 'Waiting'
    if (!stuck) {
      work += rounds(planned) * perPod
      from = Math.max(from, hold?.until ?? now)
    }
    const end = stuck ? Infinity : from + work / maxConcurrentRestarts
    const { namespace } = assessment.deployment.ref
    for (const name of changedSources(assessment)) {
      const key = namespacedKey({ namespace, name })
      ends.set(key, Math.max(end, ends.get(key) ?? -Infinity))
    }
  }
  return ends
}

/** How many times a pod's time the workload takes, one round for what is away already. */
function rounds({ assessment, availability }: PlannedWorkload): number {
  const { away, limit } = availability
  return Math.ceil(assessment.stale.length / limit) + (away > 0 ? 1 : 0)
}
