import { expect, test } from 'vitest'
import { Backoff } from '../../src/kube/backoff.ts'

test('waits twice as long after each attempt, up to half a minute', () => {
  const backoff = new Backoff(() => 1)
  const waits = Array.from({ length: 9 }, () => backoff.next())
  expect(waits).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
})

test('never waits less than half of it, so that nothing is asked in a tight loop', () => {
  expect(new Backoff(() => 0).next()).toBe(200)
})

test('begins anew after success', () => {
  const backoff = new Backoff(() => 1)
  backoff.next()
  backoff.next()
  backoff.reset()
  expect(backoff.next()).toBe(400)
})
