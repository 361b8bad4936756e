import { describe, expect, test } from 'vitest'
import { LOST } from '../../src/sources/digest.ts'
import {
  append,
  applied,
  earliest,
  isNewer,
  MOST_ENTRIES,
  shortened,
  today,
  untilAbsence,
  type Entry,
  type Timeline,
} from '../../src/sources/timeline.ts'

const entry = (digest: string, since: number, more: Partial<Entry> = {}): Entry => ({
  digest,
  since,
  ...more,
})
const A = entry('A', -Infinity)
const told = (timeline: Timeline) => timeline.map(({ digest, since }) => `${digest} ${since}`)

describe('a timeline', () => {
  test('gets an entry for other content alone', () => {
    expect(append([A], entry('A', 5))).toEqual([A])
    expect(append([A], entry('B', 5))).toEqual([A, entry('B', 5)])
  })

  test('never goes backwards in time', () => {
    expect(told(append([A, entry('B', 9)], entry('C', 5)))).toEqual(['A -Infinity', 'B 9', 'C 9'])
  })

  test('stays short, and says lost for what it forgot, up to the version of the last of that', () => {
    let timeline: Timeline = [A]
    for (let n = 1; n <= 40; n++)
      timeline = append(timeline, entry(`d${n}`, n, { version: `${n}` }))
    expect(timeline).toHaveLength(MOST_ENTRIES)
    expect(timeline[0]).toEqual(A)
    expect(timeline[1]).toEqual(entry(LOST, 1, { version: '26' }))
    expect(timeline[2]?.digest).toBe('d27')
    expect(today(timeline).digest).toBe('d40')
  })

  test.each([3, 4, 5])(
    'of five entries is at most %i long, with its first and its last',
    (most) => {
      const five: Timeline = [A, entry('B', 1), entry('C', 2), entry('D', 3), entry('E', 4)]
      const short = shortened(five, most)
      expect(short).toHaveLength(most)
      expect([short[0], short.at(-1)]).toEqual([A, entry('E', 4)])
    },
  )

  test('that every pod is up to date with is today’s content and nothing else', () => {
    expect(applied([A, entry('B', 60)])).toEqual([entry('B', -Infinity)])
  })

  test('of what is gone goes until that', () => {
    expect(untilAbsence([A, entry('absent', 1)])).toEqual([A])
    expect(untilAbsence([A, entry('absent', 1), entry('A', 2)])).toHaveLength(3)
    expect(untilAbsence([entry('absent', 1)])).toBeUndefined()
  })
})

test('an entry began in the second before its time, or since what came before it was last seen', () => {
  expect(earliest(entry('A', 5000))).toBe(4000)
  expect(earliest(entry('A', 5000, { notBefore: 100 }))).toBe(100)
  expect(earliest(entry('A', 5000, { notBefore: 6000 }))).toBe(4000)
})

describe('resourceVersions', () => {
  test.each([
    ['2', '1', true],
    ['10', '9', true],
    ['9', '10', false],
    ['5', '5', false],
    ['1', '', true],
    ['', '', false],
    ['18446744073709551615', '18446744073709551614', true],
  ])('%j is newer than %j: %s', (a, b, newer) => {
    expect(isNewer(a, b)).toBe(newer)
  })
})

test('an absence of a key after that of its source is one of the key alone, which stops no pod', () => {
  const missing = entry('absent', 5, { missing: true })
  expect(append([A, missing], entry('absent', 7))).toEqual([A, entry('absent', 5)])
  expect(append([A, entry('absent', 5)], missing)).toEqual([A, entry('absent', 5)])
})
