import { describe, expect, test } from 'vitest'
import {
  directory,
  oneOf,
  positiveNumber,
  wholeNumber,
  yesOrNo,
  type Kind,
} from '../../src/config/kind.ts'

describe('a kind of value', () => {
  test.each<[string, Kind<unknown>, string | number, unknown]>([
    ['a switch', yesOrNo, 'true', true],
    ['a switch', yesOrNo, 'false', false],
    ['a whole number', wholeNumber, '0', 0],
    ['a whole number', wholeNumber, '-10', -10],
    ['a whole number', wholeNumber, 100, 100],
    ['a positive number', positiveNumber, '1', 1],
    ['a word', oneOf('evict', 'rollout'), 'rollout', 'rollout'],
    ['a directory', directory, '/etc/sluice-tls', '/etc/sluice-tls'],
    ['a directory', directory, 'none', null],
  ])('%s reads what it is meant for', (_, { schema }, text, value) => {
    expect(schema.parse(text)).toBe(value)
  })

  test.each<[string, Kind<unknown>, unknown, string]>([
    ['a switch', yesOrNo, 'True', '"true" or "false"'],
    ['a switch', yesOrNo, '', '"true" or "false"'],
    ['a whole number', wholeNumber, '1.5', 'a whole number from -1000000 to 1000000'],
    ['a whole number', wholeNumber, '-0', 'a whole number from -1000000 to 1000000'],
    ['a whole number', wholeNumber, true, 'a whole number from -1000000 to 1000000'],
    ['a positive number', positiveNumber, '-1', 'a whole number of at least 1'],
    ['a word', oneOf('evict', 'rollout'), 'delete', 'one of evict, rollout'],
    ['a directory', directory, 'tls', 'the path of a directory from the root, or none'],
  ])('%s refuses anything else, saying what was expected', (_, { schema }, text, expected) => {
    expect(schema.safeParse(text).error?.issues.map(({ message }) => message)).toEqual([expected])
  })
})
