import { expect, test } from 'vitest'
import { PlanLoop } from '../../src/plan/loop.ts'
import { policy, snapshot } from './cluster-builder.ts'

test('nothing is planned until it may be, and then at the next sign of a change', async () => {
  const end = new AbortController()
  let mayPlan = false
  let snapshots = 0
  let reports = 0
  const planLoop = new PlanLoop({
    policy,
    mayPlan: () => mayPlan,
    snapshot() {
      snapshots++
      return snapshot([])
    },
    execute: () => {},
    report: () => reports++,
    now: () => 0,
    sleep: () => Promise.resolve(),
  })
  const ended = planLoop.run(end.signal)
  const look = async () => {
    planLoop.changed()
    await new Promise(setImmediate)
  }
  await look()
  await look()
  expect({ snapshots, reports }).toEqual({ snapshots: 0, reports: 0 })
  mayPlan = true
  await look()
  expect({ snapshots, reports }).toEqual({ snapshots: 1, reports: 1 })
  mayPlan = false
  await look()
  expect({ snapshots, reports }).toEqual({ snapshots: 1, reports: 1 })
  end.abort()
  await ended
})
