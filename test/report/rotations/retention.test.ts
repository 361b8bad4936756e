import { expect, test } from 'vitest'
import {
  expired,
  KEPT_FOR,
  KEPT_OF_ALL,
  KEPT_OF_SOURCE,
  type Kept,
} from '../../../src/report/rotations/retention.ts'
import { at } from '../../plan/cluster-builder.ts'

function over(name: string, second: number): Kept {
  return {
    source: { kind: 'Secret', namespace: 'shop', name },
    changedAt: at(second),
    finishedAt: at(second + 10),
    settled: true,
  }
}

test('the newest ones of a source are kept', () => {
  const all = Array.from({ length: KEPT_OF_SOURCE + 2 }, (_, n) => over('db', n))
  expect(expired([...all, over('mail', 0)], at(100))).toEqual([over('db', 0), over('db', 1)])
})

test('all are kept for a week', () => {
  const end = at(10) + KEPT_FOR
  expect(expired([over('db', 0)], end)).toEqual([])
  expect(expired([over('db', 0)], end + 1)).toEqual([over('db', 0)])
})

test('one of which old content is in use is kept for as long as that lasts', () => {
  const waiting = { ...over('db', 0), settled: false }
  expect(expired([waiting], at(11) + 10 * KEPT_FOR)).toEqual([])
})

test('of many sources the newest ones are kept', () => {
  const all = Array.from({ length: KEPT_OF_ALL + 2 }, (_, n) => over(`db-${n}`, n))
  expect(expired(all, at(10_000))).toEqual([over('db-0', 0), over('db-1', 1)])
})
