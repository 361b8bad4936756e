/**
 * `/status`: what runs, what waits and why, as JSON.
 */
import type { Plan } from '../plan/plan.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import type { SourceKey } from '../model/refs.ts'

/** The answer of `/status`, from the last plan and the forecast of its rotations (ms, by source). */
export function statusOf(
  plan: Pick<Plan, 'workloads'>,
  ends: ReadonlyMap<SourceKey, number>,
): Record<string, unknown> {
  const workloads = plan.workloads.map(describe)
  return {
    rotations: [...ends].map(([source, end]) => ({
      source,
      // Held until somebody does something: no end can be told.
      eta: end < Infinity ? new Date(end).toISOString() : undefined,
    })),
    running: workloads.filter(({ restart }) => restart !== undefined),
    waiting: workloads.filter(({ restart, stalePods }) => restart === undefined && stalePods > 0),
    calm: workloads.filter(({ restart, stalePods }) => restart === undefined && stalePods === 0),
  }
}

function describe(planned: PlannedWorkload) {
  const { workload, counts, staleSince, restart, availability, hold } = planned
  const { kind, namespace, name } = workload
  const { away, limit, desired } = availability
  return {
    kind,
    namespace,
    name,
    desired,
    stalePods: counts.stale,
    unprovenPods: counts.unproven,
    unknownPods: counts.unknown,
    freshPods: counts.fresh,
    staleSince: staleSince < Infinity ? new Date(staleSince).toISOString() : undefined,
    unavailablePods: away,
    maxUnavailable: limit,
    restart,
    hold: hold && { ...hold, until: hold.until && new Date(hold.until).toISOString() },
  }
}
