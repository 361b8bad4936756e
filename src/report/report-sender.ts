/**
 * The way of reports to the API server: a queue of their own, so that they never take the place of a write of the plan,
 * and only while leading.
 */
import type PQueue from 'p-queue'
import type { ApiCall } from '../kube/api-call.ts'
import type { KubeClient } from '../kube/client.ts'
import { sendWhileLeading } from '../kube/leading-sender.ts'

/** How many reports are sent in one second at most. */
export const REPORT_RATE = 5
/** How many are under way at once. */
export const REPORT_CONCURRENCY = 2

/** Sends one request when its turn has come. @throws ApiError, NotSent */
export type Send = <T>(call: ApiCall) => Promise<T>

/** Of mode `observe`: nothing leaves the process, and every list that is read is empty. */
export const sendNothing: Send = <T>() => Promise.resolve({ items: [] } as T)

/** Sends each report when the queue lets it, and only while leading. */
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
  const send = sendWhileLeading({ client, mayWrite })
  return <T>(call: ApiCall): Promise<T> => queue.add(() => send<T>(call))
}
