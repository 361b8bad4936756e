/**
 * Arbitrary scenarios, from those in which only Secrets change to those in which everything goes wrong.
 */
import fc from 'fast-check'
import type { Policy } from '../../../src/plan/policy.ts'
import { policy } from '../cluster-builder.ts'
import { BAD } from './fate.ts'
import type { Incident, Timed } from './incident.ts'
import type { Scenario } from './run.ts'
import { NO_TROUBLE, STUCK, type Stuck, type SimulatedWorkload, type Trouble } from './state.ts'

const lag = fc.constantFrom(0, 0, 100, 700, 1500)

const lags = fc.record({
  secrets: lag,
  pods: lag,
  deployments: lag,
  consumers: lag,
  halts: lag,
  writes: fc.constantFrom(1, 300),
})

const pace = fc.record({
  controller: fc.constantFrom(50, 900),
  start: fc.constantFrom(200, 1100),
  ready: fc.constantFrom(300, 2000),
  termination: fc.constantFrom(100, 4000),
})

const limits: fc.Arbitrary<Partial<Policy>> = fc.record({
  maxConcurrentRestarts: fc.constantFrom(1, 1, 2, 5),
  maxConcurrentPerGroup: fc.constantFrom(1, 1, 2),
  maxStartingPods: fc.constantFrom(Infinity, 1, 2, 4),
  urgentMaxConcurrentRestarts: fc.constantFrom(1, 4),
})

const secrets = fc
  .record({
    urgent: fc.constantFrom('none', 'none', 'db', 'cache'),
    group: fc.constantFrom(undefined, undefined, 'pg'),
  })
  .map(({ urgent, group }) =>
    (['db', 'cache', 'mail'] as const).map((name) => ({
      namespace: name === 'mail' ? 'mail' : 'shop',
      name,
      annotations: {
        ...(urgent === name && { urgent: 'true' }),
        ...(group !== undefined && name !== 'mail' && { group }),
      },
    })),
  )

const workload = (bystanders: boolean): fc.Arbitrary<Omit<SimulatedWorkload, 'name'>> =>
  fc
    .record({
      source: fc.constantFrom('db', 'db', 'cache', 'both', 'mail'),
      reads: fc.constantFrom('key', 'key', 'optional', 'all'),
      replicas: fc.integer({ min: 0, max: 4 }),
      optedIn: bystanders ? fc.constantFrom(true, true, true, false) : fc.constant(true),
      strategy: fc.constantFrom('auto', 'evict', 'rollout'),
      limit: fc.constantFrom(undefined, '1', '2', '50%'),
      group: fc.constantFrom(undefined, undefined, 'pg'),
      priority: fc.constantFrom('0', '0', '5'),
      record: fc.record({
        maxSurge: fc.constantFrom(1, 2),
        maxUnavailable: fc.constantFrom(0, 1),
        minReady: fc.constantFrom(0, 0, 1500),
        recreates: fc.constantFrom(false, false, false, true),
        progressDeadline: fc.constant(30_000),
      }),
    })
    .map(({ source, reads, replicas, optedIn, record, limit, group, ...rest }) => ({
      namespace: source === 'mail' ? 'mail' : 'shop',
      replicas,
      reads,
      secrets: source === 'both' ? ['db', 'cache'] : [source],
      optedIn,
      record,
      annotations: {
        ...rest,
        'min-interval': '10s',
        settle: '2s',
        ...(limit !== undefined && { 'max-unavailable': limit }),
        // Sluice looks at the annotations of those that opted in alone.
        ...(group !== undefined && optedIn && { group }),
      },
    }))

const time = fc.integer({ min: 1000, max: 120_000 })
const number = fc.nat({ max: 11 })

function happening(...kinds: readonly fc.Arbitrary<Incident>[]): fc.Arbitrary<Timed> {
  return fc.record({ at: time, incident: fc.oneof(...kinds) })
}

const write = (...values: readonly string[]): fc.Arbitrary<Incident> =>
  fc.record({
    kind: fc.constant('write' as const),
    secret: fc.constantFrom(0, 0, 1, 2),
    value: fc.constantFrom(...values),
  })

const remove: fc.Arbitrary<Incident> = fc.record({
  kind: fc.constant('delete' as const),
  secret: fc.constantFrom(0, 0, 1, 2),
})

const kill: fc.Arbitrary<Incident> = fc.record({
  kind: fc.constant('kill' as const),
  policy: fc.oneof(fc.constant({}), limits),
})

const others: readonly fc.Arbitrary<Incident>[] = [
  fc.record({ kind: fc.constant('drain' as const), workload: number, pod: number }),
  fc.record({
    kind: fc.constant('scale' as const),
    workload: number,
    replicas: fc.integer({ min: 0, max: 6 }),
  }),
  fc.record({
    kind: fc.constant('deploy' as const),
    workload: number,
    image: fc.constant('good' as const),
    keepsRestartId: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('limit' as const),
    workload: number,
    maxUnavailable: fc.integer({ min: 1, max: 3 }),
  }),
]

const misfortunes: readonly fc.Arbitrary<Incident>[] = [
  fc.record({
    kind: fc.constant('flap' as const),
    workload: number,
    pod: number,
    for: fc.constantFrom(500, 5000, 40_000),
  }),
  fc.record({
    kind: fc.constant('deploy' as const),
    workload: number,
    image: fc.constantFrom('good' as const, 'missing' as const),
    keepsRestartId: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('trouble' as const),
    of: fc.constantFrom(...(Object.keys(NO_TROUBLE) as (keyof Trouble)[])),
    for: fc.constantFrom(2000, 45_000),
  }),
  fc.record({ kind: fc.constant('remove' as const), workload: number }),
  fc.record({ kind: fc.constant('pause' as const), workload: number, paused: fc.boolean() }),
  fc.constant({ kind: 'resume' as const }),
  fc.constant({ kind: 'release' as const }),
]

const GOOD = ['first', 'second', 'third', 'fourth'] as const

function scenarios(
  incidents: fc.Arbitrary<Timed>,
  most: number,
  bystanders: boolean,
): fc.Arbitrary<Scenario> {
  return fc.record({
    secrets,
    workloads: fc
      .array(workload(bystanders), { minLength: 1, maxLength: 5 })
      .map((all) => all.map((each, index) => ({ ...each, name: `w${index}` }))),
    policy: limits.map((each) => ({ ...policy, ...each })),
    pace,
    lags,
    clockOff: fc.constantFrom(0, 0, -300, -900),
    incidents: fc.array(incidents, { minLength: 1, maxLength: most }),
  })
}

/** Secrets change, Sluice is killed; nobody else does anything. */
export const calmScenarios = scenarios(
  happening(write(...GOOD), write(...GOOD), write(...GOOD), remove, kill),
  6,
  false,
)

/** Others deploy, scale and drain at the same time. */
export const busyScenarios = scenarios(happening(write(...GOOD), remove, kill, ...others), 10, true)

/** A credential is bad; nothing else is wrong. */
export const badCredentialScenarios = scenarios(happening(write(...GOOD, ...BAD), kill), 5, true)

/** How long all others may take beside one that is stuck (ms): its deadlines, and then their own restarts. */
export function longestBeside(by: Stuck): number {
  // That is waited for longer, and not without end.
  return 10 * 60_000 + (by === 'longMinReady' ? 3_600_000 : 0)
}

/**
 * One workload, `w0`, is stuck for good, or at least for as long as anybody looks, before or in the midst of its restart; Secrets
 * of others change meanwhile.
 */
export const stuckScenarios: fc.Arbitrary<Scenario & { readonly by: Stuck }> = fc
  .record({
    stuck: workload(false),
    others: fc.array(workload(false), { minLength: 1, maxLength: 3 }),
    by: fc.constantFrom(...STUCK),
    from: fc.integer({ min: 500, max: 20_000 }),
    writes: fc.array(fc.integer({ min: 1000, max: 60_000 }), { minLength: 2, maxLength: 2 }),
    kill: fc.constantFrom(undefined, 15_000, 120_000),
    pace,
    lags,
  })
  .map(({ stuck, others, by, from, writes: [mail = 0, cache = 0], kill: killAt, ...rest }) => ({
    ...rest,
    by,
    secrets: ['db', 'mail', 'cache'].map((name) => ({
      namespace: name === 'db' ? 'shop' : 'mail',
      name,
      annotations: {},
    })),
    workloads: [
      { ...stuck, name: 'w0', namespace: 'shop', secrets: ['db'], replicas: stuck.replicas || 1 },
      ...others.map((each, index) => ({
        ...each,
        name: `w${index + 1}`,
        namespace: 'mail',
        secrets: [index % 2 === 0 ? 'mail' : 'cache'],
      })),
    ],
    policy,
    clockOff: 0,
    incidents: [
      { at: 1000, incident: { kind: 'write' as const, secret: 0, value: 'second' } },
      { at: mail, incident: { kind: 'write' as const, secret: 1, value: 'second' } },
      { at: cache, incident: { kind: 'write' as const, secret: 2, value: 'second' } },
      {
        at: from,
        // Each workload counts by its number.
        incident: { kind: 'stuck' as const, workload: 0, by, for: 2 * longestBeside(by) },
      },
      ...(killAt === undefined
        ? []
        : [{ at: killAt, incident: { kind: 'kill' as const, policy: {} } }]),
    ],
  }))

/** Everything goes wrong. */
export const wildScenarios = scenarios(
  happening(write(...GOOD, ...BAD), write(...GOOD), remove, kill, ...others, ...misfortunes),
  14,
  true,
)
