import PQueue from 'p-queue'
import { describe, expect, test, vi } from 'vitest'
import { TokenAuthorizer, type GateOptions } from '../../../src/report/http/token-authorizer.ts'

const PROMETHEUS = { username: 'system:serviceaccount:monitoring:prometheus', groups: ['a'] }

/** A gate before an API server that knows one token, and a clock that stands still. */
function gateOf(overrides: Partial<GateOptions> = {}) {
  const clock = { now: 0 }
  const ownerOf = vi.fn((token: string) =>
    Promise.resolve(token === 'good' ? PROMETHEUS : undefined),
  )
  const mayGet = vi.fn((_: unknown, path: string) => Promise.resolve(path === '/metrics'))
  const gate = new TokenAuthorizer({
    ownerOf,
    mayGet,
    queue: new PQueue({ concurrency: 4 }),
    now: () => clock.now,
    onError(error) {
      throw error
    },
    ...overrides,
  })
  return { gate, clock, ownerOf, mayGet }
}

describe('the gate', () => {
  test('lets in whoever may get the path', async () => {
    const { gate, mayGet } = gateOf()
    expect(await gate.refuse('/metrics', 'Bearer good')).toBeUndefined()
    expect(mayGet).toHaveBeenCalledExactlyOnceWith(PROMETHEUS, '/metrics')
  })

  test.each([
    undefined,
    '',
    'Basic Z29vZA==',
    'Bearer',
    'Bearer ',
    'Bearer good bad',
    'good',
    'Bearer a=b',
  ])('asks nobody about the header %j', async (header) => {
    const { gate, ownerOf } = gateOf()
    expect(await gate.refuse('/metrics', header)).toEqual({
      status: 401,
      message: 'expected a bearer token',
    })
    expect(ownerOf).not.toHaveBeenCalled()
  })

  test('tells a token that is nobody’s from an account that may not', async () => {
    const { gate } = gateOf()
    expect(await gate.refuse('/metrics', 'Bearer hunter2')).toEqual({
      status: 401,
      message: 'the API server does not know this token',
    })
    expect(await gate.refuse('/status', 'Bearer good')).toEqual({
      status: 403,
      message: `${PROMETHEUS.username} may not get /status`,
    })
  })

  test('remembers a yes for a minute and a no for ten seconds, path by path', async () => {
    const { gate, clock, ownerOf } = gateOf()
    const ask = async () => {
      await gate.refuse('/metrics', 'Bearer good')
      await gate.refuse('/status', 'Bearer good')
      return ownerOf.mock.calls.length
    }
    expect(await ask()).toBe(2)
    clock.now = 9_999
    expect(await ask()).toBe(2)
    clock.now = 10_000
    expect(await ask()).toBe(3)
    clock.now = 59_999
    expect(await ask()).toBe(4)
    clock.now = 60_000
    expect(await ask()).toBe(5)
  })

  test('asks once for many that come at the same time with the same token', async () => {
    const { gate, ownerOf } = gateOf()
    const all = Array.from({ length: 50 }, () => gate.refuse('/metrics', 'Bearer good'))
    expect(await Promise.all(all)).toEqual(Array.from({ length: 50 }))
    expect(ownerOf).toHaveBeenCalledTimes(1)
  })

  test('stays shut where the API server does not answer, and asks again', async () => {
    const failure = new Error('no answer')
    const ownerOf = vi
      .fn<GateOptions['ownerOf']>()
      .mockRejectedValueOnce(failure)
      .mockResolvedValue(PROMETHEUS)
    const onError = vi.fn()
    const { gate } = gateOf({ ownerOf, onError })
    expect(await gate.refuse('/metrics', 'Bearer good')).toMatchObject({ status: 503 })
    expect(onError).toHaveBeenCalledExactlyOnceWith(failure)
    expect(await gate.refuse('/metrics', 'Bearer good')).toBeUndefined()
  })

  test('lets strangers neither fill its memory nor its queue', async () => {
    const queue = new PQueue({ concurrency: 1 })
    const { gate } = gateOf({ queue })
    queue.pause()
    const asked = Array.from({ length: 300 }, (_, i) => gate.refuse('/metrics', `Bearer x${i}`))
    expect(queue.size).toBe(100)
    queue.start()
    const statuses = (await Promise.all(asked)).map((refusal) => refusal?.status)
    expect(Object.groupBy(statuses, String)).toMatchObject({
      401: { length: 100 },
      503: { length: 200 },
    })
  })

  test('forgets the oldest of a thousand, and keeps no token', async () => {
    const { gate, ownerOf } = gateOf()
    for (let i = 0; i <= 1_000; i++) await gate.refuse('/metrics', `Bearer token-${i}`)
    await gate.refuse('/metrics', 'Bearer token-1000')
    expect(ownerOf).toHaveBeenCalledTimes(1_001)
    await gate.refuse('/metrics', 'Bearer token-0')
    expect(ownerOf).toHaveBeenCalledTimes(1_002)
  })
})
