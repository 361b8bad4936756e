/**
 * The turn of a write at the queue: who goes first, and what is withdrawn while it waits. Pure.
 */
import type {
  Action,
  ForgetAction,
  RecordAction,
  RecordCause,
  WorkloadAction,
} from '../plan/action.ts'

/** What moves a restart goes first, then what is written down, then what nobody but people reads. */
export const RANKS = ['move', 'record', 'report'] as const
export type Rank = (typeof RANKS)[number]

/** What a write and the queue tell each other. */
export interface QueueTicket {
  readonly rank: Rank
  /** Aborts with the reason for which the write is not wanted any more; by then it waits, or has been sent. */
  readonly signal?: AbortSignal | undefined
  /** Its turn has come: it is sent now. */
  readonly begins: () => void
}

const RANK_OF: Partial<Record<RecordCause, Rank>> = {
  adopted: 'record',
  changed: 'record',
  reported: 'report',
}

export function rankOf(action: Action): Rank {
  if (action.kind === 'forget') return 'record'
  if (action.kind !== 'record') return 'move'
  // A restart under way waits for it.
  const isAwaited = action.cause === 'changed' && action.status.ledger.restart !== undefined
  return (!isAwaited && RANK_OF[action.cause]) || 'move'
}

/**
 * What is not to be done any more once things look different: while it waits it is a wish of the newest plan, which
 * wishes for it again or does not (the kill switch, a Halt, content that came back).
 */
export function isStep(action: Action): action is WorkloadAction {
  if (action.kind === 'record') return action.cause === 'started'
  return action.kind === 'evict' || action.kind === 'patch'
}

/** A write of the workload's Consumer. */
export function isRecord(action: Action): action is RecordAction | ForgetAction {
  return action.kind === 'record' || action.kind === 'forget'
}

/** Whatever else is written of the workload tells the same: it takes the place of a report that waits. */
export function isReport(action: Action): action is RecordAction {
  return action.kind === 'record' && action.cause === 'reported'
}

/** Equal for the same wish of two plans; a patch is for the Deployment as it was judged. */
export function wishOf(action: Action): string {
  switch (action.kind) {
    case 'evict':
      return `evict ${action.pod.uid}`
    case 'patch':
      return `patch ${action.workload.uid} ${action.restart.id} ${action.resourceVersion}`
    case 'record':
      return `${action.cause} ${action.workload.uid}`
    case 'forget':
      return `forget ${action.consumer.uid}`
    case 'halt':
    case 'release':
      return `${action.kind} ${action.namespace}/${action.name}`
  }
}
