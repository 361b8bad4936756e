/**
 * What a plan says of one workload.
 */
import type { Assessment } from './judge/assessment.ts'
import type { Availability } from './judge/availability.ts'
import type { Hold } from '../model/hold.ts'

/** One workload in the plan. */
export interface PlannedWorkload {
  readonly assessment: Assessment
  readonly availability: Availability
  readonly hold: Hold | undefined
  /** When to look at it again even if nothing happens (ms, API server's clock); Infinity for never. */
  readonly wakeAt: number
}
