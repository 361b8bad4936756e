/**
 * Holds after a failure: of the workload itself, of its groups, of the cluster.
 */
import type { Failure } from '../../records/consumer.ts'
import { groupsOf } from '../budget/groups.ts'
import type { Hold } from '../../model/hold.ts'
import type { HoldRule } from './gate.ts'

/** The workload's own restart failed. */
export const restartFailed: HoldRule = ({ ledger }) =>
  ledger?.failure && failureHold(ledger.failure)

const REASON_OF = {
  Unfit: 'RestartFailed',
  CannotStart: 'CannotStart',
  Blocked: 'CannotStart',
  Undone: 'RolloutUndone',
} as const satisfies Record<Failure['kind'], Hold['reason']>

/** The hold that a failure is. */
export function failureHold(failure: Failure): Hold {
  const reason = REASON_OF[failure.kind]
  return {
    reason,
    message: `${failure.message}; it ends with other content, when its new pods have been Available for a minute, or by sluice.dev/resume=${failure.id}`,
  }
}

/** A restart of one of its groups failed. */
export const groupHalted: HoldRule = (assessment, { halts }) => {
  const halt = halts.haltOf(groupsOf(assessment))
  if (!halt) return undefined
  return {
    reason: 'GroupHalted',
    message: `Halt ${halt.namespace}/${halt.name}: ${halt.spec?.message ?? 'it cannot be read'}`,
  }
}

/** Restarts of others failed, one after another (src/plan/halts/breakers.ts). */
export const repeatedFailures: HoldRule = ({ workload }, { breakers }) =>
  breakers.holdFor(workload.ref)
