import { expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import { createRotationTracker } from '../../src/report/rotations.ts'
import { at, calmDb, policy, rotatedDb, snapshot, workload } from '../plan/cluster-builder.ts'

const stale = plan(snapshot([workload({ sources: [rotatedDb] })]), policy, at(1))
const fresh = plan(snapshot([workload({ sources: [calmDb] })]), policy, at(1))

test('a rotation lasts from the change to the last fresh pod, and is told once', () => {
  const follow = createRotationTracker()
  expect(follow(fresh, at(0))).toEqual({ active: 0, ended: [] })
  expect(follow(stale, at(10))).toEqual({ active: 1, ended: [] })
  expect(follow(stale, at(20))).toEqual({ active: 1, ended: [] })
  expect(follow(fresh, at(30))).toEqual({ active: 0, ended: [30] })
  expect(follow(fresh, at(40))).toEqual({ active: 0, ended: [] })
})
