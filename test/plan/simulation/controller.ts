/**
 * What the Deployment and ReplicaSet controllers do next for one Deployment: as many pods as there shall be, of the
 * newest template, within maxSurge and maxUnavailable. Pure.
 */
import type { SimulatedDeployment, SimulatedPod } from './state.ts'

export interface Step {
  readonly create: number
  readonly remove: readonly SimulatedPod[]
}

/** The next step. `pods` are those of the Deployment, the going ones included. */
export function nextStep(
  { record, hash }: SimulatedDeployment,
  pods: readonly SimulatedPod[],
  now: number,
): Step {
  const { replicas, minReady } = record
  const { recreates = false, maxSurge = 0, maxUnavailable = 1 } = record.rollout ?? {}
  const isAvailable = ({ record: { readyAt } }: SimulatedPod) =>
    readyAt !== undefined && readyAt + minReady <= now
  const isNew = (pod: SimulatedPod) => pod.record.templateHash === hash
  const live = pods.filter((pod) => !pod.record.terminating)
  const old = live.filter((pod) => !isNew(pod))
  // As long as it is paused a rollout stands still; pods that are gone come back.
  if (record.paused && old.length > 0) {
    return { create: Math.max(0, replicas - live.length), remove: [] }
  }
  if (recreates && pods.some((pod) => !isNew(pod))) return { create: 0, remove: old }
  if (old.length === 0) {
    const extra = Math.max(0, live.length - replicas)
    return { create: Math.max(0, replicas - live.length), remove: byHealth(live).slice(0, extra) }
  }
  const young = live.filter(isNew)
  const most = replicas + Math.max(maxSurge, maxUnavailable === 0 ? 1 : 0)
  const create = Math.max(0, Math.min(replicas - young.length, most - live.length))
  const least = replicas - maxUnavailable
  const available = live.filter(isAvailable).length
  const sick = old.filter((pod) => !isAvailable(pod))
  const unavailable = young.filter((pod) => !isAvailable(pod)).length
  const removable = Math.max(0, live.length - least - unavailable)
  const healthy = old.filter(isAvailable).slice(0, Math.max(0, available - least))
  return { create, remove: [...sick.slice(0, removable), ...healthy].slice(0, removable) }
}

/** Those that are not Ready go first, then the youngest. */
function byHealth(pods: readonly SimulatedPod[]): readonly SimulatedPod[] {
  return pods.toSorted(
    (a, b) => Number(a.record.ready) - Number(b.record.ready) || b.bornAt - a.bornAt,
  )
}
