import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run, type Scenario } from './simulation/run.ts'
import {
  badCredentialScenarios,
  busyScenarios,
  calmScenarios,
  wildScenarios,
} from './simulation/scenario.ts'

/** For a long run: SLUICE_RUNS=10000 node_modules/.bin/vitest run --project unit test/plan/simulation.test.ts */
const RUNS = Number(process.env.SLUICE_RUNS ?? 60)

function holds(scenarios: fc.Arbitrary<Scenario>) {
  fc.assert(
    fc.property(scenarios, (scenario) => {
      expect(run(scenario).violations.join('\n')).toBe('')
    }),
    { numRuns: RUNS },
  )
}

describe('never more is restarted than may be, nothing that is fresh, and in the end all that is stale', () => {
  test('while Secrets change and Sluice is killed', () => holds(calmScenarios), RUNS * 2000)

  test('while others deploy, scale and drain', () => holds(busyScenarios), RUNS * 2000)

  test('while a credential is bad', () => holds(badCredentialScenarios), RUNS * 2000)

  test('while everything goes wrong', () => holds(wildScenarios), RUNS * 2000)
})
