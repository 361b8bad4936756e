/**
 * A workload as Sluice keeps it, of whatever kind. Pure.
 */
import type { ManagedField } from '../model/managed-time.ts'
import type { Condition } from '../model/condition.ts'
import type { WorkloadRef } from '../model/refs.ts'
import type { Refuser } from '../model/refuser.ts'
import type { PodUses } from './uses.ts'
import type { PodSpec } from './uses.ts'

/** How a workload that can surge, or recreate its pods, brings a new template to them. */
export interface RolloutShape {
  /** All pods go before the first new one comes. */
  readonly recreates: boolean
  /** In pods: how many more a rollout starts at once. */
  readonly maxSurge: number
  /** In pods: how many a rollout takes away at once. */
  readonly maxUnavailable: number
  /** Its owner wrote `maxUnavailable: 0`. A share that rounds down to no pod, as the default does, is no such intent. */
  readonly wantsNoneAway: boolean
  /** Its pods claim what two cannot have at once: a port of the node, or a volume that may be for one node alone. */
  readonly exclusive?: boolean
}

/** A workload, reduced. */
export interface WorkloadRecord {
  readonly ref: WorkloadRef
  readonly resourceVersion: string
  /** Annotations of Sluice's own prefix. */
  readonly annotations: Readonly<Record<string, string>>
  /** Those of the pod template: many charts expose no others. */
  readonly templateAnnotations: Readonly<Record<string, string>>
  /** Another controller that restarts this workload on its own, by name. */
  readonly otherRestarter: string | undefined
  /** How many pods it should have: `spec.replicas`; of a DaemonSet one a node. */
  readonly replicas: number
  /** A rollout would not proceed. */
  readonly paused: boolean
  /** How it rolls out a new template; `undefined` where Sluice restarts this kind by evictions alone. */
  readonly rollout: RolloutShape | undefined
  /** In pods: never more may be unavailable at once, whatever the settings say. */
  readonly mostUnavailable?: number
  /** Its pods are replaced from the highest ordinal down, as its controller does. */
  readonly highestOrdinalFirst?: boolean
  /** Its owner holds a new template back (`OnDelete`): a pod that is evicted would come back from it. */
  readonly newTemplateOnDelete?: boolean
  /** The revision of that template, where the object names it: as long as all pods are of it, nothing is held back. */
  readonly newestRevision?: string | undefined
  /** Milliseconds. */
  readonly minReady: number
  /** `progressDeadlineSeconds` or its like, in milliseconds. */
  readonly progressDeadline: number
  /** The restart id in the pod template, if there is one. */
  readonly restartId: string | undefined
  /** The last id that was in it, as far as this process saw: one that is there no more was taken out. */
  readonly lastRestartId?: string | undefined
  /** What the next pods will consume. */
  readonly uses: PodUses
  /** The controller has seen the newest spec. */
  readonly observed: boolean
  /** Pods of any template, and of the newest one, as the controller counts them. */
  readonly status: { readonly replicas: number; readonly updated: number }
  /** Pods of two templates are as its owner wants it: a partition, or `OnDelete`. */
  readonly mixedTemplates?: boolean
  /** Since when the API server refuses it new pods: a quota is used up, an admission says no. */
  readonly creationRefusedSince?: number | undefined
  /** Who refuses them, where the condition names somebody. */
  readonly creationRefusedBy?: Refuser | undefined
  /** When the controller last saw a rollout get on: a new pod, an Available one, a resumed workload. */
  readonly progressedAt?: number | undefined
  /** The controller has given a rollout up: it made no progress for `progressDeadlineSeconds`. */
  readonly stuck?: boolean
  /** It is being deleted: its pods go with it, and there is no workload any more. */
  readonly deleting?: boolean
}

/** The part of a workload's object that all kinds have in common. */
export interface RawWorkload {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly managedFields?: readonly ManagedField[]
  }
  readonly spec: {
    readonly replicas?: number
    readonly minReadySeconds?: number
    readonly template: {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
      readonly spec: PodSpec
    }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly conditions?: readonly Condition[]
  }
}
