/**
 * What people, other controllers and bad luck do in a simulation, and when.
 */
import type { Policy } from '../../../src/plan/policy.ts'
import type { Image, Stuck, Trouble } from './state.ts'

/** One of them; workloads, Secrets and pods are told by a number, of which the remainder counts. */
export type Incident =
  /** A Secret is written. */
  | { readonly kind: 'write'; readonly secret: number; readonly value: string }
  /** A Secret is deleted; the next write creates it again. */
  | { readonly kind: 'delete'; readonly secret: number }
  /** A pod is evicted by somebody else. */
  | { readonly kind: 'drain'; readonly workload: number; readonly pod: number }
  /** A pod is not Ready for a while. */
  | { readonly kind: 'flap'; readonly workload: number; readonly pod: number; readonly for: number }
  | { readonly kind: 'scale'; readonly workload: number; readonly replicas: number }
  | {
      readonly kind: 'deploy'
      readonly workload: number
      readonly image: Image
      readonly keepsRestartId: boolean
    }
  | { readonly kind: 'remove'; readonly workload: number }
  | { readonly kind: 'limit'; readonly workload: number; readonly maxUnavailable: number }
  | { readonly kind: 'pause'; readonly workload: number; readonly paused: boolean }
  | { readonly kind: 'trouble'; readonly of: keyof Trouble; readonly for: number }
  /** Something is wrong with one workload alone. */
  | { readonly kind: 'stuck'; readonly workload: number; readonly by: Stuck; readonly for: number }
  /** A person resumes every failure that stands. */
  | { readonly kind: 'resume' }
  /** A person deletes every Halt. */
  | { readonly kind: 'release' }
  /** Sluice is killed and comes back, perhaps with another configuration. */
  | { readonly kind: 'kill'; readonly policy: Partial<Policy> }

export interface Timed {
  /** Milliseconds after the start. */
  readonly at: number
  readonly incident: Incident
}
