import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/config/duration.ts'

describe('a duration', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['5s', 5_000],
    ['60s', 60_000],
    ['1m30s', 90_000],
    ['5m500ms', 300_500],
    ['1h', 3_600_000],
    ['2h3m4s5ms', 7_384_005],
    ['576h', 2_073_600_000],
  ])('reads %s as %i milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
  })

  test.each([
    '',
    '0',
    '5',
    's',
    '5 s',
    ' 5s',
    '5s\n',
    '-5s',
    '1.5s',
    '30s1m',
    '1m1m',
    '5S',
    '1d',
    '577h',
    '9999999999h',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.nat(24 * 24 * 3_600_000), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds)
      }),
    )
  })

  test.each([
    [0, '0s'],
    [90_000, '1m30s'],
    [300_000, '5m'],
    [86_400_000, '24h'],
    [1_500, '1s500ms'],
  ])('of %i milliseconds is written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text)
  })
})
