/**
 * The writes that carry out a plan. Two kinds exist: to the API server, and, in mode `observe`, to memory.
 */
import type {
  Action,
  EvictAction,
  ForgetAction,
  HaltAction,
  PatchAction,
  RecordAction,
  ReleaseAction,
} from '../plan/action.ts'
import type { QueueTicket } from './queue-ticket.ts'

/**
 * Each write waits for its turn where there is a queue, and tells when that begins. It resolves
 * once its outcome is in the picture, and rejects with an `ApiError` where it failed or may have failed;
 * {@link Writes.settle} then finds out what is so. It rejects with `NotSent` where it was not sent.
 */
export interface Writes {
  record(action: RecordAction, turn: QueueTicket): Promise<void>
  forget(action: ForgetAction, turn: QueueTicket): Promise<void>
  evict(action: EvictAction, turn: QueueTicket): Promise<void>
  patch(action: PatchAction, turn: QueueTicket): Promise<void>
  halt(action: HaltAction, turn: QueueTicket): Promise<void>
  release(action: ReleaseAction, turn: QueueTicket): Promise<void>
  /**
   * By a consistent read: whether a write that failed on the way was done after all. What is read of Consumers and
   * Deployments goes into the picture.
   */
  settle(action: Action): Promise<boolean>
}

/** Does what an action says. */
export function perform(writes: Writes, action: Action, turn: QueueTicket): Promise<void> {
  switch (action.kind) {
    case 'record':
      return writes.record(action, turn)
    case 'forget':
      return writes.forget(action, turn)
    case 'evict':
      return writes.evict(action, turn)
    case 'patch':
      return writes.patch(action, turn)
    case 'halt':
      return writes.halt(action, turn)
    case 'release':
      return writes.release(action, turn)
  }
}
