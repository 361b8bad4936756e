/**
 * StatefulSets. Pure.
 */
import type { Intern } from '../pod.ts'
import type { RawWorkload, WorkloadRecord } from '../workload.ts'
import { DEFAULT_DEADLINE, podCount, readCommon, type WorkloadKind } from './kind.ts'

/** apps/v1 StatefulSet. */
export const STATEFUL_SET: WorkloadKind = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  rollsOut: true,
  read: (raw, intern, previous) => readStatefulSet(raw, intern, previous),
}

/** The part of an apps/v1 StatefulSet that is read. */
interface RawStatefulSet extends RawWorkload {
  readonly spec: RawWorkload['spec'] & {
    readonly podManagementPolicy?: string
    readonly updateStrategy?: {
      readonly type?: string
      readonly rollingUpdate?: {
        readonly partition?: number
        readonly maxUnavailable?: number | string
      }
    }
  }
  readonly status?: RawWorkload['status'] & {
    readonly currentRevision?: string
    readonly updateRevision?: string
  }
}

function readStatefulSet(
  raw: RawStatefulSet,
  intern: Intern,
  previous?: WorkloadRecord,
): WorkloadRecord {
  const { replicas = 1, podManagementPolicy, updateStrategy } = raw.spec
  const { partition = 0, maxUnavailable: owners } = updateStrategy?.rollingUpdate ?? {}
  const onDelete = updateStrategy?.type === 'OnDelete'
  const atOnce = Math.max(1, podCount(owners ?? 1, replicas, Math.floor))
  const { status = {} } = raw
  // While both revisions are one, every pod is of it, and the counts only tell who is away.
  const differ = status.currentRevision !== status.updateRevision
  const created = status.replicas ?? 0
  // A partition leaves the pods below it as they are for good.
  const toUpdate = Math.min(created, Math.max(0, replicas - partition))
  const updated = Math.min(status.updatedReplicas ?? 0, toUpdate)
  return {
    ...readCommon(STATEFUL_SET, raw, intern, previous),
    replicas,
    paused: false,
    rollout: onDelete
      ? undefined
      : { recreates: false, maxSurge: 0, maxUnavailable: atOnce, wantsNoneAway: false },
    mostUnavailable: podManagementPolicy === 'Parallel' ? (owners ? atOnce : Infinity) : 1,
    highestOrdinalFirst: true,
    progressDeadline: DEFAULT_DEADLINE,
    status: {
      replicas: created,
      updated: differ && !onDelete ? created - toUpdate + updated : created,
    },
    mixedTemplates: onDelete || partition > 0,
    newTemplateOnDelete: onDelete && differ,
    newestRevision: status.updateRevision,
  }
}
