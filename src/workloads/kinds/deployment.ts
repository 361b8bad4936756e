/**
 * Deployments. Pure.
 */
import { sinceWhen, type Condition } from '../../model/condition.ts'
import { refuserIn } from '../../model/refuser.ts'
import type { Intern } from '../pod.ts'
import type { PodSpec } from '../uses.ts'
import type { RawWorkload, WorkloadRecord } from '../workload.ts'
import { DEFAULT_DEADLINE, podCount, readCommon, type WorkloadKind } from './kind.ts'

/** apps/v1 Deployment. */
export const DEPLOYMENT: WorkloadKind = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  rollsOut: true,
  read: (raw, intern, previous) => readDeployment(raw, intern, previous),
}

/** The part of an apps/v1 Deployment that is read. */
export interface RawDeployment extends RawWorkload {
  readonly spec: RawWorkload['spec'] & {
    readonly paused?: boolean
    readonly progressDeadlineSeconds?: number
    readonly strategy?: {
      readonly type?: string
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string
        readonly maxUnavailable?: number | string
      }
    }
  }
}

function readDeployment(
  raw: RawDeployment,
  intern: Intern,
  previous?: WorkloadRecord,
): WorkloadRecord {
  const { spec, status = {} } = raw
  const { replicas = 1, strategy, template } = spec
  const rolling = strategy?.rollingUpdate
  return {
    ...readCommon(DEPLOYMENT, raw, intern, previous),
    replicas,
    paused: spec.paused ?? false,
    rollout: {
      recreates: strategy?.type === 'Recreate',
      maxSurge: podCount(rolling?.maxSurge ?? '25%', replicas, Math.ceil),
      maxUnavailable: podCount(rolling?.maxUnavailable ?? '25%', replicas, Math.floor),
      wantsNoneAway: rolling?.maxUnavailable === 0 || rolling?.maxUnavailable === '0%',
      exclusive: isExclusive(template.spec),
    },
    progressDeadline:
      spec.progressDeadlineSeconds === undefined
        ? DEFAULT_DEADLINE
        : spec.progressDeadlineSeconds * 1000,
    status: { replicas: status.replicas ?? 0, updated: status.updatedReplicas ?? 0 },
    creationRefusedSince: sinceWhen(status.conditions, 'ReplicaFailure', 'True'),
    creationRefusedBy: refuserIn(
      status.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message,
    ),
    ...progressIn(status.conditions),
  }
}

/** Source: kubernetes/pkg/controller/deployment/progress.go. */
function progressIn(
  conditions: readonly Condition[] = [],
): Pick<WorkloadRecord, 'progressedAt' | 'stuck'> {
  const progressing = conditions.find(({ type }) => type === 'Progressing')
  const time = Date.parse(progressing?.lastUpdateTime ?? '')
  return {
    progressedAt: Number.isNaN(time) ? undefined : time,
    stuck: progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded',
  }
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
