import { expect, test } from 'vitest'
import { forecast } from '../../src/plan/eta.ts'
import { plan } from '../../src/plan/plan.ts'
import { at, deployment, policy, snapshot, workload } from './cluster-builder.ts'

const PER_POD = 10_000

/** The end of the rotation of `shop/db`, in seconds after the epoch of the tests, forecast at a second. */
function end(second: number, ...workloads: Parameters<typeof workload>[0][]): number | undefined {
  const made = plan(snapshot(workloads.map(workload)), policy, at(second))
  const ends = forecast(made, policy, PER_POD, at(second))
  const end = ends.get('shop/db')
  return end === undefined ? undefined : (end - at(0)) / 1000
}

const web = { deployment: deployment('web', { replicas: 3 }) }
const api = { deployment: deployment('api', { replicas: 2 }) }

test('is known before the first restart: the quiet period, then pod after pod', () => {
  expect(end(1, web)).toBe(5 + 30)
})

test('counts the workloads of a Secret one after the other', () => {
  expect(end(10, web, api)).toBe(10 + 50)
})

test('takes a wider limit for fewer rounds', () => {
  expect(end(10, { ...web, annotations: { 'max-unavailable': '2' } })).toBe(10 + 20)
})

test('is not known while a workload is held until somebody does something', () => {
  expect(end(10, { ...web, annotations: { paused: 'true' } })).toBe(Infinity)
})
