import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run, type Scenario } from './simulation/run.ts'

const lag = fc.constantFrom(0, 0, 100, 700, 1500)

const scenario: fc.Arbitrary<Scenario> = fc.record({
  workloads: fc
    .array(
      fc.record({
        namespace: fc.constant('shop'),
        replicas: fc.integer({ min: 0, max: 4 }),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((all) => all.map((each, index) => ({ ...each, name: `w${index}` }))),
  strategy: fc.constantFrom('auto', 'evict', 'rollout'),
  maxUnavailable: fc.integer({ min: 1, max: 3 }),
  pace: fc.record({
    controller: fc.constantFrom(50, 900),
    start: fc.constantFrom(200, 1100),
    ready: fc.constantFrom(300, 2000),
    termination: fc.constantFrom(100, 4000),
  }),
  lags: fc.record({
    secrets: lag,
    pods: lag,
    deployments: lag,
    consumers: lag,
    writes: fc.constantFrom(1, 300),
  }),
  changes: fc.array(
    fc.record({
      at: fc.integer({ min: 1000, max: 90_000 }),
      password: fc.constantFrom('first', 'second', 'third'),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  kills: fc.array(fc.integer({ min: 1000, max: 90_000 }), { maxLength: 3 }),
})

describe('whatever happens', () => {
  test('never more is restarted than may be, nothing that is fresh, and in the end all that is stale', () => {
    fc.assert(
      fc.property(scenario, (random) => {
        expect(run(random).violations).toEqual([])
      }),
      { numRuns: 100 },
    )
  }, 60_000)
})
