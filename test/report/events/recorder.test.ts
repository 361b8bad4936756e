import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Occurrence } from '../../../src/report/events/occurrence.ts'
import {
  BURST,
  EARNED_AFTER,
  EventRecorder,
  REPEATED_AFTER,
} from '../../../src/report/events/recorder.ts'

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
const of = (name: string, about: string): Occurrence => ({
  ...held,
  about,
  regarding: { ...held.regarding, name },
})

function recorder(suppressed: Occurrence[] = []): EventRecorder {
  return new EventRecorder((occurrence) => suppressed.push(occurrence))
}

test('an occurrence is not recorded again within two minutes of its last Event', () => {
  const events = recorder()
  expect(events.record(held, 0)).toEqual({ occurrence: held, at: 0, serial: 0 })
  expect(events.record(held, 1_000)).toBeUndefined()
  expect(events.record(held, REPEATED_AFTER - 1)).toBeUndefined()
  expect(events.record(held, REPEATED_AFTER)).toMatchObject({ at: REPEATED_AFTER })
  expect(events.record(held, REPEATED_AFTER + 1)).toBeUndefined()
})

test.each<[string, Partial<Occurrence>]>([
  ['reason', { reason: 'RestartFailed' }],
  ['type', { type: 'Normal' }],
  ['hold', { about: 'InvalidSetting' }],
  ['object', { regarding: { ...held.regarding, name: 'api' } }],
  ['object of the same name', { regarding: { ...held.regarding, uid: 'v' } }],
  ['related object', { related: { ...held.regarding, name: 'api' } }],
])('another %s is another Event', (_, change) => {
  const events = recorder()
  events.record(held, 0)
  expect(events.record({ ...held, ...change }, 1)).toBeDefined()
})

test('another note is no other Event: numbers change all the time', () => {
  const events = recorder()
  events.record(held, 0)
  expect(events.record({ ...held, note: 'Paused: 2 …' }, 1)).toBeUndefined()
})

test('one object has a burst of Events, and then one each five minutes; others have theirs', () => {
  const suppressed: Occurrence[] = []
  const events = recorder(suppressed)
  const written = Array.from({ length: BURST + 5 }, (_, n) => events.record(of('web', `${n}`), 0))
  expect(written.filter((event) => event !== undefined)).toHaveLength(BURST)
  expect(suppressed).toHaveLength(5)
  expect(events.record(of('api', '0'), 0)).toBeDefined()
  expect(events.record(of('web', '101'), EARNED_AFTER - 1)).toBeUndefined()
  expect(events.record(of('web', '102'), EARNED_AFTER)).toBeDefined()
  expect(events.record(of('web', '103'), EARNED_AFTER)).toBeUndefined()
})

const name = fc.constantFrom('web', 'api', 'search')
const wait = fc.oneof(fc.nat(1_000), fc.nat(2 * EARNED_AFTER))
const occurrences = fc.array(fc.tuple(name, fc.nat(60), wait), { maxLength: 200, size: 'max' })

test('however they come, no object has more Events than a burst and what it earned since', () => {
  fc.assert(
    fc.property(occurrences, (all) => {
      const events = recorder()
      const written = new Map<string, number[]>()
      let now = 0
      for (const [object, about, after] of all) {
        now += after
        const event = events.record(of(object, `${about}`), now)
        if (event) written.set(object, [...(written.get(object) ?? []), now])
      }
      for (const times of written.values()) {
        for (const [first, from] of times.entries()) {
          for (const [nth, time] of times.slice(first).entries()) {
            expect(nth + 1).toBeLessThanOrEqual(BURST + (time - from) / EARNED_AFTER)
          }
        }
      }
    }),
  )
})

test('what is over is forgotten', () => {
  fc.assert(
    fc.property(occurrences, (all) => {
      const events = recorder()
      let now = 0
      for (const [object, about, after] of all) {
        now += after
        events.record(of(object, `${about}`), now)
      }
      events.record(of('last', ''), now + BURST * EARNED_AFTER)
      expect(events.size).toBe(2)
    }),
  )
})
