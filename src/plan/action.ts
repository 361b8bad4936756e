/**
 * What a plan asks for: data, done by `restart/`.
 */
import type { ConsumerStatus, Restart } from '../records/consumer.ts'
import type { HaltSpec } from '../records/halt.ts'
import { describeWorkload, type PodRef, type WorkloadRef } from '../model/refs.ts'
import type { Hold } from '../model/hold.ts'

/** Why a Consumer is written. */
export type RecordCause =
  /** First sight: today's content becomes the baseline. */
  | 'adopted'
  /** A consumed content changed, or a change needs no restart (any more). */
  | 'changed'
  /** A restart begins: written before its first eviction or patch. */
  | 'started'
  /** The patch of a restart is in the template: where it vanishes from now on, somebody undid it. */
  | 'patched'
  /** A restart ended. */
  | 'finished'
  /** A restart failed. */
  | 'failed'
  /** The Halts of a failure are there: one that is deleted from now on was released by a person. */
  | 'halted'
  /** A failure is over. */
  | 'recovered'
  /** Nothing but what people read. */
  | 'reported'

/** Writes the Consumer of a workload, and creates it where there is none. */
export interface RecordAction {
  readonly kind: 'record'
  readonly workload: WorkloadRef
  readonly cause: RecordCause
  readonly status: ConsumerStatus
  /** The restart that ends with this record. */
  readonly ended: Restart | undefined
}

/** Deletes a Consumer that is no record of this workload: it opted out, or another of its name owns it. */
export interface ForgetAction {
  readonly kind: 'forget'
  readonly workload: WorkloadRef
  readonly consumer: { readonly namespace: string; readonly name: string; readonly uid: string }
}

/** Evicts one pod of a workload. */
export interface EvictAction {
  readonly kind: 'evict'
  readonly workload: WorkloadRef
  readonly pod: PodRef
  /** Whether it is Ready: a PodDisruptionBudget may refuse one that is not for as long as others are not. */
  readonly ready: boolean
  /** Replicas of the workload: a budget that needs as many can never allow an eviction. */
  readonly desired: number
}

/** Sets the restart id in the pod template, once. */
export interface PatchAction {
  readonly kind: 'patch'
  readonly workload: WorkloadRef
  readonly restart: Restart
  /** Precondition: the Deployment as it was judged. */
  readonly resourceVersion: string
}

/** Halts a group. */
export interface HaltAction {
  readonly kind: 'halt'
  readonly namespace: string
  readonly name: string
  readonly spec: HaltSpec
}

/** Deletes a Halt that is over. */
export interface ReleaseAction {
  readonly kind: 'release'
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** An action for one workload. */
export type WorkloadAction = RecordAction | ForgetAction | EvictAction | PatchAction

export type Action = WorkloadAction | HaltAction | ReleaseAction

/** How an action ended: `error` and the hold that follows from it where it failed. */
export interface ActionOutcome {
  readonly error?: unknown
  readonly refusal?: Hold | undefined
}

/** What an action is about, in words. */
export function describeTarget(action: Action): string {
  if (action.kind === 'halt' || action.kind === 'release') {
    return `Halt ${action.namespace}/${action.name}`
  }
  return describeWorkload(action.workload)
}
