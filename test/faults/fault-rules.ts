/**
 * Faults that a test names one by one.
 */
import type { Fault, FaultPlan, RequestFault, SeenRequest, WatchFault } from './fault.ts'

/** A fault for the requests that match. */
export interface Rule {
  /** Fields that must be equal; verb `watch` for the faults of watches. */
  readonly on: Partial<SeenRequest>
  readonly fault: Fault
  /** How many requests it is for: 1 if not given. */
  readonly times?: number
}

/** Nothing goes wrong. */
export const NO_FAULTS: FaultPlan = { request: () => undefined, watch: () => [] }

/** The first rule that matches and is not used up counts for a request; for a watch all of them do. */
export function faultRules(...rules: readonly Rule[]): FaultPlan {
  const left = new Map(rules.map((rule) => [rule, rule.times ?? 1]))
  const matching = function* (seen: SeenRequest): Generator<Fault> {
    for (const [rule, times] of left) {
      if (times === 0 || !matches(rule.on, seen)) continue
      left.set(rule, times - 1)
      yield rule.fault
    }
  }
  return {
    request(seen) {
      const [fault] = matching(seen).take(1)
      return fault as RequestFault | undefined
    },
    watch: (seen) => [...matching(seen)] as WatchFault[],
  }
}

function matches(on: Partial<SeenRequest>, seen: SeenRequest): boolean {
  return Object.entries(on).every(([field, value]) => seen[field as keyof SeenRequest] === value)
}
