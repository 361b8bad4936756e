/**
 * What a simulated cluster holds at one time. Never changed, only replaced, so that a watch can be shown an older one.
 */
import type { ConsumerRecord } from '../../../src/records/consumer.ts'
import type { RolloutShape, WorkloadRecord } from '../../../src/workloads/workload.ts'
import type { HaltRecord } from '../../../src/records/halt.ts'
import type { PodRecord } from '../../../src/workloads/pod.ts'
import type { RawSource } from '../../../src/sources/kinds/kind.ts'

/** How fast the cluster is; milliseconds. */
export interface Pace {
  /** From what a controller sees to what it does. */
  readonly controller: number
  /** From the creation of a pod to the start of its container. */
  readonly start: number
  readonly ready: number
  readonly termination: number
}

/** What can be wrong with one workload alone, without end. */
export const STUCK = [
  'quota',
  'neverCreated',
  'noNode',
  'neverReady',
  'neverEnds',
  'nodeLost',
  'evictionsRefused',
  'paused',
  'flaps',
  'churns',
  'beingDeleted',
  'longMinReady',
] as const
export type Stuck = (typeof STUCK)[number]

/** An image runs, or cannot be pulled. */
export type Image = 'good' | 'missing'

export interface SimulatedSecret {
  readonly raw: RawSource
  readonly value: string
}

/** How pods read a Secret. Only `optional` ones start without it. */
export type Reads = 'key' | 'optional' | 'all'

/** A Deployment as its owner wrote it. */
export interface SimulatedWorkload {
  readonly namespace: string
  readonly name: string
  readonly replicas: number
  /** Names of the Secrets that its pods read into their environment. */
  readonly secrets: readonly string[]
  /** How: a key that they name, one that may be missing, or all keys. */
  readonly reads: Reads
  readonly optedIn: boolean
  /** Of Sluice's own prefix, without it. */
  readonly annotations: Readonly<Record<string, string>>
  readonly record: Partial<
    Pick<WorkloadRecord, 'minReady' | 'progressDeadline'> & Omit<RolloutShape, 'exclusive'>
  >
}

export interface SimulatedDeployment {
  readonly record: WorkloadRecord
  readonly secrets: readonly string[]
  readonly reads: Reads
  readonly optedIn: boolean
  readonly annotations: Readonly<Record<string, string>>
  /** Of the newest template. */
  readonly hash: string
  readonly image: Image
}

/** A pod, and the truth about it. */
export interface SimulatedPod {
  readonly record: PodRecord
  /** UID of its Deployment. */
  readonly workload: string
  readonly image: Image
  readonly bornAt: number
  /** What it read when it last started, by Secret. */
  readonly holds: ReadonlyMap<string, string> | undefined
  /** When it read that. */
  readonly readAt: number
  /** How often it crashed in a row. */
  readonly crashes: number
  /** It was Available at some time. */
  readonly wasAvailable: boolean
}

/** What is wrong with the cluster itself. */
export interface Trouble {
  readonly registryDown: boolean
  readonly noCapacity: boolean
  readonly quotaUsedUp: boolean
  /** PodDisruptionBudgets allow no eviction. */
  readonly evictionsRefused: boolean
}

export interface ClusterState {
  /** By namespace and name. */
  readonly secrets: ReadonlyMap<string, SimulatedSecret>
  /** By UID, like the pods. */
  readonly deployments: ReadonlyMap<string, SimulatedDeployment>
  readonly pods: ReadonlyMap<string, SimulatedPod>
  /** By namespace and name, like the Halts. */
  readonly consumers: ReadonlyMap<string, ConsumerRecord>
  readonly halts: ReadonlyMap<string, HaltRecord>
  readonly trouble: Trouble
  /** By UID of the Deployment. */
  readonly stuck: ReadonlyMap<string, Stuck>
}

export const NO_TROUBLE: Trouble = {
  registryDown: false,
  noCapacity: false,
  quotaUsedUp: false,
  evictionsRefused: false,
}

/** The pods of a Deployment that are not going. */
export function livePods(state: ClusterState, workload: string): readonly SimulatedPod[] {
  return [...state.pods.values()].filter(
    (pod) => pod.workload === workload && !pod.record.terminating,
  )
}

/** Whether its pods can start: nothing that they require is missing. */
export function canStart(
  { secrets }: ClusterState,
  { record, secrets: names, reads }: SimulatedDeployment,
): boolean {
  return (
    reads === 'optional' || names.every((name) => secrets.has(`${record.ref.namespace}/${name}`))
  )
}

/** What the pods of a Deployment would read now; '' where nothing is there. */
export function valuesFor(
  { secrets }: ClusterState,
  { record, secrets: names }: SimulatedDeployment,
): ReadonlyMap<string, string> {
  const { namespace } = record.ref
  return new Map(names.map((name) => [name, secrets.get(`${namespace}/${name}`)?.value ?? '']))
}
