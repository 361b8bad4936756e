/**
 * Writes of mode `observe`: Consumers live in memory, nothing leaves the process.
 */
import { consumerName, writeStatus } from '../records/consumer.ts'
import { writeHalt } from '../records/halt.ts'
import type { RecordAction } from '../plan/action.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Writes } from './writes.ts'

/** Records into the picture alone. In this mode a plan asks for no eviction and no patch. */
export function createMemoryWrites(picture: ClusterState): Writes {
  let resourceVersion = 0
  const refuse = (what: string) => Promise.reject(new Error(`mode observe: ${what} was asked for`))
  return {
    record({ workload, status }: RecordAction, turn) {
      turn.begins()
      picture.records.applyConsumer({
        metadata: {
          namespace: workload.namespace,
          name: consumerName(workload),
          uid: `observed-${workload.uid}`,
          resourceVersion: String(++resourceVersion),
          ownerReferences: [{ kind: workload.kind, name: workload.name, uid: workload.uid }],
        },
        status: writeStatus(status),
      })
      return Promise.resolve()
    },
    forget({ consumer }) {
      picture.records.removeConsumer(consumer)
      return Promise.resolve()
    },
    evict: () => refuse('an eviction'),
    patch: () => refuse('a patch'),
    halt({ namespace, name, spec }) {
      picture.records.applyHalt({
        ...writeHalt(namespace, name, spec),
        metadata: { namespace, name, uid: name },
      })
      return Promise.resolve()
    },
    release(action) {
      picture.records.removeHalt(action)
      return Promise.resolve()
    },
    settle: () => Promise.resolve(true),
  }
}
