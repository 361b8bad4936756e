import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLimit, resolveLimit } from '../../src/config/limit.ts'

describe('a limit', () => {
  test.each([
    ['1', { kind: 'count', value: 1 }],
    ['3', { kind: 'count', value: 3 }],
    ['250', { kind: 'count', value: 250 }],
    ['1%', { kind: 'percent', value: 1 }],
    ['25%', { kind: 'percent', value: 25 }],
    ['100%', { kind: 'percent', value: 100 }],
  ])('reads %s', (text, limit) => {
    expect(parseLimit(text)).toEqual(limit)
  })

  test.each([
    '',
    '0',
    '0%',
    '-1',
    '+1',
    '1.5',
    '2.5%',
    '101%',
    '01',
    '1e3',
    ' 1',
    '1 ',
    '25 %',
    '%',
    'all',
    '1\n',
    '1000000',
  ])('refuses %j', (text) => {
    expect(parseLimit(text)).toBeUndefined()
  })

  test.each([
    ['1', 0, 1],
    ['3', 1, 3],
    ['25%', 0, 1],
    ['25%', 1, 1],
    ['25%', 4, 1],
    ['25%', 7, 1],
    ['25%', 8, 2],
    ['29%', 100, 29],
    ['99%', 3, 2],
    ['100%', 3, 3],
  ])('of %s lets a workload of %i replicas lose %i', (text, replicas, pods) => {
    const limit = parseLimit(text)
    expect(limit && resolveLimit(limit, replicas)).toBe(pods)
  })

  test('in percent is the largest whole number within the share, and at least 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(100_000), (value, replicas) => {
        const pods = resolveLimit({ kind: 'percent', value }, replicas)
        expect(Number.isInteger(pods) && pods >= 1).toBe(true)
        expect(pods === 1 || pods * 100 <= replicas * value).toBe(true)
        expect((pods + 1) * 100).toBeGreaterThan(replicas * value)
      }),
    )
  })
})
