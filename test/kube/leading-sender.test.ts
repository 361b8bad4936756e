import { setImmediate as turn } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { ApiError } from '../../src/kube/api-error.ts'
import { createClient } from '../../src/kube/client.ts'
import type { Credentials } from '../../src/kube/credentials.ts'
import { LEASE_DURATION, RENEW_DEADLINE, WRITE_TIMEOUT } from '../../src/kube/leader-elector.ts'
import { sendWhileLeading, NotSent, type SendWhileLeading } from '../../src/kube/leading-sender.ts'

const call: ApiCall = { verb: 'create', group: '', version: 'v1', resource: 'pods' }

/** What reached the connection. */
let sent: Dispatcher.RequestOptions[]
let leads: boolean
/** The credentials of the request. */
let access: PromiseWithResolvers<undefined>
/** The answer to the request. */
let answer: PromiseWithResolvers<{ readonly status: number; readonly body: unknown }>
let send: SendWhileLeading

/** The real client, over a connection that ends a request only by an answer or by the client's own signal. */
beforeEach(() => {
  sent = []
  leads = true
  access = Promise.withResolvers()
  answer = Promise.withResolvers()
  const request = async (options: Dispatcher.RequestOptions) => {
    sent.push(options)
    const signal = options.signal as AbortSignal
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    )
    const { status: statusCode, body } = await Promise.race([answer.promise, aborted])
    return { statusCode, headers: {}, body: { json: () => Promise.resolve(body) } }
  }
  const dispatcher = { request } as unknown as Dispatcher
  const credentials: Credentials = {
    server: 'http://cluster',
    access: () => access.promise.then(() => ({ headers: {}, dispatcher })),
    refused: () => {},
    close: () => Promise.resolve(),
  }
  const client = createClient(credentials, { now: () => 0, onCall: () => {} })
  send = sendWhileLeading({ client, mayWrite: () => leads })
})

describe('a request that only the leader may send', () => {
  test('is sent while we lead, and its answer comes back', async () => {
    access.resolve(undefined)
    answer.resolve({ status: 201, body: { kind: 'Pod' } })
    const begins = vi.fn(() => expect(sent).toEqual([]))
    expect(await send({ ...call, query: { limit: '5' } }, begins)).toEqual({ kind: 'Pod' })
    expect(begins).toHaveBeenCalledOnce()
    expect(sent.map(({ path }) => path)).toEqual([
      `/api/v1/pods?limit=5&timeout=${WRITE_TIMEOUT}ms`,
    ])
  })

  test('fails as the server says', async () => {
    access.resolve(undefined)
    answer.resolve({ status: 409, body: { reason: 'AlreadyExists' } })
    const error: unknown = await send(call).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 409, reason: 'AlreadyExists' })
  })

  test.each<[string, () => void, ApiCall]>([
    ['we do not lead', () => void (leads = false), call],
    ['it is not wanted', () => {}, { ...call, maySend: () => false }],
  ])('does not begin while %s', async (_, change, withheld) => {
    change()
    const begins = vi.fn()
    await expect(send(withheld, begins)).rejects.toThrow(NotSent)
    access.resolve(undefined)
    await turn()
    expect(begins).not.toHaveBeenCalled()
    expect(sent).toEqual([])
  })

  test.each(['we lead no more', 'it is wanted no more'])(
    'is not sent if %s once the credentials are there',
    async (why) => {
      let wanted = true
      const sending = send({ ...call, maySend: () => wanted })
      if (why === 'we lead no more') leads = false
      else wanted = false
      access.resolve(undefined)
      await expect(sending).rejects.toThrow(NotSent)
      expect(sent).toEqual([])
    },
  )

  test('goes on once it is sent, though we lead no more', async () => {
    access.resolve(undefined)
    const sending = send(call)
    await turn()
    leads = false
    answer.resolve({ status: 201, body: { kind: 'Pod' } })
    expect(await sending).toEqual({ kind: 'Pod' })
  })

  test('is ended at its time limit, before another process can lead', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    access.resolve(undefined)
    const ended = vi.fn()
    const sending = send(call).catch((error: unknown) => {
      ended()
      return error
    })
    await vi.advanceTimersByTimeAsync(WRITE_TIMEOUT - 1)
    expect(sent).toHaveLength(1)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(await sending).toMatchObject({ name: 'ApiError', status: 0, reason: 'TimeoutError' })
    expect(WRITE_TIMEOUT).toBeLessThan(LEASE_DURATION - RENEW_DEADLINE)
  })
})
