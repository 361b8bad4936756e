import { expect, test } from 'vitest'
import type { Occurrence } from '../../src/events/occurrence.ts'
import {
  BURST,
  EARNED_AFTER,
  EventSeries,
  SERIES_END,
  SERIES_REFRESH,
  type SluiceEvent,
} from '../../src/events/series.ts'

const held: Occurrence = {
  regarding: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: 'u',
  },
  type: 'Warning',
  reason: 'RestartHeld',
  action: 'Restart',
  about: 'Paused',
  note: 'Paused: …',
}

function series(suppressed: Occurrence[] = []): EventSeries {
  return new EventSeries((occurrence) => suppressed.push(occurrence))
}

const countOf = (event: SluiceEvent | undefined) => event && (event.series?.count ?? 1)

test('the same again is one Event whose series counts; its last count is written when it is over', () => {
  const all = series()
  const first = all.record(held, 0)
  expect(first).toMatchObject({ firstAt: 0, occurrence: held })
  expect(first).not.toHaveProperty('series')
  expect(all.record(held, 1_000)).toEqual({ ...first, series: { count: 2, lastAt: 1_000 } })
  expect(all.record(held, 2_000)).toBeUndefined()
  expect(all.nextAt).toBe(2_000 + SERIES_END + 1)
  expect(all.due(2_000 + SERIES_END)).toEqual([])
  expect(all.due(2_001 + SERIES_END)).toEqual([{ ...first, series: { count: 3, lastAt: 2_000 } }])
  expect(all.due(3_000 + SERIES_END)).toEqual([])
  expect(all.nextAt).toBe(Infinity)
})

test('after a pause it is a new Event', () => {
  const all = series()
  const first = all.record(held, 0)
  const second = all.record(held, SERIES_END + 1)
  expect(countOf(second)).toBe(1)
  expect(second?.firstAt).not.toBe(first?.firstAt)
})

test('one that came twice needs no last write', () => {
  const all = series()
  all.record(held, 0)
  all.record(held, 1_000)
  expect(all.due(2_000 + SERIES_END)).toEqual([])
})

test('a series that goes on and on is written again before the server forgets it', () => {
  const all = series()
  let writes = 0
  for (let now = 0; now < SERIES_REFRESH + 120_000; now += 60_000) {
    all.record(held, now)
    writes += all.due(now).length
  }
  expect(writes).toBe(1)
})

test.each<[string, Partial<Occurrence>]>([
  ['reason', { reason: 'RestartFailed' }],
  ['type', { type: 'Normal' }],
  ['hold', { about: 'InvalidSetting' }],
  ['object', { regarding: { ...held.regarding, name: 'api' } }],
  ['object of the same name', { regarding: { ...held.regarding, uid: 'v' } }],
  ['related object', { related: { ...held.regarding, name: 'api' } }],
])('another %s is another Event', (_, change) => {
  const all = series()
  all.record(held, 0)
  expect(countOf(all.record({ ...held, ...change }, 1))).toBe(1)
})

test('another note is the same Event: the first one stays', () => {
  const all = series()
  all.record(held, 0)
  const again = all.record({ ...held, note: 'Paused: 2 …' }, 1)
  expect(countOf(again)).toBe(2)
  expect(again?.occurrence.note).toBe(held.note)
})

test('one object has a burst of Events, and then one each five minutes; others have theirs', () => {
  const suppressed: Occurrence[] = []
  const all = series(suppressed)
  const nth = (n: number) => ({ ...held, about: `reason ${n}` })
  const written = Array.from({ length: BURST + 5 }, (_, n) => all.record(nth(n), 0))
  expect(written.filter((event) => event !== undefined)).toHaveLength(BURST)
  expect(suppressed).toHaveLength(5)
  expect(all.record({ ...held, regarding: { ...held.regarding, name: 'api' } }, 0)).toBeDefined()
  expect(all.record(nth(101), EARNED_AFTER - 1)).toBeUndefined()
  expect(all.record(nth(102), EARNED_AFTER)).toBeDefined()
  expect(all.record(nth(103), EARNED_AFTER)).toBeUndefined()
})
