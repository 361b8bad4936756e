/**
 * What really happened to one Secret and to the pods that use it, in milliseconds of true time, and what the API
 * server shows of it: whole seconds, node clocks that are off, statuses that are written late.
 */
import type { RawPod } from '../../../src/workloads/pod.ts'
import type { Mode } from '../../../src/workloads/uses.ts'
import type { RawSource } from '../../../src/sources/kinds/kind.ts'
import { apiTime, base64 } from '../cluster-builder.ts'

/** One write to the Secret `db`. */
export interface SecretWrite {
  readonly at: number
  readonly data: Readonly<Record<string, string>>
  /** Whether the write moves the time of the managedFields entry that owns data: removing a key does not. */
  readonly movesTime: boolean
}

/** One instance of the container `app`. */
export interface ContainerStart {
  /** True time at which it runs. */
  readonly at: number
  /** True time of the content that its environment got: resolved a little earlier, from a cache that lags. */
  readonly environmentFrom: number
  /** True time of the content of the volume when it was created: anything since the pod's start. */
  readonly volumeFrom: number
}

export interface PodHistory {
  readonly name: string
  readonly mode: Exclude<Mode, 'volume'>
  readonly createdAt: number
  /** The node's clock minus the true one. */
  readonly clockOff: number
  readonly starts: readonly [ContainerStart, ...ContainerStart[]]
  /** True times at which the kubelet writes the status besides those for the starts. */
  readonly otherStatuses: readonly number[]
  /** How much older than its write the picture inside a status is. */
  readonly statusLag: number
}

/** The write that was current at `time`. */
export function writeAt(writes: readonly SecretWrite[], time: number): SecretWrite | undefined {
  return writes.findLast((write) => write.at <= time)
}

/** The Secret as the API server shows it after its write number `index`. */
export function secretAfter(writes: readonly SecretWrite[], index: number): RawSource {
  const moved = writes.slice(0, index + 1).findLast((write) => write.movesTime) ?? writes[0]
  return {
    metadata: {
      namespace: 'shop',
      name: 'db',
      uid: 'uid-of-db',
      resourceVersion: String(100 + index),
      creationTimestamp: apiTime(writes[0]?.at ?? 0),
      managedFields: [{ time: apiTime(moved?.at ?? 0), fieldsV1: { 'f:data': {} } }],
    },
    data: base64(writes[index]?.data ?? {}),
  }
}

/** The true times at which the API server gets a new status of the pod. */
export function statusTimes(pod: PodHistory): readonly number[] {
  const shown = pod.starts.map((start) => start.at + pod.statusLag)
  return [...shown, ...pod.otherStatuses].sort((a, b) => a - b)
}

/** The identity of an instance, from its number. */
export function containerId(index: number): string {
  return `containerd://${index}`
}

/** The pod as the API server shows it at `time`. */
export function podAt(pod: PodHistory, time: number): RawPod {
  const writtenAt = statusTimes(pod).findLast((each) => each <= time)
  const metadata = {
    namespace: 'shop',
    name: pod.name,
    uid: `uid-of-${pod.name}`,
    creationTimestamp: apiTime(pod.createdAt),
    ownerReferences: [{ kind: 'ReplicaSet', name: 'web-1', uid: 'replica-set', controller: true }],
  }
  const spec = {
    nodeName: 'node',
    containers: [
      {
        name: 'app',
        ...(pod.mode === 'env' && {
          env: [{ valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
        }),
        ...(pod.mode === 'envFrom' && { envFrom: [{ secretRef: { name: 'db' } }] }),
        ...(pod.mode === 'subPath' && { volumeMounts: [{ name: 'db', subPath: 'password' }] }),
      },
    ],
    volumes: [{ name: 'db', secret: { secretName: 'db' } }],
  }
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: apiTime(pod.createdAt),
  }
  if (writtenAt === undefined) return { metadata, spec, status: { conditions: [scheduled] } }
  const index = pod.starts.findLastIndex((start) => start.at <= writtenAt - pod.statusLag)
  const start = pod.starts[index]
  return {
    metadata: {
      ...metadata,
      managedFields: [
        {
          subresource: 'status',
          time: apiTime(writtenAt),
          fieldsV1: { 'f:status': { 'f:containerStatuses': {} } },
        },
      ],
    },
    spec,
    status: {
      phase: start ? 'Running' : 'Pending',
      startTime: apiTime(pod.createdAt + pod.clockOff),
      conditions: [scheduled, { type: 'Ready', status: start ? 'True' : 'False' }],
      containerStatuses: [
        start
          ? {
              name: 'app',
              containerID: containerId(index),
              restartCount: index,
              state: { running: { startedAt: apiTime(start.at + pod.clockOff) } },
            }
          : { name: 'app', state: { waiting: { reason: 'ContainerCreating' } } },
      ],
    },
  }
}
