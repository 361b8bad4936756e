import { expect, test } from 'vitest'
import { assess } from '../../src/plan/assessment.ts'
import { assessOnce } from '../../src/plan/known-assessment.ts'
import type { Workload } from '../../src/plan/workload.ts'
import { at, deployment, policy, settings, source, workload } from './cluster-builder.ts'

const OLD = { at: at(-7200), data: { password: 'old' } }
const before = source('db', OLD)
const after = source('db', OLD, { at: at(0), data: { password: 'new' } })
const first = workload({ sources: [before] })
const others: Record<string, Partial<Workload>> = {
  'a source': { source: () => after },
  'the list of pods': { pods: first.pods.slice(1) },
  'a pod': { pods: first.pods.map((each) => ({ ...each, uses: [] })) },
  'the Deployment': { deployment: deployment('web', { uses: [] }) },
  'a setting': { settings: settings({ ignore: 'db' }) },
  'the Consumer': { consumer: undefined },
  'an eviction': {
    pending: { ...first.pending, evicted: new Set(first.pods.map(({ ref }) => ref.uid)) },
  },
}

function bothWays(each: Workload, key = 'key', margins = policy) {
  const judged = assessOnce(each, key, margins)
  expect(judged).toEqual(assess(each, key, margins))
  return judged
}

test.each(Object.entries(others))(
  '%s that changes is judged anew, and so is its return',
  (_, change) => {
    for (const each of [first, { ...first, ...change }, first]) bothWays(each)
  },
)

test('another key and other margins are judged anew', () => {
  for (const key of ['key', 'other', 'key']) bothWays(first, key)
  bothWays(first, 'key', { ...policy, margin: 9_000 })
})

test('what is the same is not judged again, but shows what is under way now', () => {
  const pending = { ...first.pending, reportedAt: at(5) }
  const again = bothWays({ ...first, pending })
  expect(again.judged).toBe(bothWays(first).judged)
  expect(again.pending).toBe(pending)
})
