import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policy } from './cluster-builder.ts'
import { run, START, type Scenario } from './simulation/run.ts'
import {
  badCredentialScenarios,
  busyScenarios,
  calmScenarios,
  longestBeside,
  stuckScenarios,
  wildScenarios,
} from './simulation/scenario.ts'
import type { SimulatedWorkload } from './simulation/state.ts'
import { livePods } from './simulation/state.ts'

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

test(
  'whatever is stuck for good, every other rotation ends',
  () => {
    fc.assert(
      fc.property(stuckScenarios, (scenario) => {
        const { cluster, violations } = run(scenario)
        // One that is waited for through a long `minReadySeconds` keeps its slot without starting anything, and so does a
        // rollout whose pods come and go: three deadlines for each batch of them.
        const keepsSlot = ['longMinReady', 'churns'].includes(scenario.by)
        const wrong = violations.filter((each) => !keepsSlot || !each.startsWith('idle, '))
        expect(wrong.join('\n')).toBe('')
        const later = cluster.stateAt(START + longestBeside(scenario.by))
        for (const of of later.deployments.values()) {
          const { uid, name, namespace } = of.record.ref
          if (name === 'w0') continue
          const { status } = later.consumers.get(`${namespace}/deployment-${name}`) ?? {}
          // Its own settings may not go together.
          if (status?.report.state === 'Held') continue
          const stale = livePods(later, uid).filter(
            ({ holds }) => holds?.get(of.secrets[0] ?? '') !== 'second',
          )
          expect(stale.map(({ record }) => record.ref.name)).toEqual([])
          expect(status?.ledger.restart).toBeUndefined()
        }
      }),
      { numRuns: RUNS },
    )
  },
  RUNS * 2000,
)

describe('never more is restarted than may be, nothing that is fresh, and in the end all that is stale', () => {
  test('while Secrets change and Sluice is killed', () => holds(calmScenarios), RUNS * 2000)

  test('while others deploy, scale and drain', () => holds(busyScenarios), RUNS * 2000)

  test('while a credential is bad', () => holds(badCredentialScenarios), RUNS * 2000)

  test('while everything goes wrong', () => holds(wildScenarios), RUNS * 2000)
})

/** A small one, in which nothing takes long and nothing is late. */
function small(
  workloads: readonly SimulatedWorkload[],
  incidents: Scenario['incidents'],
): Scenario {
  return {
    secrets: [{ namespace: 'shop', name: 'db', annotations: {} }],
    workloads,
    policy,
    pace: { controller: 50, start: 200, ready: 300, termination: 100 },
    lags: { secrets: 0, pods: 0, deployments: 0, consumers: 0, halts: 0, writes: 1 },
    clockOff: 0,
    incidents,
  }
}

function using(name: string, replicas: number, optedIn = true): SimulatedWorkload {
  return {
    namespace: 'shop',
    name,
    replicas,
    secrets: ['db'],
    reads: 'key',
    optedIn,
    annotations: { settle: '2s', 'min-interval': '10s' },
    record: {
      maxSurge: 1,
      maxUnavailable: 0,
      minReady: 0,
      progressDeadline: 30_000,
    },
  }
}

function write(at: number, value: string): Scenario['incidents'][number] {
  return { at, incident: { kind: 'write', secret: 0, value } }
}

test('what was claimed of one content is not claimed of the next', () => {
  const { violations } = run(
    small(
      [using('w0', 0), using('w1', 1, false)],
      [
        write(1000, 'third'),
        { at: 3950, incident: { kind: 'drain', workload: 1, pod: 0 } },
        // A moment after the new pod has read the content before it.
        write(4201, 'first'),
      ],
    ),
  )
  expect(violations).toEqual([])
})

test('a pod that never came up may go while one of a failed restart is not back', () => {
  const { violations, evictions } = run(
    small(
      [using('w0', 0)],
      [
        write(1000, 'deaf'),
        { at: 1000, incident: { kind: 'scale', workload: 0, replicas: 2 } },
        write(37_053, 'first'),
      ],
    ),
  )
  expect(violations).toEqual([])
  expect(evictions).toBe(2)
})
