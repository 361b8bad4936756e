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

/** A write was not sent, since another one may lead by now: it is neither done nor failed. */
export class Withheld extends Error {
  override readonly name = 'Withheld'
}

/**
 * Each write resolves once its outcome is in the picture, and rejects with an `ApiError` where it failed or may
 * have failed; {@link Writes.settle} then finds out what is so. It rejects with {@link Withheld} where it was not sent.
 */
export interface Writes {
  record(action: RecordAction): Promise<void>
  forget(action: ForgetAction): Promise<void>
  evict(action: EvictAction): Promise<void>
  patch(action: PatchAction): Promise<void>
  halt(action: HaltAction): Promise<void>
  release(action: ReleaseAction): Promise<void>
  /**
   * By a consistent read: whether a write that failed on the way was done after all. What is read of Consumers and
   * Deployments goes into the picture.
   */
  settle(action: Action): Promise<boolean>
}

/** Does what an action says. */
export function perform(writes: Writes, action: Action): Promise<void> {
  switch (action.kind) {
    case 'record':
      return writes.record(action)
    case 'forget':
      return writes.forget(action)
    case 'evict':
      return writes.evict(action)
    case 'patch':
      return writes.patch(action)
    case 'halt':
      return writes.halt(action)
    case 'release':
      return writes.release(action)
  }
}
