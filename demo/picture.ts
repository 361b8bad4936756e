/**
 * A picture of the main panels of the dashboard, drawn from what Prometheus has.
 */
import { dashboard } from '../observability/dashboard/dashboard.ts'
import { panelsOf, type PanelContent } from '../observability/dashboard/panels-of.ts'
import type { Prometheus, Series } from '../testbed/prometheus.ts'
import { drawChart, type Chart, type Line, type Span } from './chart.ts'

/** Titles of panels; what the picture says of each. */
const SHOWN = [
  { title: 'Stale pods over time', unit: '', stacked: true },
  { title: 'Starting pods by group', unit: '', stacked: false },
  { title: 'Held workloads by reason', unit: '', stacked: true },
  { title: 'Until all is fresh', unit: 'seconds', stacked: false },
] as const
const WIDTH = 960
const HEIGHT = 560
const GAP = 12

/** Draws a span of time (ms); its zero is the moment of the change. */
export async function drawRotation(
  prometheus: Prometheus,
  { changedAt, from, to }: { changedAt: number; from: number; to: number },
): Promise<string> {
  const zero = Math.floor(changedAt / 1000)
  const span = { from: Math.floor(from / 1000) - zero, to: Math.ceil(to / 1000) - zero }
  const panels = panelsOf(dashboard())
  const charts = await Promise.all(
    SHOWN.map(async ({ title, unit, stacked }): Promise<Chart> => {
      const panel = panels.find((each) => each.title === title)
      if (!panel) throw new Error(`expected a panel ${title}`)
      return { title, unit, stacked, lines: await linesOf(prometheus, panel, zero, span) }
    }),
  )
  const size = { width: (WIDTH - 3 * GAP) / 2, height: (HEIGHT - 3 * GAP) / 2 }
  const drawn = charts.map((chart, index) => {
    const column = index % 2
    const row = Math.floor(index / 2)
    const x = GAP + column * (size.width + GAP)
    const y = GAP + row * (size.height + GAP)
    return drawChart(chart, { x, y, ...size }, span)
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="One rotation, as Prometheus saw it">
<style>text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.unit,.tick{font-size:11px;fill:#57606a;font-weight:400}.grid{stroke:#d8dee4}.change{stroke:#cf222e;stroke-dasharray:2 3}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`
}

async function linesOf(
  prometheus: Prometheus,
  { queries, legends }: PanelContent,
  zero: number,
  { from, to }: Span,
): Promise<Line[]> {
  const range = { start: zero + from, end: zero + to, step: 1 }
  const answers = await Promise.all(
    queries.map(async (expr, index) => {
      const filled = expr.replaceAll('$namespace', '.*').replaceAll('$workload', '.*')
      const series = await prometheus.queryRange(filled, range)
      return series.map((each) => toLine(each, legends[index] ?? '', zero))
    }),
  )
  return answers.flat().sort((a, b) => firstAt(a) - firstAt(b))
}

function toLine({ metric, values }: Series, legend: string, zero: number): Line {
  const name = legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '')
  return {
    name,
    limit: name === 'limit',
    values: new Map(values.map(([seconds, value]) => [Math.round(seconds) - zero, value])),
  }
}

/** Lines that begin first stand first. */
function firstAt({ values }: Line): number {
  return values.keys().next().value ?? Infinity
}
