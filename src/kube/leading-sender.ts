/**
 * Requests that only the leader may send. Each has a time limit, so that it ends before another process can lead.
 */
import type { ApiCall } from './api-call.ts'
import { wasNotSent } from './api-error.ts'
import type { KubeClient } from './client.ts'
import { WRITE_TIMEOUT } from './leader-elector.ts'

/**
 * A request was not sent: another process may lead by now, or nobody asks for it any more. It is neither done nor
 * failed.
 */
export class NotSent extends Error {
  override readonly name = 'Withheld'
}

/**
 * Sends one request, or withholds it. The call's own `maySend` can withhold it too. `begins` is called right before the
 * client gets the request. @throws ApiError, NotSent
 */
export type SendWhileLeading = <T>(call: ApiCall, begins?: () => void) => Promise<T>

/** A sender over a client. It asks twice: when it is called, and when the client has its credentials. */
export function sendWhileLeading({
  client,
  mayWrite,
}: {
  readonly client: Pick<KubeClient, 'request'>
  /** Whether a request that starts now, and takes {@link WRITE_TIMEOUT}, ends before another process can lead. */
  readonly mayWrite: () => boolean
}): SendWhileLeading {
  return async <T>(call: ApiCall, begins?: () => void): Promise<T> => {
    const maySend = () => mayWrite() && call.maySend?.() !== false
    if (!maySend()) throw new NotSent('it may not be sent now')
    begins?.()
    // The server, too, gives up by then.
    const query = { ...call.query, timeout: `${WRITE_TIMEOUT}ms` }
    try {
      return await client.request<T>({ ...call, query, timeout: WRITE_TIMEOUT, maySend })
    } catch (error) {
      throw wasNotSent(error) ? new NotSent('it may be sent no more') : error
    }
  }
}
