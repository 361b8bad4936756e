import { expect, test } from 'vitest'
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
    expect(made.workloads[0]?.assessment.counts.stale).toBe(0)
    expect(made.actions).toEqual([])
  },
)
