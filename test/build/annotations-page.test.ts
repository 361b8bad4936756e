import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { HOLD_REASONS } from '../../src/model/hold.ts'
import { GATES } from '../../src/plan/gates/gates.ts'
import { ANNOTATIONS_PAGE, annotationsPage } from '../../tools/annotations-page.ts'

const page = readFileSync(ANNOTATIONS_PAGE, 'utf8')

test('docs/annotations.md is made from the table of reasons', () => {
  expect(page).toBe(annotationsPage(page))
})

test('docs/annotations.md has the reasons in the order in which they are asked for', () => {
  const [, section = ''] = page.split('## Reasons')
  const listed = [...section.matchAll(/^\| `(.*?)` \|/gm)].map(([, reason]) => reason)
  const ofGates = [...new Set(GATES.flatMap(({ reasons }) => reasons))]
  const ofBudgets = ['WaitingForUrgent', 'ClusterBudget', 'GroupBudget', 'StartingPods']
  expect(listed).toEqual([...ofGates, ...ofBudgets, 'ObserveOnly'])
  expect(listed).toEqual(HOLD_REASONS)
})

test('a section after that about reasons stays', () => {
  const more = `${page}\n## More\n\nText.\n`
  expect(annotationsPage(more.replace('| `Paused` | Paused |', '| `Paused` | Fresh |'))).toBe(more)
})
