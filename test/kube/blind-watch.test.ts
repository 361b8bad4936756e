/** Since when a watch may have missed something. */
import { expect, test } from 'vitest'
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

const LISTED = stream([event('ADDED', secret('db', 1)), bookmark(2, 'end')])
const SILENCE = 130_000

/** Plays a script, and tells for how long (ms) the loop was blind at each call; `-` where it was not. */
async function blindFor(script: readonly Step[]): Promise<string[]> {
  const seen: string[] = []
  let time = 0
  const watched = script.map((step): Step => (call, world) => {
    time = world.now()
    const { blindSince } = world.loop.sight
    seen.push(blindSince === undefined ? '-' : String(time - blindSince))
    return step(call, world)
  })
  await play(watched)
  return seen
}

test('one that delivers is not blind, and one that ends as agreed goes on', async () => {
  const calm = stream([bookmark(3)], { lasts: 60_000 })
  expect((await blindFor([LISTED, calm, calm, calm])).slice(1)).toEqual(['-', '-', '-'])
})

test.each([401, 403, 500, 503])(
  'one that is refused (%i) is blind until it is opened',
  async (status) => {
    const [, first, ...later] = await blindFor([
      LISTED,
      refuse(status),
      refuse(status),
      stream([bookmark(3)]),
      stream([bookmark(4)]),
    ])
    expect(first).toBe('-')
    expect(later.slice(0, 2).every((ms) => Number(ms) > 0)).toBe(true)
    expect(later.at(-1)).toBe('-')
  },
)

test('one whose version is too old is blind until all is listed again, however often the server says so', async () => {
  const gone = stream([event('ERROR', { code: 410 })])
  const seen = await blindFor([LISTED, gone, gone, refuse(410), LISTED, stream([bookmark(9)])])
  expect(seen.map((ms) => (ms === '-' ? ms : 'blind'))).toEqual([
    'blind',
    '-',
    'blind',
    'blind',
    'blind',
    '-',
  ])
})

test('one that is open and says nothing is blind after two intervals of bookmarks', async () => {
  const frozen = stream([], { lasts: SILENCE, error: 'UND_ERR_BODY_TIMEOUT' })
  const seen = await blindFor([LISTED, frozen, refuse(503), LISTED, stream([])])
  expect(seen).toEqual(['Infinity', '-', '400', '1200', '-'])
})

test('one that is opened again and again, and brings nothing, becomes blind', async () => {
  const cut = stream([], { lasts: 35_000 })
  const seen = await blindFor([LISTED, cut, cut, cut, cut, cut])
  expect(seen.at(3)).toBe('-')
  expect(Number(seen.at(-1))).toBeGreaterThan(0)
})

test('a stream that brought nothing is followed by a short one, whose bookmark comes before an idle connection is cut', async () => {
  const { calls } = await play([
    LISTED,
    stream([], { lasts: 35_000 }),
    stream([bookmark(3)], { lasts: 30_000 }),
    stream([], { lasts: 35_000 }),
  ])
  expect(calls.map(({ query }) => query?.['timeoutSeconds'])).toEqual([
    '600',
    '600',
    '30',
    '600',
    '30',
  ])
})

test('it is complete when all that a new list was asked for is there, and not before', async () => {
  const seen: boolean[] = []
  const look: Step = (call, world) => {
    seen.push(world.loop.complete)
    return LISTED(call, world)
  }
  await play([
    look,
    (_, { loop }) => {
      seen.push(loop.complete)
      loop.relist()
      seen.push(loop.complete)
      return stream([])(_, { loop } as never)
    },
    look,
    (call, world) => {
      seen.push(world.loop.complete)
      return stream([])(call, world)
    },
  ])
  expect(seen).toEqual([false, true, false, false, true])
})

test('pages are heard one by one, and complete with the last', async () => {
  const seen = await blindFor([
    refuse(422),
    page([], 5, 'next'),
    page([], 5),
    stream([bookmark(6)]),
  ])
  expect(seen.at(-1)).toBe('-')
})

test('a server cannot make it wait for an hour', async () => {
  const { sleeps } = await play([LISTED, refuse(503, 3_600_000)])
  expect(Math.max(...sleeps)).toBeLessThanOrEqual(60_000)
})
