/**
 * The form of every hold rule: one function a reason. Their order is in gates.ts.
 */
import type { Fault } from '../../model/fault.ts'
import type { Assessment } from '../judge/assessment.ts'
import type { Availability } from '../judge/availability.ts'
import type { Breakers } from '../halts/breakers.ts'
import type { Halts } from '../halts/halts.ts'
import type { Hold } from '../../model/hold.ts'
import type { Policy } from '../policy.ts'

/** What a rule may look at besides the workload. */
export interface Situation {
  /** Why what is seen may be old. */
  readonly blind?: string | undefined
  readonly policy: Policy
  /** The kill switch, or why it cannot be read. */
  readonly paused: boolean | Fault
  readonly halts: Halts
  readonly breakers: Pick<Breakers, 'holdFor'>
  /** API server's clock, milliseconds. */
  readonly now: number
  readonly availability: Availability
}

/** A reason not to act on this workload now, or undefined. */
export type HoldRule = (workload: Assessment, situation: Situation) => Hold | undefined

/** The longest message of a hold (characters): it names what tenants wrote, and is written down and logged. */
const LONGEST_MESSAGE = 2_000

/** A hold whose message has an end. */
export function withShortMessage(hold: Hold): Hold {
  const { message } = hold
  if (message.length <= LONGEST_MESSAGE) return hold
  return { ...hold, message: `${message.slice(0, LONGEST_MESSAGE - 1)}…` }
}
