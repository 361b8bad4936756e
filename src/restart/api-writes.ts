/**
 * Writes to the API server, all of them through one queue.
 */
import type PQueue from 'p-queue'
import { RESTART_ID } from '../model/annotations.ts'
import {
  CONSUMER_GROUP,
  CONSUMER_VERSION,
  consumerName,
  writeStatus,
  type ConsumerRecord,
  type RawConsumer,
} from '../records/consumer.ts'
import { writeHalt, type RawHalt } from '../records/halt.ts'
import { workloadKind } from '../workloads/kinds/kinds.ts'
import type { RawWorkload } from '../workloads/workload.ts'
import type { RawPod } from '../workloads/pod.ts'
import { isNotFound } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ApiCall } from '../kube/api-call.ts'
import { sendWhileLeading } from '../kube/leading-sender.ts'
import type { Action } from '../plan/action.ts'
import type { WorkloadRef } from '../model/refs.ts'
import { inTurn } from './fair-queue.ts'
import type { ClusterState } from './cluster-state.ts'
import type { QueueTicket } from './queue-ticket.ts'
import type { Writes } from './writes.ts'

export interface ApiWritesOptions {
  readonly client: KubeClient
  /** Bounds how many writes are under way, and how many start in a second. */
  readonly queue: PQueue
  /** Whether a write may start now; it is asked when the turn of each has come. */
  readonly mayWrite: () => boolean
  /**
   * Whether restarts may be started and go on. While no plan is made, nobody withdraws what the last one asked for;
   * while a watch delivers nothing, what would withdraw it is not seen.
   */
  readonly mayStep: () => boolean
  /** Whether plans are made: what people read goes on where no restart does. */
  readonly mayPlan: () => boolean
  readonly picture: ClusterState
  /** The Consumer of a workload as it is known now. */
  readonly consumerOf: (workload: WorkloadRef) => ConsumerRecord | undefined
}

/** Writes for real. */
export function createApiWrites(options: ApiWritesOptions): Writes {
  const { client, queue, mayWrite, mayStep, mayPlan, picture, consumerOf } = options
  const add = inTurn(queue)
  const sendNow = sendWhileLeading({ client, mayWrite })
  const send = <T>(turn: QueueTicket, call: ApiCall): Promise<T> => {
    const isWanted = turn.rank === 'report' ? mayPlan : mayStep
    const maySend = () => !turn.signal || isWanted()
    return add(call.namespace ?? '', turn, () => sendNow<T>({ ...call, maySend }, turn.begins))
  }

  /** The Consumer without its status. One that a workload of the same name left behind is the workload's from now on. */
  const own = (
    turn: QueueTicket,
    { apiVersion, kind, namespace, name, uid }: WorkloadRef,
    known: ConsumerRecord | undefined,
  ): Promise<RawConsumer> =>
    send<RawConsumer>(turn, {
      ...consumers(namespace),
      ...(known ? { verb: 'update', name: known.name } : { verb: 'create' }),
      body: {
        apiVersion: `${CONSUMER_GROUP}/${CONSUMER_VERSION}`,
        kind: 'Consumer',
        metadata: {
          namespace,
          name: consumerName({ kind, name }),
          ...(known && { uid: known.uid, resourceVersion: known.resourceVersion }),
          ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
        },
      },
    })

  return {
    async record({ workload, status }, turn) {
      const { namespace } = workload
      const known = consumerOf(workload)
      const isOwn = known?.ownerUid === workload.uid
      const { name, uid, resourceVersion } = isOwn
        ? known
        : (await own(turn, workload, known)).metadata
      const answer = await send<RawConsumer>(turn, {
        ...consumers(namespace),
        verb: 'update',
        name,
        subresource: 'status',
        body: {
          apiVersion: `${CONSUMER_GROUP}/${CONSUMER_VERSION}`,
          kind: 'Consumer',
          // The precondition: whoever wrote in between wins, and this is planned again.
          metadata: { namespace, name, uid, resourceVersion },
          status: writeStatus(status),
        },
      })
      picture.records.applyConsumer(answer)
    },

    async forget({ consumer: { namespace, name, uid } }, turn) {
      const gone = () => picture.records.removeConsumer({ namespace, name, uid })
      try {
        await send(turn, {
          ...consumers(namespace),
          verb: 'delete',
          name,
          body: { preconditions: { uid } },
        })
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
      gone()
    },

    async evict({ pod: { namespace, name, uid } }, turn) {
      try {
        await send(turn, {
          ...pods(namespace),
          verb: 'create',
          name,
          subresource: 'eviction',
          body: {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { namespace, name },
            // Never the successor of the same name.
            deleteOptions: { preconditions: { uid } },
          },
        })
      } catch (error) {
        // Gone already: that it went will be seen.
        if (!isNotFound(error)) throw error
      }
    },

    async patch({ workload, restart, resourceVersion }, turn) {
      const { kind, name, uid } = workload
      const answer = await send<RawWorkload>(turn, {
        ...workloads(workload),
        verb: 'patch',
        name,
        contentType: 'application/merge-patch+json',
        body: {
          // Preconditions: the workload as it was judged.
          metadata: { uid, resourceVersion },
          spec: { template: { metadata: { annotations: { [RESTART_ID]: restart.id } } } },
        },
      })
      picture.updateWorkload(kind, answer)
    },

    async halt({ namespace, name, spec }, turn) {
      const body = writeHalt(namespace, name, spec)
      picture.records.applyHalt(
        await send<RawHalt>(turn, { ...halts(namespace), verb: 'create', body }),
      )
    },

    async release({ namespace, name, uid }, turn) {
      try {
        await send(turn, {
          ...halts(namespace),
          verb: 'delete',
          name,
          body: { preconditions: { uid } },
        })
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
      picture.records.removeHalt({ namespace, name, uid })
    },

    settle: (action) => settle(client, picture, action, consumerOf),
  }
}

/**
 * Reads the object that an action was about; a list with one name needs no right beyond those of the watch. A pod
 * goes through the watch alone: events of before would bring back one that a read showed to be gone.
 */
async function settle(
  client: KubeClient,
  picture: ClusterState,
  action: Action,
  consumerOf: ApiWritesOptions['consumerOf'],
): Promise<boolean> {
  const read = async <T>(collection: Collection, object: string): Promise<T | undefined> => {
    const query = { fieldSelector: `metadata.name=${object}` }
    const list = await client.request<{ items: T[] | null }>({ ...collection, verb: 'list', query })
    return list.items?.[0]
  }
  if (action.kind === 'halt' || action.kind === 'release') {
    const halt = await read<RawHalt>(halts(action.namespace), action.name)
    if (halt) picture.records.applyHalt(halt)
    return (halt !== undefined) === (action.kind === 'halt')
  }
  const { namespace, name } = action.workload
  switch (action.kind) {
    case 'evict': {
      const pod = await read<RawPod>(pods(namespace), action.pod.name)
      return pod?.metadata.uid !== action.pod.uid || pod.metadata.deletionTimestamp !== undefined
    }
    case 'patch': {
      const workload = await read<RawWorkload>(workloads(action.workload), name)
      if (workload) picture.updateWorkload(action.workload.kind, workload)
      return workload?.spec.template.metadata?.annotations?.[RESTART_ID] === action.restart.id
    }
    case 'record':
    case 'forget': {
      const consumer = consumerOf(action.workload)
      const found = await read<RawConsumer>(consumers(namespace), consumerName(action.workload))
      if (consumer && consumer.uid !== found?.metadata.uid) picture.records.removeConsumer(consumer)
      if (found) picture.records.applyConsumer(found)
      // The next plan compares with what was read, whatever wrote it.
      return true
    }
  }
}

type Collection = Pick<ApiCall, 'group' | 'version' | 'resource' | 'namespace'>

function consumers(namespace: string): Collection {
  return { group: CONSUMER_GROUP, version: CONSUMER_VERSION, resource: 'consumers', namespace }
}

function halts(namespace: string): Collection {
  return { group: CONSUMER_GROUP, version: CONSUMER_VERSION, resource: 'halts', namespace }
}

function pods(namespace: string): Collection {
  return { group: '', version: 'v1', resource: 'pods', namespace }
}

function workloads({ apiVersion, kind, namespace }: WorkloadRef): Collection {
  const [group = '', version = ''] = apiVersion.split('/')
  return { group, version, resource: workloadKind(kind).plural, namespace }
}
