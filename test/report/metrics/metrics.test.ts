import { describe, expect, test } from 'vitest'
import type { WorkloadRef } from '../../../src/model/refs.ts'
import { createMetrics, type Metrics } from '../../../src/report/metrics/metrics.ts'
import { FLEET, PROCESS } from '../../../src/report/metrics/definitions.ts'
import { NONE } from '../../../src/records/rotation.ts'
import type { Fleet, WorkloadRow } from '../../../src/report/metrics/fleet-metrics.ts'

function create(now: () => number = () => 0, memoryLimit: number | undefined = 1024): Metrics {
  return createMetrics({ version: '1.2.3', resources: ['pods', 'secrets'], memoryLimit, now })
}

function deployment(name: string, namespace = 'shop'): WorkloadRef {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: `uid-${name}` }
}

function row(name: string, overrides: Partial<WorkloadRow> = {}): WorkloadRow {
  return {
    workload: deployment(name),
    stalePods: 0,
    unknownPods: 0,
    unprovenPods: 0,
    unverifiedPods: 0,
    staleSince: Infinity,
    holds: [],
    invalidSettings: 0,
    strategy: 'evict',
    ...overrides,
  }
}

/** A fleet of these workloads and sources. */
function fleet(workloads: readonly WorkloadRow[], rest: Partial<Fleet> = {}): () => Fleet {
  return () => ({ workloads, groups: [], sources: [], ends: new Map(), oldContent: [], ...rest })
}

/** The series of one metric as a scrape shows them, without `sluice_`. */
async function seriesOf(metrics: Metrics, name: string): Promise<string[]> {
  const { body } = await metrics.scrape()
  return body
    .split('\n')
    .filter((line) => line.startsWith(`sluice_${name}{`) || line.startsWith(`sluice_${name} `))
    .map((line) => line.replace('sluice_', ''))
}

const WEB = 'namespace="shop",workload_type="deployment",workload="web"'

describe('the metrics', () => {
  test('follow the rules of Prometheus for names and help texts', async () => {
    const { contentType, body } = await create().scrape()
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
    const metrics = [...body.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)]
    expect(metrics.map(([, name]) => name)).toEqual(
      expect.arrayContaining(
        [...Object.values(FLEET), ...Object.values(PROCESS)].map((d) => d.name),
      ),
    )
    for (const [, name = '', help = '', type] of metrics) {
      if (!name.startsWith('sluice_')) continue
      expect(name).toMatch(/^sluice_[a-z]+(_[a-z]+)*$/)
      expect(help, name).toMatch(/^[A-Z].*\.$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
  })

  test('have no memory limit where the container has none', async () => {
    expect(await seriesOf(create(), 'memory_limit_bytes')).toEqual(['memory_limit_bytes 1024'])
    const free = createMetrics({ version: '1.2.3', resources: [], now: () => 0 })
    expect(await seriesOf(free, 'memory_limit_bytes')).toEqual([])
  })

  test('of two processes have nothing to do with each other', async () => {
    const [one, other] = [create(), create()]
    one.evictionEnded('succeeded')
    expect(await seriesOf(other, 'evictions_total')).toContain(
      'evictions_total{outcome="succeeded"} 0',
    )
  })

  test.each([
    ['evictions_total', 3],
    ['watch_restarts_total', 2],
    ['restart_duration_seconds_count', 4],
    ['rotation_duration_seconds_count', 4],
  ])('begin at 0: %s', async (name, count) => {
    const series = await seriesOf(create(), name)
    expect(series).toHaveLength(count)
    expect(series.every((line) => line.endsWith(' 0'))).toBe(true)
  })

  test('time a rotation from the change to its end, by how it ended', async () => {
    const metrics = create()
    const rotation = {
      source: { kind: 'Secret' as const, namespace: 'shop', name: 'db' },
      changedAt: 1_000,
      ...{ workloads: NONE, pods: NONE, reasons: [], conditions: [] },
    }
    metrics.rotationEnded({ ...rotation, phase: 'Succeeded', finishedAt: 31_000 })
    metrics.rotationEnded({ ...rotation, phase: 'Abandoned', finishedAt: 6_000 })
    // Both are times of a server, of which one is cut to seconds.
    metrics.rotationEnded({ ...rotation, phase: 'Superseded', finishedAt: 900 })
    expect(await seriesOf(metrics, 'rotation_duration_seconds_sum')).toEqual([
      'rotation_duration_seconds_sum{outcome="succeeded"} 30',
      'rotation_duration_seconds_sum{outcome="superseded"} 0',
      'rotation_duration_seconds_sum{outcome="takenback"} 0',
      'rotation_duration_seconds_sum{outcome="abandoned"} 5',
    ])
  })

  test('name the version', async () => {
    const [line] = await seriesOf(create(), 'build_info')
    expect(line).toBe(`build_info{version="1.2.3",node_version="${process.versions.node}"} 1`)
  })

  test('show how old the snapshot is when they are scraped', async () => {
    let now = 1_000
    const metrics = create(() => now)
    metrics.observeSnapshot(2_000)
    now = 4_500
    expect(await seriesOf(metrics, 'snapshot_age_seconds')).toEqual(['snapshot_age_seconds 2.5'])
  })

  test('count a request to the API server and its time', async () => {
    const metrics = create()
    const pods = { group: '', version: 'v1', resource: 'pods' }
    metrics.apiRequestEnded({
      call: { ...pods, verb: 'create', subresource: 'eviction' },
      status: 429,
      sentAt: 1_000,
      receivedAt: 1_200,
      date: undefined,
    })
    const labels = 'verb="create",resource="pods/eviction",code="429"'
    expect(await seriesOf(metrics, 'api_requests_total')).toEqual([
      `api_requests_total{${labels}} 1`,
    ])
    expect(await seriesOf(metrics, 'api_request_duration_seconds_sum')).toEqual([
      `api_request_duration_seconds_sum{${labels}} 0.2`,
    ])
  })
})

describe('the metrics of a workload', () => {
  test('show its pods, since when they are stale, and each hold', async () => {
    const metrics = create()
    metrics.observeFleet(
      fleet([
        row('web', {
          stalePods: 3,
          unknownPods: 2,
          unprovenPods: 1,
          unverifiedPods: 5,
          staleSince: 1_500,
          holds: ['PodDisruptionBudget', 'QuietPeriod'],
          invalidSettings: 4,
        }),
      ]),
    )
    expect(await seriesOf(metrics, 'stale_pods')).toEqual([`stale_pods{${WEB}} 3`])
    expect(await seriesOf(metrics, 'unknown_pods')).toEqual([`unknown_pods{${WEB}} 2`])
    expect(await seriesOf(metrics, 'unproven_pods')).toEqual([`unproven_pods{${WEB}} 1`])
    expect(await seriesOf(metrics, 'unverified_pods')).toEqual([`unverified_pods{${WEB}} 5`])
    expect(await seriesOf(metrics, 'stale_since_timestamp_seconds')).toEqual([
      `stale_since_timestamp_seconds{${WEB}} 1.5`,
    ])
    expect(await seriesOf(metrics, 'hold')).toEqual([
      `hold{${WEB},reason="PodDisruptionBudget"} 1`,
      `hold{${WEB},reason="QuietPeriod"} 1`,
    ])
    expect(await seriesOf(metrics, 'invalid_settings')).toEqual([`invalid_settings{${WEB}} 4`])
  })

  test('say 0 stale pods of a fresh one, and nothing else of its pods, a time or a hold', async () => {
    const metrics = create()
    metrics.observeFleet(
      fleet([row('web', { stalePods: 1, staleSince: 5, holds: ['QuietPeriod'] })]),
    )
    await metrics.scrape()
    metrics.observeFleet(fleet([row('web')]))
    expect(await seriesOf(metrics, 'stale_pods')).toEqual([`stale_pods{${WEB}} 0`])
    expect(await seriesOf(metrics, 'stale_since_timestamp_seconds')).toEqual([])
    for (const name of ['hold', 'unknown_pods', 'unproven_pods', 'unverified_pods'])
      expect(await seriesOf(metrics, name), name).toEqual([])
  })

  test('count its restarts from 0 on, by the strategy that it has and the outcome', async () => {
    const metrics = create()
    metrics.observeFleet(fleet([row('web')]))
    expect(await seriesOf(metrics, 'restarts_total')).toEqual([
      `restarts_total{${WEB},strategy="evict",outcome="succeeded"} 0`,
      `restarts_total{${WEB},strategy="evict",outcome="failed"} 0`,
    ])
    const restart = { strategy: 'evict', outcome: 'succeeded', seconds: 42 } as const
    metrics.restartEnded(deployment('web'), restart)
    expect(await seriesOf(metrics, 'restarts_total')).toEqual([
      `restarts_total{${WEB},strategy="evict",outcome="succeeded"} 1`,
      `restarts_total{${WEB},strategy="evict",outcome="failed"} 0`,
    ])
    metrics.observeFleet(fleet([row('web', { strategy: 'rollout' })]))
    expect(await seriesOf(metrics, 'restarts_total')).toEqual([
      `restarts_total{${WEB},strategy="evict",outcome="succeeded"} 1`,
      `restarts_total{${WEB},strategy="evict",outcome="failed"} 0`,
      `restarts_total{${WEB},strategy="rollout",outcome="succeeded"} 0`,
      `restarts_total{${WEB},strategy="rollout",outcome="failed"} 0`,
    ])
    expect(await seriesOf(metrics, 'restart_duration_seconds_sum')).toContain(
      'restart_duration_seconds_sum{strategy="evict",outcome="succeeded"} 42',
    )
  })

  test('are gone with it, and begin anew if it comes back', async () => {
    const metrics = create()
    const restart = { strategy: 'rollout', outcome: 'succeeded', seconds: 1 } as const
    metrics.observeFleet(fleet([row('web'), row('api')]))
    metrics.restartEnded(deployment('web'), restart)
    await metrics.scrape()
    metrics.observeFleet(fleet([row('api')]))
    expect((await metrics.scrape()).body).not.toContain('workload="web"')
    metrics.observeFleet(fleet([row('web')]))
    const series = await seriesOf(metrics, 'restarts_total')
    expect(series).toHaveLength(2)
    expect(series.every((line) => line.endsWith(' 0'))).toBe(true)
  })

  test('are gone though it was never in a picture', async () => {
    const metrics = create()
    const restart = { strategy: 'rollout', outcome: 'succeeded', seconds: 1 } as const
    metrics.restartEnded(deployment('web'), restart)
    expect(await seriesOf(metrics, 'restarts_total')).toEqual([])
  })
})

describe('the metrics of a source', () => {
  test('count its changes from 0 on, as long as it is consumed', async () => {
    const metrics = create()
    const db = { kind: 'Secret', namespace: 'shop', name: 'db' } as const
    const mail = { ...db, name: 'mail' }
    metrics.observeFleet(fleet([], { sources: [db, mail, db] }))
    await metrics.scrape()
    metrics.sourceChanged(db)
    expect(await seriesOf(metrics, 'source_changes_total')).toEqual([
      'source_changes_total{namespace="shop",source_kind="Secret",source="db"} 1',
      'source_changes_total{namespace="shop",source_kind="Secret",source="mail"} 0',
    ])
    metrics.observeFleet(fleet([], { sources: [db] }))
    expect(await seriesOf(metrics, 'source_changes_total')).toEqual([
      'source_changes_total{namespace="shop",source_kind="Secret",source="db"} 1',
    ])
  })
})

describe('the metrics of a group and a rotation', () => {
  test('show what is starting against its limit, and when the end is expected', async () => {
    const metrics = create()
    metrics.observeFleet(
      fleet([], {
        groups: [
          { group: 'Secret shop/db', starting: 2, limit: Infinity, halted: false },
          { group: 'Group shop/a "b"', starting: 1, limit: 3, halted: true },
          { group: 'Secret shop/waits', starting: 0, limit: 3, halted: false },
        ],
        ends: new Map([
          ['shop/secret/db', 90_500],
          ['shop/secret/held', Infinity],
        ]),
      }),
    )
    expect(await seriesOf(metrics, 'starting_pods')).toEqual([
      'starting_pods{group="Secret shop/db"} 2',
      'starting_pods{group="Group shop/a \\"b\\""} 1',
    ])
    expect(await seriesOf(metrics, 'starting_pods_limit')).toEqual([
      'starting_pods_limit{group="Secret shop/db"} +Inf',
      'starting_pods_limit{group="Group shop/a \\"b\\""} 3',
    ])
    expect(await seriesOf(metrics, 'group_halted')).toEqual([
      'group_halted{group="Group shop/a \\"b\\""} 1',
    ])
    expect(await seriesOf(metrics, 'rotation_eta_timestamp_seconds')).toEqual([
      'rotation_eta_timestamp_seconds{namespace="shop",source_kind="Secret",source="db"} 90.5',
    ])
  })
})
