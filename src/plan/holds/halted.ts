/**
 * Holds after a failure: of the workload itself, of its groups, of the cluster.
 */
import type { Failure } from '../../consumers/consumer.ts'
import { groupsOf } from '../groups.ts'
import { haltOf } from '../halts.ts'
import type { Hold } from '../hold.ts'
import type { HoldRule } from './rule.ts'

/** How many workloads that cannot start are an outage of something else: a registry, or capacity. */
const OUTAGE = 2

/** The workload's own restart failed. */
export const restartFailed: HoldRule = ({ ledger }) =>
  ledger?.failure && failureHold(ledger.failure)

/** The hold that a failure is. */
export function failureHold(failure: Failure): Hold {
  const reason = failure.kind === 'Unfit' ? 'RestartFailed' : 'CannotStart'
  return {
    reason,
    message: `${failure.message}; it ends with other content, when all pods have been Available for a minute, or by sluice.dev/resume=${failure.id}`,
  }
}

/** A restart of one of its groups failed, or a breaker opened. */
export const groupHalted: HoldRule = (assessment, { halts, namespace }) => {
  const halt = haltOf(groupsOf(assessment), halts, namespace)
  if (!halt) return undefined
  const until = halt.spec?.until
  return {
    reason:
      halt.spec?.reason === 'MassChange'
        ? 'MassChange'
        : halt.spec?.reason === 'SourceFlapping'
          ? 'SourceFlapping'
          : 'GroupHalted',
    message: `Halt ${halt.namespace}/${halt.name}: ${halt.spec?.message ?? 'it cannot be read'}`,
    ...(until !== undefined && { until }),
  }
}

/** Two workloads cannot start: whatever is wrong would meet the next one too. */
export const outage: HoldRule = ({ ledger }, { cannotStart }) =>
  cannotStart.length >= OUTAGE && ledger?.failure === undefined
    ? {
        reason: 'Outage',
        message: `${cannotStart.join(', ')} cannot start their pods: nothing more is started`,
      }
    : undefined
