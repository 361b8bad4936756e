/**
 * When each rotation will have reached its last pod: a forecast from what is planned and how long pods took. Pure.
 */
import type { SourceKey } from '../model/refs.ts'
import { endedBy, stateOf, type Hold } from '../model/hold.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import type { Policy } from '../plan/policy.ts'

/**
 * The end of each rotation (ms, API server's clock), by its source; Infinity where a workload waits for somebody, or for
 * its turn behind restarts that do: nobody knows when that will be.
 * @param perPod how long the replacement of one pod takes, settling included (ms)
 */
export function forecast(
  { workloads }: Plan,
  { maxConcurrentRestarts }: Policy,
  perPod: number,
  now: number,
): ReadonlyMap<SourceKey, number> {
  const ends = new Map<SourceKey, number>()
  const moves = workloads.some((each) => isMoving(each))
  let work = 0
  let from = now
  // Workloads stand in the order in which they will be restarted.
  for (const planned of workloads) {
    const { workload, changed, hold } = planned
    if (!isUnfinished(planned)) continue
    const stuck =
      hold !== undefined &&
      (waitsForSomebody(hold) || isBehindOthers(hold, moves) || waitsForNode(planned, now))
    if (!stuck) {
      work += rounds(planned) * perPod
      from = Math.max(from, hold?.until ?? now)
    }
    const end = stuck ? Infinity : from + work / maxConcurrentRestarts
    const { namespace } = workload
    for (const local of changed) {
      const key: SourceKey = `${namespace}/${local}`
      ends.set(key, Math.max(end, ends.get(key) ?? -Infinity))
    }
  }
  return ends
}

function isUnfinished({ stalePods, restart }: PlannedWorkload): boolean {
  return stalePods > 0 || restart !== undefined
}

/** It is being restarted, or begins with this plan, and nothing but time and its pods is in its way. */
function isMoving(planned: PlannedWorkload): boolean {
  const { restart, hold } = planned
  if (!isUnfinished(planned)) return false
  return hold === undefined || (restart !== undefined && !waitsForSomebody(hold))
}

function waitsForSomebody(hold: Hold): boolean {
  return stateOf(hold) !== 'Waiting'
}

/** Its turn comes when a restart ends, and none is on its way to that. */
function isBehindOthers(hold: Hold, moves: boolean): boolean {
  return endedBy(hold) === 'turn' && hold.until === undefined && !moves
}

/** Within this time (ms) the scheduler has found a node where there is one; later the pod waits for a node. */
const SCHEDULED_WITHIN = 30_000

function waitsForNode({ unscheduledSince, hold }: PlannedWorkload, now: number): boolean {
  return (
    hold !== undefined && endedBy(hold) === 'pods' && now >= unscheduledSince + SCHEDULED_WITHIN
  )
}

/** How many times a pod's time the workload takes, one round for what is away already. */
function rounds({ stalePods, availability }: PlannedWorkload): number {
  const { away, limit } = availability
  return Math.ceil(stalePods / limit) + (away > 0 ? 1 : 0)
}
