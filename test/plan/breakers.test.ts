import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { breakerAfter, type EndedRestart } from '../../src/plan/halts/breakers.ts'

const MINUTE = 60_000
const times = { failureWindow: 30 * MINUTE, failureCooldown: 10 * MINUTE }
const always = () => true

/** A restart that ended at this minute. */
function ended(minute: number, failed: boolean, name = `w${minute}`): EndedRestart {
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name,
    uid: name,
  } as const
  return { workload, at: minute * MINUTE, failed }
}
const failure = (minute: number) => ended(minute, true)
const success = (minute: number) => ended(minute, false)

/** The minute of the next try, if the breaker is open. */
const nextTry = (...all: readonly EndedRestart[]) => {
  const open = breakerAfter(all, times, always)
  return open && open.tryAt / MINUTE
}

describe('a breaker', () => {
  test.each<[string, readonly EndedRestart[], number | undefined]>([
    ['is closed after one failure', [failure(0)], undefined],
    ['is open after two within the window', [failure(0), failure(30)], 40],
    ['is closed after two further apart', [failure(0), failure(31)], undefined],
    ['is closed by nothing that ends before the try', [failure(0), failure(1), success(5)], 11],
    ['is closed by a try that ends well', [failure(0), failure(1), success(12)], undefined],
    [
      'is open for twice as long after a try that failed',
      [failure(0), failure(1), failure(12)],
      32,
    ],
    [
      'is open for an hour at most',
      [failure(0), failure(1), failure(12), failure(33), failure(74), failure(140)],
      200,
    ],
    ['counts what fails before the try as none', [failure(0), failure(1), failure(5)], 11],
    [
      'needs two more after it was closed',
      [failure(0), failure(1), success(12), failure(13)],
      undefined,
    ],
    [
      'opens again after two more, as if for the first time',
      [failure(0), failure(1), success(12), failure(13), failure(14)],
      24,
    ],
  ])('%s', (_, all, expected) => {
    expect(nextTry(...all)).toBe(expected)
  })

  test('needs failures that have to do with one another', () => {
    expect(breakerAfter([failure(0), failure(1)], times, () => false)).toBeUndefined()
  })

  const ends = fc.array(
    fc.record({ minute: fc.nat(600), failed: fc.boolean() }).map((e) => ended(e.minute, e.failed)),
  )

  test('never stays open for longer than an hour after the last failure', () => {
    fc.assert(
      fc.property(ends, (all) => {
        const open = breakerAfter(all, times, always)
        const last = Math.max(...all.filter(({ failed }) => failed).map(({ at }) => at))
        if (open) expect(open.tryAt).toBeLessThanOrEqual(last + 60 * MINUTE)
      }),
    )
  })

  test('is closed by whatever ends well once a try is due', () => {
    fc.assert(
      fc.property(ends, (all) => {
        const open = breakerAfter(all, times, always)
        const last = Math.max(0, ...all.map(({ at }) => at))
        if (!open) return
        const at = Math.max(open.tryAt, last) / MINUTE
        expect(nextTry(...all, success(at))).toBeUndefined()
      }),
    )
  })

  test('depends on what ended alone, not on the order in which it is listed', () => {
    fc.assert(
      fc.property(
        fc
          .uniqueArray(fc.nat(600))
          .chain((minutes) =>
            fc.tuple(
              ...minutes.map((minute) => fc.boolean().map((failed) => ended(minute, failed))),
            ),
          ),
        (all) => {
          expect(nextTry(...all.toReversed())).toBe(nextTry(...all))
        },
      ),
    )
  })
})
