// A list on demand: the picture must be as new as the moment in which it was asked for.
import { expect, test } from 'vitest'
import type { ListWatch } from '../../src/kube/list-watch.ts'
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

const firstPicture = [
  event('ADDED', secret('db', 1)),
  event('ADDED', secret('mail', 2)),
  bookmark(2, 'end'),
]

/** A stream in the middle of which the loop is told to list anew. */
function interrupted(before: readonly unknown[], after: readonly unknown[]): Step {
  return async function* (_, { loop }) {
    for (const each of before) yield await Promise.resolve(each)
    loop.relist()
    for (const each of after) yield await Promise.resolve(each)
  }
}

test('a watch is broken off for a list, and what the list lacks is removed', async () => {
  const { seen, queries, states, errors } = await play([
    interrupted(firstPicture, [event('MODIFIED', secret('db', 3))]),
    stream([event('ADDED', secret('db', 4)), bookmark(9, 'end')]),
  ])
  expect(queries).toEqual(['list as stream', 'list as stream', 'watch 9'])
  expect(seen).toEqual([
    'apply db 1',
    'apply mail 2',
    'synced 2',
    'apply db 4',
    'remove mail uid-mail',
    'synced 9',
  ])
  // Listed already, it goes on to count as synced.
  expect(states.map(({ synced, resourceVersion }) => ({ synced, resourceVersion }))).toEqual([
    { synced: false, resourceVersion: undefined },
    { synced: true, resourceVersion: undefined },
    { synced: true, resourceVersion: '9' },
  ])
  expect(errors).toEqual([])
})

test('a list that was under way does not count: it may be older', async () => {
  const { seen, queries } = await play([
    interrupted([event('ADDED', secret('db', 1))], [bookmark(1, 'end')]),
    stream([event('ADDED', secret('db', 5)), bookmark(5, 'end')]),
  ])
  expect(queries).toEqual(['list as stream', 'list as stream', 'watch 5'])
  expect(seen).toEqual(['apply db 1', 'apply db 5', 'synced 5'])
})

test('nor does the answer of a paged one that comes all the same', async () => {
  const { seen, queries } = await play([
    refuse(400),
    (call, world) => {
      world.loop.relist()
      return page([secret('db', 1)], 1)(call, world)
    },
    page([secret('db', 5)], 5),
  ])
  expect(queries).toEqual(['list as stream', 'list', 'list', 'watch 5'])
  expect(seen).toEqual(['apply db 5', 'synced 5'])
})

test('a wait for the next attempt is cut short', async () => {
  const cut: boolean[] = []
  let loop: ListWatch | undefined
  const { queries } = await play(
    [
      (call, world) => {
        loop = world.loop
        return refuse(503)(call, world)
      },
      stream([bookmark(5, 'end')], { lasts: 20_000 }),
    ],
    {
      sleep(_, signal) {
        loop?.relist()
        cut.push(signal.aborted)
        return Promise.resolve()
      },
    },
  )
  expect(queries).toEqual(['list as stream', 'list as stream', 'watch 5'])
  expect(cut).toEqual([true])
})
