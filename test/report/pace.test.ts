import { expect, test } from 'vitest'
import type { Restart } from '../../src/records/consumer.ts'
import { plan } from '../../src/plan/plan.ts'
import { createPace } from '../../src/report/pace.ts'
import { at, deployment, policy, snapshot, workload } from '../plan/cluster-builder.ts'

const restart: Restart = {
  id: 'same',
  strategy: 'evict',
  startedAt: at(0),
  templateHash: 'hash',
  wasUnwell: false,
}
const web = deployment('web', { replicas: 4 })
const api = deployment('api', { replicas: 1 })
const FIRST_GUESS = createPace().perPod

/** What a plan tells of these workloads, all of whose pods are stale; they are being restarted, or are not any more. */
function planned(restarting: Restart | undefined, ...deployments: readonly (typeof web)[]) {
  const workloads = deployments.map((each) =>
    workload({ workload: each, ledger: { restart: restarting } }),
  )
  return plan(snapshot(workloads), policy, at(1)).workloads
}

test('a pod takes what restarts took, each divided by its pods', () => {
  const pace = createPace()
  pace.planned(planned(restart, web))
  pace.ended(web.ref, restart, at(80))
  // Four pods took 20 s each.
  expect(pace.perPod).toBe(FIRST_GUESS + 0.3 * (20_000 - FIRST_GUESS))
})

test('the answer to the record of the end may come after a plan that knows of it', () => {
  const pace = createPace()
  pace.planned(planned(restart, web))
  pace.planned(planned(undefined, web))
  pace.ended(web.ref, restart, at(80))
  expect(pace.perPod).toBeGreaterThan(FIRST_GUESS)
})

test('restarts that began in one plan, and so have one id, are told apart', () => {
  const pace = createPace()
  pace.planned(planned(restart, web, api))
  // One pod took as long as is expected.
  pace.ended(api.ref, restart, at(FIRST_GUESS / 1000))
  expect(pace.perPod).toBe(FIRST_GUESS)
  pace.ended(web.ref, restart, at((4 * FIRST_GUESS) / 1000))
  expect(pace.perPod).toBe(FIRST_GUESS)
})

test('a workload that is gone in the midst of its restart is forgotten', () => {
  const pace = createPace()
  pace.planned(planned(restart, web))
  pace.planned(planned(restart, api))
  pace.ended(web.ref, restart, at(80))
  expect(pace.perPod).toBe(FIRST_GUESS)
})
