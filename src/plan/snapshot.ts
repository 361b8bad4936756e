/**
 * What the plan is made from: one workload with all that belongs to it, as the store sees it now.
 */
import type { Fault } from '../model/fault.ts'
import type { ConsumerRecord } from '../records/consumer.ts'
import type { WorkloadRecord } from '../workloads/workload.ts'
import type { PodRecord } from '../workloads/pod.ts'
import type { Settings } from '../workloads/settings.ts'
import type { HaltRecord } from '../records/halt.ts'
import type { LocalSource, WorkloadRef } from '../model/refs.ts'
import type { SourceRecord } from '../sources/source.ts'
import type { Action } from './action.ts'
import type { Group } from '../model/group.ts'
import type { Hold } from '../model/hold.ts'

/** An opted-in workload and everything that the plan needs to know of it. */
export interface ManagedWorkload {
  readonly workload: WorkloadRecord
  /** All pods of its ReplicaSets. */
  readonly pods: readonly PodRecord[]
  /** Since when fewer pods exist than it wants, as Sluice saw it (ms); `undefined` if none is missing. */
  readonly missingSince?: number | undefined
  readonly settings: Settings
  /** Its Namespace has the label `sluice.dev/managed: "true"`. */
  readonly managed: boolean
  /** The Consumer of its name, whoever owns it. */
  readonly consumer: ConsumerRecord | undefined
  /** A source of its namespace; one that does not exist is a record too. */
  readonly source: (source: LocalSource) => SourceRecord
  readonly pending: Pending
}

/** What Sluice did, or is doing, and does not see yet: it counts as done. */
export interface Pending {
  /** The write for this workload that is under way; evictions aside. */
  readonly write: Action | undefined
  /** UIDs of pods whose eviction was sent; they count as away until they are seen to go. */
  readonly evicted: ReadonlySet<string>
  /** What the API server last answered to a write, while it must be waited for. */
  readonly refusal: Hold | undefined
  /** When its Consumer was last written (ms), -Infinity if not by this process. */
  readonly reportedAt: number
  /** Since when pods may be owed that do not exist yet (ms): the last eviction or patch, or the start of this process. */
  readonly owedSince: number
}

/** A Deployment with its pods; opted in or not, its pods count. */
export interface UnmanagedWorkload {
  readonly workload: WorkloadRecord
  readonly pods: readonly PodRecord[]
}

/** A Consumer whose workload has opted out. */
export interface Leftover {
  readonly workload: WorkloadRef
  readonly consumer: ConsumerRecord
}

/**
 * The picture that a plan is made from, and that no list is due for: an incomplete one proves nothing, and nobody plans
 * then. Secrets that are watched one by one say for themselves whether they are known.
 */
export interface Snapshot {
  /** Why it may be old: a plan from it tells people so, and does and decides nothing else. */
  readonly blind?: string | undefined
  /** The kill switch: Sluice's own namespace is paused, or nobody can tell, which counts as paused. */
  readonly paused: boolean | Fault
  /** Of the HMAC key in use. */
  readonly keyFingerprint: string
  readonly workloads: readonly ManagedWorkload[]
  readonly leftovers: readonly Leftover[]
  readonly halts: readonly HaltRecord[]
  /** Deployments that use a source of a group and did not opt in, each once: their pods use the budget up. */
  readonly bystanders: (group: Group) => readonly UnmanagedWorkload[]
}
