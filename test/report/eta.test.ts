import { expect, test } from 'vitest'
import { forecast } from '../../src/report/eta.ts'
import { HOLD_REASONS, REASONS } from '../../src/model/hold.ts'
import { plan } from '../../src/plan/plan.ts'
import { at, deployment, pod, policy, snapshot, workload } from '../plan/cluster-builder.ts'
import { evicting, told } from '../plan/planning.ts'

const PER_POD = 10_000

/** The end of the rotation of `shop/db`, in seconds after the epoch of the tests, forecast at a second. */
function end(second: number, ...workloads: Parameters<typeof workload>[0][]): number | undefined {
  const made = plan(snapshot(workloads.map(workload)), policy, at(second))
  const ends = forecast(made, policy, PER_POD, at(second))
  const end = ends.get('shop/secret/db')
  return end === undefined ? undefined : (end - at(0)) / 1000
}

const web = { workload: deployment('web', { replicas: 3 }) }
const api = { workload: deployment('api', { replicas: 2 }) }

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

test.each(HOLD_REASONS.map((reason) => [reason, REASONS[reason]] as const))(
  'while a workload is held by %s is known only if time, its turn or its pods end that',
  (reason, { state, endedBy }) => {
    const restarting = told('web', { ledger: { restart: evicting } })
    const made = plan(snapshot([restarting]), policy, at(10))
    const workloads = made.workloads.map((each) => ({ ...each, hold: { reason, message: '' } }))
    const end = forecast({ ...made, workloads }, policy, PER_POD, at(10)).get('shop/secret/db')
    expect(end !== undefined && end < Infinity).toBe(state === 'Waiting')
    if (endedBy === 'owner' || endedBy === 'halt') expect(end).toBe(Infinity)
  },
)

test('is not known for those behind a restart that waits for somebody', () => {
  const away = { pods: [pod('web-1'), pod('web-2')], ledger: { restart: evicting } }
  const paused = told('web', { ...away, annotations: { paused: 'true' } })
  const made = plan(snapshot([paused, told('api', { namespace: 'books' })]), policy, at(10))
  expect(made.workloads.map(({ hold }) => hold?.reason)).toEqual(['Paused', 'ClusterBudget'])
  expect(forecast(made, policy, PER_POD, at(10))).toEqual(
    new Map([
      ['shop/secret/db', Infinity],
      ['books/secret/db', Infinity],
    ]),
  )
})

test('is known for those behind a restart that goes on', () => {
  const away = { pods: [pod('web-1'), pod('web-2')], ledger: { restart: evicting } }
  const made = plan(
    snapshot([told('web', away), told('api', { namespace: 'books' })]),
    policy,
    at(10),
  )
  expect([...forecast(made, policy, PER_POD, at(10)).values()]).toEqual([at(10 + 30), at(10 + 60)])
})

test.each([
  [10, true],
  [39, true],
  [40, false],
  [7 * 86_400, false],
])('at %i s, with a pod that has no node, is known: %s', (second, known) => {
  const pending = { createdAt: at(10), scheduledAt: undefined, ready: false, containers: [] }
  const pods = [pod('web-1'), pod('web-2'), pod('web-3', pending)]
  const made = plan(snapshot([told('web', { pods })]), policy, at(second))
  expect(made.workloads[0]?.hold?.reason).toMatch(/^(MaxUnavailable|PodsStuck)$/)
  const end = forecast(made, policy, PER_POD, at(second)).get('shop/secret/db') ?? NaN
  expect(end < Infinity).toBe(known)
})
