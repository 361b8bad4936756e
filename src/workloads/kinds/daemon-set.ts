/**
 * DaemonSets. Pure.
 */
import type { Intern } from '../pod.ts'
import type { RawWorkload, WorkloadRecord } from '../workload.ts'
import { DEFAULT_DEADLINE, podCount, readCommon, type WorkloadKind } from './kind.ts'

/** apps/v1 DaemonSet. */
export const DAEMON_SET: WorkloadKind = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  rollsOut: true,
  read: (raw, intern, previous) => readDaemonSet(raw, intern, previous),
}

/** The part of an apps/v1 DaemonSet that is read. */
interface RawDaemonSet extends RawWorkload {
  readonly spec: RawWorkload['spec'] & {
    readonly updateStrategy?: {
      readonly type?: string
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string
        readonly maxUnavailable?: number | string
      }
    }
  }
  readonly status?: RawWorkload['status'] & {
    readonly desiredNumberScheduled?: number
    readonly currentNumberScheduled?: number
    readonly updatedNumberScheduled?: number
  }
}

function readDaemonSet(
  raw: RawDaemonSet,
  intern: Intern,
  previous?: WorkloadRecord,
): WorkloadRecord {
  const { type, rollingUpdate } = raw.spec.updateStrategy ?? {}
  const { desiredNumberScheduled: nodes = 0, currentNumberScheduled: scheduled = 0 } =
    raw.status ?? {}
  const updated = raw.status?.updatedNumberScheduled ?? 0
  const onDelete = type === 'OnDelete'
  // Source: kubernetes/pkg/controller/daemon/update.go, updatedDesiredNodeCounts: both are rounded up.
  const maxSurge = podCount(rollingUpdate?.maxSurge ?? 0, nodes, Math.ceil)
  const unavailable = podCount(rollingUpdate?.maxUnavailable ?? 1, nodes, Math.ceil)
  return {
    ...readCommon(DAEMON_SET, raw, intern, previous),
    replicas: nodes,
    paused: false,
    rollout: onDelete
      ? undefined
      : {
          recreates: false,
          maxSurge,
          maxUnavailable: unavailable === 0 && maxSurge === 0 ? 1 : unavailable,
          wantsNoneAway: maxSurge > 0,
        },
    progressDeadline: DEFAULT_DEADLINE,
    status: { replicas: scheduled, updated: onDelete ? scheduled : updated },
    mixedTemplates: onDelete,
    newTemplateOnDelete: onDelete && updated < scheduled,
  }
}
