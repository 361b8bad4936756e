// Workloads whose Secrets are not known one by one: nothing that follows from a guess is done or written down.
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import { unreadSource, type SourceRecord, type Unread } from '../../src/sources/source.ts'
import type { Timeline } from '../../src/sources/timeline.ts'
import {
  appliedLedger,
  appUses,
  at,
  consumer,
  deployment,
  pod,
  policy,
  snapshot,
  workload,
  type WorkloadChange,
} from './cluster-builder.ts'
import { calm, evicting, NOW, oneAway, passwordOf, planned, rotated, told } from './planning.ts'

const awaited = unread({ kind: 'Awaited', message: 'Secret db has not been delivered yet' })
const forbidden = unread({ kind: 'Unreadable', message: 'a rule is missing' })

function unread(why: Unread): SourceRecord {
  return unreadSource({ kind: 'Secret', namespace: 'shop', name: 'db' }, why)
}

/** `web` with a record of `db`, which is not known now. */
function recorded(db: SourceRecord, change: Omit<WorkloadChange, 'sources' | 'consumer'> = {}) {
  const { ledger, ...rest } = change
  const known = appliedLedger([calm('db')], ledger ?? {})
  return workload({ ...rest, sources: [db], consumer: consumer(deployment(), known) })
}

test('a Secret that is on the way holds its workload without a word, and nobody else', () => {
  const { actions, order, holds, lines } = planned([
    recorded(awaited),
    told('api', { sources: [rotated('mail')] }),
  ])
  expect(order).toContain('web')
  expect(holds).toEqual({ web: 'NotSynced: Secret db has not been delivered yet' })
  expect(lines).toEqual(['record shop/api: started'])
  expect(actions).toHaveLength(1)
})

test('at first sight no baseline is taken of a Secret that is on the way', () => {
  const { actions, reasons } = planned([workload({ sources: [awaited], ledger: null })])
  expect(actions).toEqual([])
  expect(reasons).toEqual({ web: 'NotSynced' })
})

test('a Secret that may not be read is told in the Consumer, and its record is kept as it is', () => {
  const [action, ...others] = planned([recorded(forbidden)]).actions
  expect(others).toEqual([])
  if (action?.kind !== 'record') throw new Error('expected a record')
  expect(action.status.report).toMatchObject({
    state: 'Held',
    reason: 'SourceUnreadable',
    message: 'a rule is missing',
  })
  expect(action.status.ledger.sources).toEqual(appliedLedger([calm('db')]).sources)
})

test('a Secret that may not be read is told at first sight, without a baseline', () => {
  const { actions } = planned([workload({ sources: [forbidden], ledger: null })])
  expect(actions).toMatchObject([
    { kind: 'record', cause: 'adopted', status: { report: { reason: 'SourceUnreadable' } } },
  ])
  const [action] = actions
  expect(action?.kind === 'record' && action.status.ledger.sources.size).toBe(0)
})

test('a change that came while the Secret could not be read is found in the record', () => {
  const kept = planned([recorded(forbidden)]).actions.flatMap((action) =>
    action.kind === 'record' ? [action.status.ledger] : [],
  )
  const after = workload({ sources: [rotated('db')], consumer: consumer(deployment(), kept[0]) })
  const [action] = planned([after]).actions
  expect(action).toMatchObject({ kind: 'record', status: { report: { stalePods: 3 } } })
})

test.each([awaited, forbidden])('a restart under way goes no further, and keeps its slot', (db) => {
  const held = recorded(db, { ledger: { restart: evicting }, pods: oneAway('web') })
  const { lines, reasons } = planned([held, told('api', { sources: [rotated('mail')] })])
  expect(lines).toEqual([])
  expect(reasons['api']).toBe('ClusterBudget')
})

test('one Secret that is on the way comes before another that may not be read', () => {
  const uses = appUses(passwordOf('db'), passwordOf('mail'))
  const mail = unreadSource(
    { kind: 'Secret', namespace: 'shop', name: 'mail' },
    { kind: 'Awaited', message: 'on the way' },
  )
  const both = workload({
    sources: [forbidden, mail],
    workload: deployment('web', { uses }),
    pods: [pod('web-1', { uses })],
    consumer: consumer(deployment(), appliedLedger([calm('db'), calm('mail')])),
  })
  expect(planned([both]).holds).toEqual({ web: 'NotSynced: on the way' })
})

test('a failure is not taken for over because its content cannot be read', () => {
  const failure = {
    id: 'f1',
    kind: 'Unfit',
    failedAt: at(5),
    message: 'pod web-1 crashes',
    contents: [{ source: 'secret/db', key: 'password', digest: 'the one it failed with' }],
  } as const
  const made = plan(snapshot([recorded(forbidden, { ledger: { failure } })]), policy, NOW)
  const [action] = made.actions
  expect(action?.kind === 'record' && action.status.ledger.failure).toEqual(failure)
})

describe('a rotation under way when the HMAC key was replaced and the Secret cannot be read', () => {
  const [old, current] = ['1'.repeat(32), '2'.repeat(32)]
  const { uid, resourceVersion } = calm('db')
  const timelines = new Map<string, Timeline>([
    [
      'password',
      [
        { digest: old, since: -Infinity },
        { digest: current, since: at(0) },
      ],
    ],
  ])
  const record = { uid, resourceVersion, writtenAt: at(0), seenAt: at(0), timelines }
  const underOldKey = {
    keyFingerprint: 'a key that was lost',
    sources: new Map([['secret/db', record] as const]),
  }
  const before = recorded(forbidden, { ledger: underOldKey })
  const made = plan(snapshot([before]), policy, NOW)

  test('is still under way', () => {
    expect(made.workloads.map(({ counts }) => counts.stale)).toEqual([3])
  })

  test('stays recorded under the key that it was recorded with', () => {
    const [action] = made.actions
    expect(action?.kind === 'record' && action.status.ledger).toEqual(
      before.consumer?.status?.ledger,
    )
  })

  test.each([
    ['is readable again', rotated('db')],
    ['is readable again with yet another content', rotated('db', {}, 60)],
  ])('goes on when it %s', (_, db) => {
    const [action] = made.actions
    if (action?.kind !== 'record') throw new Error('expected a record')
    expect(action.status.report).toMatchObject({ reason: 'SourceUnreadable' })
    const after = workload({
      sources: [db],
      consumer: consumer(deployment(), action.status.ledger),
    })
    const then = plan(snapshot([after]), policy, at(120))
    expect(then.workloads.map(({ counts }) => counts.stale)).toEqual([3])
  })
})
