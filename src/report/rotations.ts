/**
 * Rotations: one change of one source, from the change until no consumer is stale. Derived from plans alone.
 */
import type { Plan } from '../plan/plan.ts'
import { namespacedKey, type NamespacedKey } from '../refs.ts'

/** What became of the rotations with a plan. */
export interface RotationNews {
  readonly active: number
  /** How long each rotation took that ended with this plan, in seconds. */
  readonly ended: readonly number[]
}

/** Follows rotations from plan to plan; `now` is the API server's clock (ms). */
export function createRotationTracker(): (plan: Plan, now: number) => RotationNews {
  let active: ReadonlyMap<NamespacedKey, number> = new Map()
  return (plan, now) => {
    const current = rotationsIn(plan)
    const ended = [...active].filter(([source]) => !current.has(source))
    active = current
    return {
      active: current.size,
      ended: ended.map(([, since]) => Math.max(0, now - since) / 1000),
    }
  }
}

/** Sources that some pod holds stale content of, and since when (ms). */
function rotationsIn({ workloads }: Plan): ReadonlyMap<NamespacedKey, number> {
  const rotations = new Map<NamespacedKey, number>()
  for (const { assessment } of workloads) {
    if (assessment.counts.stale === 0) continue
    const { namespace } = assessment.deployment.ref
    for (const [name, { timelines }] of assessment.sources) {
      const key = namespacedKey({ namespace, name })
      for (const [, firstChange] of timelines.values()) {
        if (!firstChange) continue
        rotations.set(key, Math.min(firstChange.since, rotations.get(key) ?? Infinity))
      }
    }
  }
  return rotations
}
