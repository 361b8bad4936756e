import { expect, test } from 'vitest'
import { occurrencesOf } from '../../../src/report/events/of-action.ts'
import type { Action, HaltAction } from '../../../src/plan/action.ts'
import { plan } from '../../../src/plan/plan.ts'
import type { ManagedWorkload } from '../../../src/plan/snapshot.ts'
import { at, pod, policy, snapshot } from '../../plan/cluster-builder.ts'
import { evicting, NOW, rotated, told } from '../../plan/planning.ts'
import { line } from './told.ts'

/** What is told of everything that is planned for these workloads. */
function toldOf(...workloads: readonly ManagedWorkload[]): string[] {
  const made = plan(snapshot(workloads), policy, NOW)
  return made.actions.flatMap((action) => {
    const planned = made.workloads.find(
      ({ workload }) => 'workload' in action && workload.uid === action.workload.uid,
    )
    return occurrencesOf(action, planned?.sources, () => 'uid', NOW).map(line)
  })
}

test('a restart that begins', () => {
  expect(toldOf(told('web'))).toEqual([
    'Normal RestartStarted Deployment shop/web (Secret shop/db): Restarting by evict: 3 pods hold old content of Secret db',
  ])
})

test('a restart for two Secrets that changed together', () => {
  const workload = told('web', { sources: [rotated('db'), rotated('mail')] })
  expect(toldOf(workload)).toEqual([
    'Normal RestartStarted Deployment shop/web: Restarting by evict: 3 pods hold old content of Secret db, Secret mail',
  ])
})

test('two restarts of one workload are two occurrences, however soon the second one follows', () => {
  const starts = [NOW, NOW + 1_000].flatMap((now) =>
    plan(snapshot([told('web')]), policy, now)
      .actions.flatMap((action) => occurrencesOf(action, undefined, () => 'uid', now))
      .map(({ about }) => about),
  )
  expect(new Set(starts).size).toBe(2)
})

test('a restart that has ended', () => {
  const pods = [1, 2, 3].map((n) => pod(`web-${n}`, { createdAt: at(3), readyAt: at(4) }))
  const workload = told('web', { pods, ledger: { restart: { ...evicting, startedAt: at(2) } } })
  expect(toldOf(workload)).toEqual([
    "Normal RestartFinished Deployment shop/web (Secret shop/db): Restarted by evict in 8 s: every pod holds today's content of Secret db",
  ])
})

const failure = {
  id: 'r1',
  workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid' },
  keyFingerprint: '',
  contents: [],
} as const

test.each<[string, HaltAction['spec'], string[]]>([
  [
    'of a Secret, by a failure',
    {
      reason: 'RestartFailed',
      group: { kind: 'Secret', name: 'db' },
      message: 'the restart of web failed: pod web-1 crashes again and again',
      failure,
    },
    [
      'Warning GroupHalted Deployment shop/web (Secret shop/db): Halted restarts for Secret db: the restart of web failed: pod web-1 crashes again and again. Release it by: kubectl delete halt stop --namespace shop',
      'Warning GroupHalted Secret shop/db (Deployment shop/web): Halted restarts for Secret db: the restart of web failed: pod web-1 crashes again and again. Release it by: kubectl delete halt stop --namespace shop',
    ],
  ],
  [
    'of a group, by a failure',
    {
      reason: 'RestartFailed',
      group: { kind: 'Group', name: 'postgres' },
      message: 'the restart of web failed: …',
      failure,
    },
    [
      'Warning GroupHalted Deployment shop/web: Halted restarts for Group postgres: the restart of web failed: …. Release it by: kubectl delete halt stop --namespace shop',
    ],
  ],
])('a Halt %s', (_, spec, expected) => {
  const action: Action = { kind: 'halt', namespace: 'shop', name: 'stop', spec }
  expect(occurrencesOf(action, undefined, () => 'uid', NOW).map(line)).toEqual(expected)
})
