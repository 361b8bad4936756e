/**
 * The way of reports to the API server: a queue of their own, so that they never take the place of a write of the plan,
 * and only while leading.
 */
import type PQueue from 'p-queue'
import { wasNotSent } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ApiCall } from '../kube/api-call.ts'
import { WRITE_TIMEOUT } from '../kube/leader-elector.ts'

/** How many reports are sent in one second at most. */
export const REPORT_RATE = 5
/** How many are under way at once. */
export const REPORT_CONCURRENCY = 2

/** Another one leads, and reports. */
export class NotLeading extends Error {
  override readonly name = 'NotLeading'
}

/** Sends one request when its turn has come. @throws ApiError, NotLeading */
export type Send = <T>(call: ApiCall) => Promise<T>

/** Of mode `observe`: nothing leaves the process, and whoever reads finds nothing. */
export const sendNothing: Send = <T>() => Promise.resolve({ items: [] } as T)

export function createReportSender({
  client,
  queue,
  mayWrite,
}: {
  readonly client: KubeClient
  readonly queue: PQueue
  /** Asked when the turn of each has come. */
  readonly mayWrite: () => boolean
}): Send {
  return <T>(call: ApiCall): Promise<T> =>
    queue.add(async () => {
      if (!mayWrite()) throw new NotLeading('not the leader')
      // It ends, here and at the server, before another one can lead.
      const query = { ...call.query, timeout: `${WRITE_TIMEOUT}ms` }
      try {
        return await client.request<T>({
          ...call,
          query,
          timeout: WRITE_TIMEOUT,
          maySend: mayWrite,
        })
      } catch (error) {
        throw wasNotSent(error) ? new NotLeading('not the leader') : error
      }
    })
}
