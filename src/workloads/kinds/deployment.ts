/**
 * A Deployment and its ReplicaSets as Sluice keeps them. Pure.
 */
import { ownAnnotations, RESTART_ID } from '../../model/annotations.ts'
import { sharedText } from '../../model/shared-text.ts'
import type { WorkloadRef } from '../../model/refs.ts'
import { sinceWhen, type Condition } from '../../model/condition.ts'
import { otherRestarter } from '../other-restarter.ts'
import { controllerOf, type Intern, type OwnerReference } from '../pod.ts'
import { refuserIn, type Refuser } from '../../model/refuser.ts'
import { usesOf, type PodSpec, type PodUses } from '../uses.ts'

/** A Deployment, reduced. */
export interface DeploymentRecord {
  readonly ref: WorkloadRef
  readonly resourceVersion: string
  /** Annotations of Sluice's own prefix. */
  readonly annotations: Readonly<Record<string, string>>
  /** Those of the pod template: many charts expose no others. */
  readonly templateAnnotations: Readonly<Record<string, string>>
  /** Another controller that restarts this workload on its own, by name. */
  readonly otherRestarter: string | undefined
  /** `spec.replicas`. */
  readonly replicas: number
  /** `spec.paused`: a rollout would not proceed. */
  readonly paused: boolean
  readonly strategy: 'RollingUpdate' | 'Recreate'
  /** In pods, of `spec.replicas`: how many more a rollout starts at once. */
  readonly maxSurge: number
  /** In pods: how many a rollout takes away at once. */
  readonly maxUnavailable: number
  /** Its owner wrote `maxUnavailable: 0`. A share that rounds down to no pod, as the default does, is no such wish. */
  readonly wantsNoneAway: boolean
  /** Its pods claim what two cannot have at once: a port of the node, or a volume that may be for one node alone. */
  readonly exclusive?: boolean
  /** Milliseconds. */
  readonly minReady: number
  /** `progressDeadlineSeconds`, in milliseconds. */
  readonly progressDeadline: number
  /** The restart id in the pod template, if there is one. */
  readonly restartId: string | undefined
  /** The last id that was in it, as far as this process saw: one that is there no more was taken out. */
  readonly lastRestartId?: string | undefined
  /** What the next pods will consume. */
  readonly uses: PodUses
  /** The controller has seen the newest spec. */
  readonly observed: boolean
  /** Pods of any ReplicaSet, and of the newest one, as the controller counts them. */
  readonly status: { readonly replicas: number; readonly updated: number }
  /** Since when the API server refuses it new pods: a quota is used up, an admission says no. */
  readonly creationRefusedSince: number | undefined
  /** Who refuses them, where the condition names somebody. */
  readonly creationRefusedBy?: Refuser | undefined
  /** When the controller last saw a rollout get on: a new pod, an Available one, a resumed Deployment. */
  readonly progressedAt?: number | undefined
  /** The controller has given a rollout up: it made no progress for `progressDeadlineSeconds`. */
  readonly stuck?: boolean
  /** It is being deleted: its pods go with it, and there is no workload any more. */
  readonly deleting?: boolean
}

/** The part of an apps/v1 Deployment that is read. */
export interface RawDeployment {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly replicas?: number
    readonly paused?: boolean
    readonly minReadySeconds?: number
    readonly progressDeadlineSeconds?: number
    readonly strategy?: {
      readonly type?: string
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string
        readonly maxUnavailable?: number | string
      }
    }
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

/** Reads a Deployment. `previous` is what was known of the same one. */
export function readDeployment(
  raw: RawDeployment,
  intern: Intern,
  previous?: DeploymentRecord,
): DeploymentRecord {
  const { namespace, name, uid, resourceVersion, annotations } = raw.metadata
  const { replicas = 1, strategy, template } = raw.spec
  const rolling = strategy?.rollingUpdate
  const restartId = template.metadata?.annotations?.[RESTART_ID]
  return {
    ref: { kind: 'Deployment', namespace, name, uid },
    resourceVersion,
    annotations: ownAnnotations(annotations),
    templateAnnotations: ownAnnotations(template.metadata?.annotations),
    otherRestarter: otherRestarter(annotations, template.metadata?.annotations),
    replicas,
    paused: raw.spec.paused ?? false,
    strategy: strategy?.type === 'Recreate' ? 'Recreate' : 'RollingUpdate',
    maxSurge: podCount(rolling?.maxSurge ?? '25%', replicas, Math.ceil),
    maxUnavailable: podCount(rolling?.maxUnavailable ?? '25%', replicas, Math.floor),
    wantsNoneAway: rolling?.maxUnavailable === 0 || rolling?.maxUnavailable === '0%',
    exclusive: isExclusive(template.spec),
    minReady: (raw.spec.minReadySeconds ?? 0) * 1000,
    progressDeadline: (raw.spec.progressDeadlineSeconds ?? 600) * 1000,
    restartId,
    lastRestartId: restartId ?? previous?.lastRestartId,
    uses: intern(usesOf(template.spec)),
    observed: (raw.status?.observedGeneration ?? 0) >= (raw.metadata.generation ?? 0),
    status: {
      replicas: raw.status?.replicas ?? 0,
      updated: raw.status?.updatedReplicas ?? 0,
    },
    creationRefusedSince: sinceWhen(raw.status?.conditions, 'ReplicaFailure', 'True'),
    creationRefusedBy: refuserIn(
      raw.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message,
    ),
    ...progressIn(raw.status?.conditions),
    deleting: raw.metadata.deletionTimestamp !== undefined,
  }
}

/** Source: kubernetes/pkg/controller/deployment/progress.go. */
function progressIn(
  conditions: readonly Condition[] = [],
): Pick<DeploymentRecord, 'progressedAt' | 'stuck'> {
  const progressing = conditions.find(({ type }) => type === 'Progressing')
  const time = Date.parse(progressing?.lastUpdateTime ?? '')
  return {
    progressedAt: Number.isNaN(time) ? undefined : time,
    stuck: progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded',
  }
}

/** A ReplicaSet, from its metadata alone: the link between pods and their Deployment. */
export interface ReplicaSetRecord {
  readonly uid: string
  readonly deploymentUid: string
}

/** The part of a PartialObjectMetadata that is read. */
export interface RawReplicaSet {
  readonly metadata: { readonly uid: string; readonly ownerReferences?: readonly OwnerReference[] }
}

/** Reads a ReplicaSet; `undefined` for one that no Deployment controls. */
export function readReplicaSet(raw: RawReplicaSet): ReplicaSetRecord | undefined {
  const owner = controllerOf(raw.metadata.ownerReferences, 'Deployment')
  return owner && { uid: raw.metadata.uid, deploymentUid: sharedText(owner.uid) }
}

/**
 * Whether a second pod may find no place beside the first. A claim's access modes are not in the template, so every claim
 * counts as ReadWriteOnce; an ephemeral volume is each pod's own. With hostNetwork every port is one of the node.
 */
function isExclusive({ hostNetwork, containers, initContainers, volumes }: PodSpec): boolean {
  const ports = [...(containers ?? []), ...(initContainers ?? [])].flatMap(
    (each) => each.ports ?? [],
  )
  const takesPort = ports.some(({ hostPort = 0 }) => hostNetwork === true || hostPort > 0)
  return takesPort || (volumes ?? []).some((each) => each.persistentVolumeClaim !== undefined)
}

/** A Kubernetes IntOrString of pods, `2` or `"25%"`. The API server has validated it. */
function podCount(value: number | string, replicas: number, round: (n: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * replicas) / 100)
}
