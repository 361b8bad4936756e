/**
 * Makes docs/metrics.md from the definitions of the metrics.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry, type MetricObject } from '@prometheus-io/client'
import { FLEET, PROCESS } from '../src/report/metrics/definitions.ts'
import { addRuntimeMetrics } from '../src/report/metrics/runtime-metrics.ts'

/** The committed page. */
export const METRICS_PAGE = join(import.meta.dirname, '../docs/metrics.md')

interface Described {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

/** The text of {@link METRICS_PAGE}. */
export function metricsPage(): string {
  return `# Metrics

Made from \`src/report/metrics/definitions.ts\` by \`make generated\`. All are at \`/metrics\` of the port that \`listen\` names (8080).

Labels of a workload are \`namespace\`, \`workload_type\`, \`workload\`, as in the kubernetes-mixin. \`namespace\` is the
workload's own, so a scrape needs \`honorLabels: true\`. A counter begins at 0 when its object is first seen, and its series
goes with the object.

## The fleet

Only the Sluice that leads has series of these, so that sums do not double. While leadership moves, the old and the new
leader may both be in Prometheus for one scrape: \`max by (…)\` over a gauge is right even then.

${table(Object.values(FLEET))}

## Sluice itself

Every process has these. What they show of rotations is 0 in one that does not lead.

${table(Object.values(PROCESS))}

## Node and the process

From \`@prometheus-io/client\`, on Linux.

${table(runtimeMetrics())}
`
}

function runtimeMetrics(): readonly Described[] {
  const registry = new Registry<typeof Registry.PROMETHEUS_CONTENT_TYPE>()
  addRuntimeMetrics(registry)
  // The types of the library leave the labels out.
  const metrics = registry.getMetricsAsArray() as (MetricObject & { labelNames: string[] })[]
  return metrics.map(({ name, type, help, labelNames }) => ({
    name,
    type,
    help,
    labels: labelNames,
  }))
}

function table(metrics: readonly Described[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    unitOf(name),
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  return [['metric', 'type', 'unit', 'labels', ''], ['---', '---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** By the rule of Prometheus: the unit is in the name. */
function unitOf(name: string): string {
  if (name.endsWith('_timestamp_seconds')) return 'seconds since the epoch'
  if (/_seconds(_total)?$/.test(name)) return 'seconds'
  return name.endsWith('_bytes') ? 'bytes' : ''
}

if (import.meta.main) writeFileSync(METRICS_PAGE, metricsPage())
