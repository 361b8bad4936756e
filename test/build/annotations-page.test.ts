import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HOLD_REASONS } from '../../src/plan/hold.ts'

test('docs/annotations.md says of every reason what to do, once each', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/annotations.md'), 'utf8')
  const [, table = ''] = page.split('## Reasons')
  const rows = table.matchAll(/^\| (`.*?`) \|/gm)
  const told = [...rows].flatMap(([, reasons = '']) => reasons.split(', '))
  expect(told.toSorted()).toEqual(HOLD_REASONS.map((reason) => `\`${reason}\``).toSorted())
})
