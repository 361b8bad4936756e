/**
 * Holds after a failure: of the workload itself, of its groups, of the cluster.
 */
import type { Failure } from '../../consumers/consumer.ts'
import type { WorkloadRef } from '../../refs.ts'
import { groupsOf } from '../groups.ts'
import type { Hold } from '../hold.ts'
import type { HoldRule } from './rule.ts'

/**
 * How many workloads that cannot start are an outage of something else: in one namespace of something of its own (a
 * pull secret, a quota), and so many namespaces of something that all share (a registry, capacity).
 */
const OUTAGE = 2
/** How many of them a message names. */
const NAMED = 3

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

/**
 * Two workloads cannot start: whatever is wrong would meet the next one too. Those of one namespace hold that namespace
 * alone, or whoever can break two workloads of his own could stop everybody (docs/adr/0008-one-namespace-holds-itself.md).
 */
export const outage: HoldRule = ({ deployment, ledger }, { cannotStart }) => {
  if (ledger?.failure !== undefined) return undefined
  const { namespace } = deployment.ref
  const everywhere = new Set(cannotStart.map((each) => each.namespace)).size >= OUTAGE
  const blamed = everywhere
    ? cannotStart
    : cannotStart.filter((each) => each.namespace === namespace)
  if (blamed.length < OUTAGE) return undefined
  const where = everywhere ? 'nothing more is started' : 'nothing more is started in this namespace'
  return { reason: 'Outage', message: `${namesOf(blamed)} cannot start their pods: ${where}` }
}

function namesOf(workloads: readonly WorkloadRef[]): string {
  const names = workloads.slice(0, NAMED).map(({ namespace, name }) => `${namespace}/${name}`)
  const more = workloads.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}
