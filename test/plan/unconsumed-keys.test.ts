import { expect, test } from 'vitest'
import type { ConsumerRecord } from '../../src/records/consumer.ts'
import type { PodRecord } from '../../src/workloads/pod.ts'
import { plan } from '../../src/plan/plan.ts'
import {
  appliedLedger,
  at,
  consumer,
  deployment,
  pod,
  policy,
  snapshot,
  source,
  workload,
  type Written,
} from './cluster-builder.ts'

const first = { at: at(-7200), data: { password: 'same', token: 'x' } }
const hourly = Array.from({ length: 9 }, (_, n) => ({
  at: at(n * 3600 - 0.5),
  data: { password: 'same', token: `t${n}` },
}))
const cases = [7, 8, 9].flatMap((changes) =>
  [1800, 5400, 9000].map((second) => [changes, second] as const),
)

test.each(cases)(
  'after %i changes of a key that nobody consumes, a pod created at second %i is not stale',
  (changes, second) => {
    const web = workload({
      sources: [source('db', first, ...hourly.slice(0, changes))],
      consumer: consumer(deployment(), appliedLedger([source('db', first)])),
      pods: [pod('web-1'), pod('web-2'), pod('web-3', { createdAt: at(second) })],
    })
    const made = plan(snapshot([web]), policy, at(9 * 3600))
    expect(made.workloads[0]?.counts.stale).toBe(0)
    expect(made.actions).toEqual([])
  },
)

/** How many pods are replaced while a Secret is written at these times; each that is stale is replaced at once. */
function replacedWhile(...writes: readonly Written[]): number {
  const of = deployment()
  let pods: readonly PodRecord[] = ['a', 'b', 'c'].map((name) => pod(name))
  let known: ConsumerRecord['status']
  let replaced = 0
  for (const [index, write] of writes.entries()) {
    const db = source('db', ...writes.slice(0, index + 1))
    for (let second = 1; second < 200; second += 10) {
      const now = write.at + second * 1000
      const seen = workload({
        sources: [db],
        pods,
        consumer: consumer(of, undefined, { status: known }),
      })
      for (const action of plan(snapshot([seen]), policy, now).actions) {
        if (action.kind === 'record') known = action.status
        if (action.kind !== 'evict') continue
        replaced++
        const createdAt = Math.floor(now / 1000) * 1000
        pods = pods
          .filter(({ ref }) => ref.uid !== action.pod.uid)
          .concat(pod(`${action.pod.name}x`, { createdAt }))
      }
    }
  }
  return replaced
}

const hour = (n: number) => at(n * 3600 - 0.5)

test('one change of a password is one restart of each pod, however often another key changes after it', () => {
  const tokens = Array.from({ length: 40 }, (_, n) => ({
    at: hour(n),
    data: { password: n === 0 ? 'old' : 'new', token: `t${n}` },
  }))
  expect(replacedWhile({ at: at(-7200), data: { password: 'old', token: 'x' } }, ...tokens)).toBe(3)
})

test('and however many other keys change after it, one by one', () => {
  const names = Array.from({ length: 30 }, (_, n) => `k${n}`)
  const old = Object.fromEntries(names.map((name) => [name, 'old']))
  const writes = names.map((_, n) => ({
    at: hour(n),
    data: {
      ...old,
      ...Object.fromEntries(names.slice(0, n).map((name) => [name, 'new'])),
      password: n < 3 ? 'old' : 'new',
    },
  }))
  expect(replacedWhile({ at: at(-7200), data: { ...old, password: 'old' } }, ...writes)).toBe(3)
})

test('a Secret that was deleted and made again with an equal password restarts nothing later', () => {
  const tokens = Array.from({ length: 20 }, (_, n) => ({
    at: hour(n),
    data: { password: 'same', token: `t${n}` },
  }))
  const first = { at: at(-7200), data: { password: 'same', token: 'x' } }
  expect(replacedWhile(first, { at: at(-10), data: null }, ...tokens)).toBe(0)
})
