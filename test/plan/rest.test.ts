import { expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import type { Snapshot } from '../../src/plan/snapshot.ts'
import { at, policy, snapshot, source, workload } from './cluster-builder.ts'

const calm = workload({ sources: [source('db', { at: at(-7200), data: { password: 'old' } })] })

/** What is planned of a workload that was looked at before, at second 10. */
function again(change: Partial<Snapshot> = {}, second = 10, of = policy) {
  const first = plan(snapshot([calm]), policy, at(10)).workloads[0]
  const next = plan(snapshot([calm], change), of, at(second)).workloads[0]
  return { first, next }
}

test('a workload at rest is not looked at again', () => {
  const { first, next } = again({}, 100)
  expect(next).toBe(first)
})

test.each<[string, Partial<Snapshot>]>([
  ['is paused', { paused: true }],
  ['cannot tell whether it is paused', { paused: { where: 'x', expected: 'y', found: 'z' } }],
])('while Sluice %s it is held all the same', (_, change) => {
  expect(again(change).next?.hold?.reason).toBe('Paused')
})

test('another configuration, and a clock that was set back, are looked at anew', () => {
  const other = again({}, 10, { ...policy, quietPeriod: 1 })
  expect(other.next).not.toBe(other.first)
  const before = again({}, 9)
  expect(before.next).not.toBe(before.first)
})
