import { describe, expect, test } from 'vitest'
import {
  bookmark,
  event,
  page,
  play,
  refuse,
  secret,
  stream,
  type Step,
} from './scripted-server.ts'

const LIST_OF_A = stream([event('ADDED', secret('a', 7)), bookmark(10, 'end')], { lasts: 60_000 })

describe('the first picture', () => {
  test('comes as a stream, and is complete at the bookmark that ends it', async () => {
    const { seen, queries, calls, states } = await play([
      stream([
        event('ADDED', secret('a', 7)),
        event('ADDED', secret('b', 3)),
        bookmark(10, 'end'),
        event('MODIFIED', secret('a', 12)),
      ]),
    ])
    expect(seen).toEqual(['apply a 7', 'apply b 3', 'synced 10', 'apply a 12'])
    expect(queries).toEqual(['list as stream', 'watch 12'])
    expect(calls[0]?.query).toEqual({
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: '600',
    })
    expect(states.map(({ synced }) => synced)).toEqual([false, true])
  })

  test('is begun again when the stream breaks before its end', async () => {
    const { seen, queries } = await play([
      stream([event('ADDED', secret('a', 7)), bookmark(8)], { error: 'ECONNRESET' }),
      LIST_OF_A,
    ])
    expect(seen).toEqual(['apply a 7', 'apply a 7', 'synced 10'])
    expect(queries).toEqual(['list as stream', 'list as stream', 'watch 10'])
  })

  test.each([400, 422])(
    'comes in pages where a streamed list is answered by %i',
    async (status) => {
      const { seen, queries, sleeps, loop } = await play([
        refuse(status),
        page([secret('a', 7)], 10, 'next'),
        page([secret('b', 8)], 10),
        stream([event('DELETED', secret('a', 11))]),
      ])
      expect(seen).toEqual(['apply a 7', 'apply b 8', 'synced 10', 'remove a uid-a'])
      expect(queries.slice(0, 4)).toEqual(['list as stream', 'list', 'list next', 'watch 10'])
      expect(sleeps).toEqual([])
      expect(loop.sight.restarts).toBe(0)
    },
  )

  test('never again asks for a stream where that is unknown', async () => {
    const { queries } = await play([
      refuse(422),
      page([], 10),
      refuse(410),
      page([], 20),
      stream([]),
    ])
    expect(queries).toEqual(['list as stream', 'list', 'watch 10', 'list', 'watch 20', 'watch 20'])
  })

  test('is listed from the beginning when the next page has expired', async () => {
    const { seen, queries, loop } = await play([
      refuse(400),
      page([secret('a', 7)], 10, 'next'),
      refuse(410),
      page([secret('b', 12)], 13),
    ])
    expect(seen).toEqual(['apply a 7', 'apply b 12', 'remove a uid-a', 'synced 13'])
    expect(queries).toEqual(['list as stream', 'list', 'list next', 'list', 'watch 13'])
    expect(loop.sight.lastError).toBeUndefined()
  })

  test('asks for pages of the size that is set', async () => {
    const { calls } = await play([refuse(400), page([], 10)], { pageSize: 50 })
    expect(calls[1]?.query).toEqual({ limit: '50' })
  })
})

describe('a watch', () => {
  test('goes on where it ended, without a pause, when it ends as agreed', async () => {
    const { queries, sleeps, loop } = await play([
      stream([bookmark(10, 'end'), bookmark(25)], { lasts: 300_000 }),
    ])
    expect(queries).toEqual(['list as stream', 'watch 25'])
    expect(sleeps).toEqual([])
    expect(loop.sight.restarts).toBe(0)
  })

  test('goes on at once when the server ends it in the midst of many events, as it does where a client is slow', async () => {
    const burst = Array.from({ length: 5 }, (_, i) =>
      stream([event('MODIFIED', secret('a', 20 + i))], { lasts: 50 }),
    )
    const { queries, sleeps } = await play([LIST_OF_A, stream([bookmark(11)]), ...burst])
    expect(queries.slice(2)).toEqual([11, 20, 21, 22, 23, 24].map((from) => `watch ${from}`))
    // After the stream that brought a bookmark alone.
    expect(sleeps).toEqual([400])
  })

  test('goes on where it broke, after a pause', async () => {
    const { queries, sleeps, loop, errors } = await play([
      stream([bookmark(10, 'end'), event('ADDED', secret('a', 12))], {
        lasts: 60_000,
        error: 'ECONNRESET',
      }),
      stream([event('DELETED', secret('a', 13))], { lasts: 60_000 }),
    ])
    expect(queries).toEqual(['list as stream', 'watch 12', 'watch 13'])
    expect(sleeps).toEqual([400])
    expect(loop.sight.restarts).toBe(1)
    expect(errors).toEqual(['watch secrets: ECONNRESET'])
  })

  test('pauses before it goes on when the server ends each stream at once', async () => {
    const { sleeps } = await play([LIST_OF_A, stream([]), stream([bookmark(11)]), stream([])])
    expect(sleeps).toEqual([400, 800, 1_600])
  })

  test('lasts five to ten minutes, so that not all clients come back together', async () => {
    const { calls } = await play([], { random: () => 0 })
    expect(calls[0]?.query?.['timeoutSeconds']).toBe('300')
  })

  test('is given up when nothing came for a while, and goes on where it was', async () => {
    const { silences, queries } = await play(
      [stream([bookmark(10, 'end')], { lasts: 90_000, error: 'UND_ERR_BODY_TIMEOUT' })],
      { silence: 90_000 },
    )
    expect(silences).toEqual([90_000, 90_000])
    expect(queries).toEqual(['list as stream', 'watch 10'])
  })

  test('lists anew when a resumed stream was mute for as long as it may be: its version may be from a lost future', async () => {
    const { queries, seen } = await play(
      [
        stream([event('ADDED', secret('a', 90)), bookmark(90, 'end')]),
        stream([], { lasts: 90_000, error: 'UND_ERR_BODY_TIMEOUT' }),
        stream([event('ADDED', secret('b', 3)), bookmark(4, 'end')]),
      ],
      { silence: 90_000 },
    )
    expect(queries).toEqual(['list as stream', 'watch 90', 'list as stream', 'watch 4'])
    expect(seen.slice(-3)).toEqual(['apply b 3', 'remove a uid-a', 'synced 4'])
  })

  test('asks for metadata alone where no more is needed', async () => {
    const { calls } = await play([refuse(400), page([], 1)], { metadataOnly: true })
    expect(calls.map(({ accept }) => accept)).toEqual([
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ])
  })

  test('keeps the selector in every call', async () => {
    const target = {
      ...{ group: '', version: 'v1', resource: 'secrets', namespace: 'shop' },
      query: { fieldSelector: 'metadata.name=db' },
    }
    const { calls } = await play([refuse(400), page([], 1)], { target })
    for (const { query, namespace } of calls) {
      expect(query).toMatchObject(target.query)
      expect(namespace).toBe('shop')
    }
  })

  test('tells of each list before it asks for it', async () => {
    const told: string[] = []
    const step: (name: string, play: Step) => Step = (name, played) => (call, world) => {
      told.push(name)
      return played(call, world)
    }
    const sink = {
      listing: () => told.push('listing'),
      apply: () => {},
      remove: () => {},
      synced: () => {},
    }
    await play(
      [
        step('refused', refuse(400)),
        step('list', page([], 10)),
        step('watch', refuse(410)),
        step('list', page([], 20)),
        step('watch', stream([])),
      ],
      { sink },
    )
    expect(told).toEqual([
      ...['listing', 'refused', 'listing', 'list', 'watch', 'listing', 'list', 'watch'],
    ])
  })

  test('tells how far it has come', async () => {
    const progress: string[] = []
    const sink = {
      apply: () => {},
      remove: () => {},
      synced: (version: string) => progress.push(`synced ${version}`),
      progress: (version: string) => progress.push(version),
    }
    const first = [event('ADDED', secret('a', 7)), bookmark(9), bookmark(10, 'end')]
    await play([stream([...first, event('MODIFIED', secret('a', 11)), bookmark(20)])], { sink })
    expect(progress).toEqual(['synced 10', '11', '20'])
  })
})

describe('what happened while nobody watched', () => {
  const expired = event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' })

  test.each([
    { how: 'in a refusal', steps: [LIST_OF_A, refuse(410)] },
    { how: 'in the stream', steps: [LIST_OF_A, stream([expired])] },
  ])('is found by a new list when the version is gone: $how', async ({ steps }) => {
    const { seen, queries, loop, errors } = await play([
      ...steps,
      stream([event('ADDED', secret('b', 21)), bookmark(30, 'end')]),
    ])
    const before = ['apply a 7', 'synced 10']
    expect(seen).toEqual([...before, 'apply b 21', 'remove a uid-a', 'synced 30'])
    expect(queries).toEqual(['list as stream', 'watch 10', 'list as stream', 'watch 30'])
    expect(loop.sight.restarts).toBe(1)
    expect(errors).toEqual([])
  })

  test('is a remove before the apply where an object was made anew', async () => {
    const { seen } = await play([
      LIST_OF_A,
      refuse(410),
      stream([event('ADDED', secret('a', 25, 'uid-2')), bookmark(30, 'end')]),
    ])
    expect(seen.slice(2)).toEqual(['remove a uid-a', 'apply a 25', 'synced 30'])
  })

  test('removes nothing before the list is complete', async () => {
    const { seen } = await play([
      LIST_OF_A,
      refuse(410),
      stream([event('ADDED', secret('b', 25))], { error: 'ECONNRESET' }),
    ])
    expect(seen.slice(2)).toEqual(['apply b 25'])
  })

  test('leaves alone what was changed or deleted during the list itself', async () => {
    const { seen } = await play([
      stream([
        event('ADDED', secret('a', 7)),
        event('ADDED', secret('b', 8)),
        event('DELETED', secret('b', 9)),
        event('MODIFIED', secret('a', 10)),
        bookmark(10, 'end'),
      ]),
    ])
    const during = ['apply a 7', 'apply b 8', 'remove b uid-b', 'apply a 10']
    expect(seen).toEqual([...during, 'synced 10'])
  })

  test('is not listed in a tight loop by a server that keeps no version', async () => {
    const list = stream([bookmark(10, 'end')])
    const { sleeps } = await play([list, refuse(410), list, refuse(410), list, refuse(410)])
    expect(sleeps).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800])
  })
})

describe('an error', () => {
  test.each([401, 403, 404, 500, 503])(
    '%i is retried for ever, and shown meanwhile',
    async (status) => {
      const { states, sleeps, loop } = await play([
        ...Array.from({ length: 8 }, () => refuse(status)),
        LIST_OF_A,
      ])
      expect(sleeps).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000])
      expect(states[7]?.lastError).toMatch(`list secrets: ${status}`.replace('list', 'watch'))
      expect(states[7]?.synced).toBe(false)
      expect(loop.sight.lastError).toBeUndefined()
      expect(loop.synced).toBe(true)
      expect(loop.sight.restarts).toBe(8)
    },
  )

  test('that comes in the stream is like one that comes at once', async () => {
    const error = { code: 500, details: { retryAfterSeconds: 5 }, message: 'hunter2' }
    const { errors, sleeps, queries } = await play([LIST_OF_A, stream([event('ERROR', error)])])
    expect(errors).toEqual(['watch secrets: 500 Internal Server Error'])
    expect(sleeps).toEqual([5_000])
    expect(queries).toEqual(['list as stream', 'watch 10', 'watch 10'])
  })

  test('that asks for patience gets it', async () => {
    const { sleeps } = await play([refuse(429, 17_000), refuse(429, 1)])
    expect(sleeps).toEqual([17_000, 800])
  })

  test('makes the pauses longer until a stream has lived for a while', async () => {
    const short = stream([bookmark(11, 'end')], { lasts: 1_000, error: 'ECONNRESET' })
    const long = stream([bookmark(12)], { lasts: 20_000, error: 'ECONNRESET' })
    const { sleeps } = await play([short, short, long, short])
    expect(sleeps).toEqual([400, 800, 400, 800])
  })

  test('of the line that takes long to show does not count as a healthy time', async () => {
    const timeout: Step = (call, world) => {
      world.pass(30_000)
      return refuse(504)(call, world)
    }
    const { sleeps } = await play([timeout, timeout, timeout])
    expect(sleeps).toEqual([400, 800, 1_600])
  })
})

describe('an object', () => {
  test('that the sink cannot take is reported, and the rest goes on', async () => {
    const { seen, errors, loop } = await play(
      [
        stream([
          event('ADDED', secret('bad', 1)),
          event('ADDED', secret('good', 2)),
          bookmark(3, 'end'),
          event('DELETED', secret('bad', 4)),
        ]),
      ],
      { poison: 'bad' },
    )
    expect(seen).toEqual(['apply good 2', 'synced 3', 'remove bad uid-bad'])
    expect(errors).toEqual(['bad: indigestible'])
    expect(loop.resourceVersion).toBe('4')
  })

  test.each([null, {}, { metadata: null }, { metadata: { name: 'x' } }, 'text', 5])(
    'without a name is reported, and the rest goes on: %j',
    async (object) => {
      const { seen, errors } = await play([
        refuse(400),
        page([object, secret('a', 1)], 2),
        stream([event('MODIFIED', secret('a', 3))]),
      ])
      expect(seen).toEqual(['apply a 1', 'synced 2', 'apply a 3'])
      expect(errors).toEqual([': an object without a name or a UID'])
    },
  )

  test.each([null, 7, {}, { type: 'NEW', object: {} }, { type: 'ADDED' }])(
    'that is no event ends the stream as an error does: %j',
    async (document) => {
      const { errors, queries } = await play([LIST_OF_A, stream([document])])
      expect(errors).toEqual(['watch secrets: no answer'])
      expect(queries).toEqual(['list as stream', 'watch 10', 'watch 10'])
    },
  )
})

test('nothing more is delivered once the loop is told to stop', async () => {
  const stopping: Step = async function* (_, { stop }) {
    yield await Promise.resolve(event('ADDED', secret('a', 1)))
    stop()
    yield event('ADDED', secret('b', 2))
  }
  const { seen, calls, sleeps } = await play([stopping])
  expect(seen).toEqual(['apply a 1'])
  expect(calls).toHaveLength(1)
  expect(sleeps).toEqual([])
})

test('the loop ends with what its sink throws elsewhere than in apply', async () => {
  const broken = () => {
    throw new Error('a defect')
  }
  const sink = { apply: () => {}, remove: () => {}, synced: broken }
  await expect(play([LIST_OF_A], { sink })).rejects.toThrow('a defect')
})

test('a list without an object may be null', async () => {
  const { seen, errors } = await play([
    refuse(422),
    () => ({ metadata: { resourceVersion: '5' }, items: null }),
  ])
  expect(seen).toEqual(['synced 5'])
  expect(errors).toEqual([])
})
