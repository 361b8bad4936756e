import { expect, test } from 'vitest'
import { assess } from '../../src/plan/judge/assessment.ts'
import { assessOnce } from '../../src/plan/memo.ts'
import { policy, source, workload } from './cluster-builder.ts'

const one = workload({ sources: [source('db')] })

function bothWays(each: typeof one, key: string, margins = policy) {
  const judged = assessOnce(each, key, margins)
  expect(judged).toEqual(assess(each, key, margins))
  return judged
}

test('a workload that is the same is judged once', () => {
  expect(bothWays(one, 'key')).toBe(bothWays(one, 'key'))
})

test('another key, other margins and a new picture of a workload are judged anew', () => {
  const first = bothWays(one, 'key')
  expect(bothWays(one, 'other')).not.toBe(first)
  expect(bothWays(one, 'key', { ...policy, margin: 9_000 })).not.toBe(first)
  expect(bothWays({ ...one }, 'key')).not.toBe(first)
})
