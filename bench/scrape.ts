/**
 * A scrape with 10,000 opted-in workloads: how large it is, and how much it takes of the thread that also plans.
 */
import { Gauge, Registry } from '@prometheus-io/client'
import type { Plan } from '../src/plan/plan.ts'
import type { Fleet as ShownFleet, WorkloadRow } from '../src/report/metrics/fleet-metrics.ts'
import { createLogger } from '../src/report/log.ts'
import { createMetrics, type Metrics } from '../src/report/metrics/metrics.ts'
import { createReporter } from '../src/report/reporter.ts'
import type { Chapter, Figure } from './figure.ts'
import { Fleet } from './fleet.ts'
import { median, timedOnCpu } from './samples.ts'

const WORKLOADS = 10_000
const PODS_EACH = 3
const TIMES = 15
/** What a scrape of so large a cluster may cost. */
const MOST_MEBIBYTES = 8
const MOST_MILLISECONDS = 200

export async function measureScrape(): Promise<Chapter> {
  const fleet = await Fleet.create(WORKLOADS, PODS_EACH)
  const fresh = scrapesOf(fleet, fleet.look())
  const figures = await figuresOf('all fresh', fresh)
  await fleet.rotate(WORKLOADS, 'new')
  figures.push(...(await figuresOf('all stale and held', scrapesOf(fleet, fleet.look()))))
  figures.push(...(await figuresOf('the same with long names', longNames())))
  return {
    title: `scrape: ${WORKLOADS} workloads, each with a Secret of its own`,
    figures,
    remarks: [
      'CPU time of the one thread, from the last plan to the text. The baseline is one gauge with as many series in the client library. Long names have 30 characters (namespace) and 45 (workload, Secret).',
    ],
  }
}

/** The metrics as the operator has them after a plan. */
function scrapesOf(fleet: Fleet, plan: Plan): Metrics {
  const metrics = newMetrics()
  const log = createLogger({ level: 'error' })
  createReporter({ log, metrics, policy: fleet.config }).planned(plan, 0, fleet.now)
  return metrics
}

function longNames(): Metrics {
  const namespace = 'n'.repeat(30)
  const names = Array.from({ length: WORKLOADS }, (_, index) => String(index).padStart(45, 'w'))
  const workloads = names.map((name): WorkloadRow => ({
    workload: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: name },
    stalePods: PODS_EACH,
    unknownPods: 0,
    unprovenPods: 0,
    unverifiedPods: 0,
    staleSince: Date.parse('2026-01-01T00:00:00Z'),
    holds: ['ClusterBudget'],
    invalidSettings: 0,
    strategy: 'evict',
  }))
  const shown: ShownFleet = {
    workloads,
    groups: names.map((name) => ({
      group: `Secret ${namespace}/${name}`,
      starting: 0,
      limit: Infinity,
      halted: false,
    })),
    sources: names.map((name) => ({ kind: 'Secret', namespace, name })),
    ends: new Map(names.map((name) => [`${namespace}/secret/${name}` as const, 1e12])),
    oldContent: [],
  }
  const metrics = newMetrics()
  metrics.observeFleet(() => shown)
  return metrics
}

function newMetrics(): Metrics {
  return createMetrics({ version: 'bench', resources: ['pods', 'secrets'], now: Date.now })
}

async function figuresOf(what: string, metrics: Metrics): Promise<Figure[]> {
  const { body } = await metrics.scrape()
  const series = body.split('\n').filter((line) => line.startsWith('sluice_')).length
  const samples = await timedOnCpu(TIMES, () => metrics.scrape())
  const library = median(await timedOnCpu(TIMES, oneGauge))
  return [
    {
      what: `${what}: size`,
      value: Buffer.byteLength(body) / 2 ** 20,
      unit: 'MiB',
      target: MOST_MEBIBYTES,
      note: `${series} series`,
    },
    {
      what: `${what}: time`,
      value: median(samples),
      unit: 'ms',
      baseline: { what: 'one gauge of the library', value: library },
      target: MOST_MILLISECONDS,
      note: `most ${Math.round(Math.max(...samples))} ms`,
    },
  ]
}

/** What one gauge of workloads costs in the client library: set anew and written. */
async function oneGauge(): Promise<void> {
  const registry = new Registry<typeof Registry.PROMETHEUS_CONTENT_TYPE>()
  const labelNames = ['namespace', 'workload_type', 'workload']
  const gauge = new Gauge({ name: 'one', help: 'One.', labelNames, registers: [registry] })
  for (let index = 0; index < WORKLOADS; index++) {
    const namespace = `team-${index % 100}`
    gauge.set({ namespace, workload_type: 'deployment', workload: `app-${index}` }, index)
  }
  await registry.metrics()
}
