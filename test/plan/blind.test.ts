/** A picture that may be old: what is seen of pods stands still, and time runs on. */
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import {
  at,
  consumer,
  container,
  deployment,
  policy,
  snapshot,
  workload,
} from './cluster-builder.ts'
import { calm, evicting, NOW, oneAway, planned, replacement, restarting, told } from './planning.ts'

const blind = 'the watch of namespaces fails (watch namespaces: 403 Forbidden)'

const never = replacement('web-1')
const waiting = replacement('web-1', { ready: true })
const leftover = {
  workload: deployment('gone').ref,
  consumer: consumer(deployment('gone'), undefined),
}

/** A workload, and when something is due of it. */
const due: Record<string, readonly [ManagedWorkload, number, string]> = {
  'a restart that would begin': [told('web'), at(60), 'record shop/web: started'],
  'a further pod of a restart': [told('web', { ledger: { restart: evicting } }), at(10), 'evict'],
  'a restart whose deadline passes': [
    restarting('web', { pods: [never] }),
    at(3600),
    'record shop/web: failed',
  ],
  'a restart that is done': [
    restarting('web', {
      pods: ['1', '2', '3'].map((n) => replacement(`web-${n}`, { ready: true })),
    }),
    at(3600),
    'record shop/web: finished',
  ],
  'a change that is not recorded': [workload(), at(1), 'record shop/web: changed'],
  'a workload without a record': [workload({ ledger: null }), at(10), 'record shop/web: adopted'],
}

test.each(Object.entries(due))('%s stays as it is', (_, [of, now, seen]) => {
  expect(planned([of], { now }).lines.join()).toContain(seen)
  expect(planned([of], { now }, { blind }).lines).toEqual([])
  // It goes on by itself.
  expect(planned([of], { now }).lines.join()).toContain(seen)
})

test('no Halt is made, and no Consumer is deleted', () => {
  const crashing = [container(NOW, { state: 'waiting', waitingReason: 'CrashLoopBackOff' })]
  const pods = [...oneAway('web'), replacement('new', { containers: crashing })]
  const before = restarting('web', { pods })
  const failure = planned([before]).actions.find((action) => action.kind === 'record')
  if (!before.consumer || !failure) throw new Error('it did not fail')
  const failed = { ...before, consumer: { ...before.consumer, status: failure.status } }
  const seen = { leftovers: [leftover] }
  const lines = planned([failed], {}, seen).lines.map((line) => line.split(' ')[0])
  expect(lines).toEqual(expect.arrayContaining(['halt', 'forget']))
  expect(planned([failed], {}, { ...seen, blind }).lines).toEqual([])
})

test('who waits or is under way is told why, and others show what they showed', () => {
  const paused = told('paused', { annotations: { paused: 'true' } })
  const { reasons, holds, actions } = planned(
    [
      told('web'),
      restarting('api', { pods: [waiting] }),
      paused,
      told('calm', { sources: [calm('other')] }),
    ],
    {},
    { blind },
  )
  expect(reasons).toEqual({ web: 'NotWatching', api: 'NotWatching', paused: 'Paused' })
  expect(holds['web']).toBe(`NotWatching: ${blind}: no restart goes on until every watch delivers`)
  const reported = actions.map((each) =>
    each.kind === 'record'
      ? `${each.workload.name} ${each.cause} ${each.status.report.state}`
      : each.kind,
  )
  expect(reported).toEqual(expect.arrayContaining(['web reported Held', 'api reported Held']))
})

test('a workload that seemed to need nothing is looked at when the watches deliver again', () => {
  const unrecorded = workload()
  plan(snapshot([unrecorded], { blind }), policy, at(10))
  expect(plan(snapshot([unrecorded]), policy, at(10)).actions).not.toEqual([])
})
