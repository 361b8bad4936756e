/**
 * What the executor needs of the picture of the cluster: to see what came of its writes.
 */
import type { RawConsumer } from '../records/consumer.ts'
import type { KindOfWorkload } from '../model/refs.ts'
import type { RawWorkload } from '../workloads/workload.ts'
import type { RawHalt } from '../records/halt.ts'
import type { PodRecord } from '../workloads/pod.ts'

/** Answers of the API server are taken in as if they had been watched. */
export interface ClusterState {
  pod(uid: string): PodRecord | undefined
  /** Of a workload that is gone by now, nothing is taken in. */
  updateWorkload(kind: KindOfWorkload, raw: RawWorkload): void
  readonly records: OwnRecordState
}

/** The records that Sluice itself keeps in the cluster. */
interface OwnRecordState {
  applyConsumer(raw: RawConsumer): void
  applyHalt(raw: RawHalt): void
  removeHalt(ref: { namespace: string; name: string; uid: string }): void
  removeConsumer(ref: { namespace: string; name: string; uid: string }): void
}
