/**
 * A small chart as SVG: steps over time, as Prometheus has them, alone or stacked.
 */

/** One line, with a value for each moment; what is missing is no data, or 0 where lines are stacked. */
export interface Line {
  readonly name: string
  /** By seconds since the picture's zero. */
  readonly values: ReadonlyMap<number, number>
  /** Dashed and grey: a limit. */
  readonly limit?: boolean
}

export interface Chart {
  readonly title: string
  readonly unit: string
  readonly lines: readonly Line[]
  readonly stacked: boolean
}

export interface Frame {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Seconds, one step apart. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Okabe and Ito's colours, which colour-blind people can tell apart too. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#999933']
const MARGIN = { top: 30, right: 12, bottom: 62, left: 34 }
const LEGEND_LINE = 16

export function drawChart(chart: Chart, frame: Frame, span: Span): string {
  const lines = chart.stacked ? chart.lines.map((line) => filled(line, span)) : chart.lines
  const top = Math.max(1, highest(lines, chart.stacked, span) * 1.1)
  const width = frame.width - MARGIN.left - MARGIN.right
  const height = frame.height - MARGIN.top - MARGIN.bottom
  const x = (seconds: number) =>
    MARGIN.left + ((seconds - span.from) / (span.to - span.from)) * width
  const y = (value: number) => MARGIN.top + height - (value / top) * height
  const place = { x, y, right: MARGIN.left + width, bottom: MARGIN.top + height }

  const below = new Map<number, number>()
  const shapes = lines.map((line, index) => {
    const colour = colourOf(line, index)
    if (!chart.stacked) return stroke(steps(line.values, x, y), colour, line.limit)
    const lower = new Map(below)
    for (const [at, value] of line.values) below.set(at, (below.get(at) ?? 0) + value)
    return area(new Map(below), lower, x, y, colour)
  })
  return `<g transform="translate(${frame.x} ${frame.y})">
<text x="4" y="17" class="title">${escaped(chart.title)}${chart.unit && ` <tspan class="unit">${escaped(chart.unit)}</tspan>`}</text>
${axes(top, span, place)}
${shapes.join('\n')}
${legend(lines, frame)}
</g>`
}

interface Place {
  readonly x: (seconds: number) => number
  readonly y: (value: number) => number
  readonly right: number
  readonly bottom: number
}

function axes(top: number, { from, to }: Span, { x, y, right, bottom }: Place): string {
  const rows = ticks(0, top, 4).map(
    (value) =>
      `<line x1="${MARGIN.left}" x2="${right}" y1="${n(y(value))}" y2="${n(y(value))}" class="grid"/>` +
      `<text x="${MARGIN.left - 6}" y="${n(y(value) + 4)}" class="tick" text-anchor="end">${value}</text>`,
  )
  const columns = ticks(from, to, 6).map(
    (value) =>
      `<text x="${n(x(value))}" y="${bottom + 15}" class="tick" text-anchor="middle">${value} s</text>`,
  )
  const change = `<line x1="${n(x(0))}" x2="${n(x(0))}" y1="${MARGIN.top}" y2="${bottom}" class="change"/>`
  return [...rows, ...columns, change].join('\n')
}

function legend(lines: readonly Line[], { width, height }: Frame): string {
  let left = MARGIN.left
  let baseline = height - MARGIN.bottom + 36
  return lines
    .map((line, index) => {
      if (line.name === '') return ''
      const needed = 22 + line.name.length * 6.6
      if (left + needed > width) {
        left = MARGIN.left
        baseline += LEGEND_LINE
      }
      const at = left
      left += needed
      return (
        `<rect x="${n(at)}" y="${baseline - 9}" width="10" height="10" rx="2" fill="${colourOf(line, index)}"/>` +
        `<text x="${n(at + 14)}" y="${baseline}" class="tick">${escaped(line.name)}</text>`
      )
    })
    .join('\n')
}

/** A value holds until the next one. */
function steps(
  values: ReadonlyMap<number, number>,
  x: (seconds: number) => number,
  y: (value: number) => number,
): string {
  let path = ''
  let before: number | undefined
  for (const [at, value] of values) {
    const connected = before !== undefined && values.has(at - 1)
    path += connected ? `H${n(x(at))}V${n(y(value))}` : `M${n(x(at))} ${n(y(value))}`
    before = value
  }
  return path
}

function stroke(path: string, colour: string, dashed = false): string {
  const dash = dashed ? ' stroke-dasharray="5 4"' : ''
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`
}

function area(
  upper: ReadonlyMap<number, number>,
  lower: ReadonlyMap<number, number>,
  x: (seconds: number) => number,
  y: (value: number) => number,
  colour: string,
): string {
  const forth = steps(upper, x, y)
  const back = [...upper.keys()].reverse().map((at, index) => {
    const down = n(y(lower.get(at) ?? 0))
    return index === 0 ? `V${down}` : `V${down}H${n(x(at))}`
  })
  // The way back is made of the same steps: each level holds from its moment to the next.
  return `<path d="${forth}${back.join('')}Z" fill="${colour}" fill-opacity="0.55" stroke="${colour}"/>`
}

function filled(line: Line, { from, to }: Span): Line {
  const seconds = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  return { ...line, values: new Map(seconds.map((at) => [at, line.values.get(at) ?? 0])) }
}

function highest(lines: readonly Line[], stacked: boolean, { from, to }: Span): number {
  if (!stacked) return Math.max(0, ...lines.flatMap(({ values }) => [...values.values()]))
  const seconds = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  return Math.max(
    0,
    ...seconds.map((at) => lines.reduce((sum, { values }) => sum + (values.get(at) ?? 0), 0)),
  )
}

/** Round numbers between two bounds, about so many. */
function ticks(from: number, to: number, about: number): number[] {
  const rough = (to - from) / about
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((each) => each > 0.8 * rough) ?? 1200
  const first = Math.ceil(from / step)
  return Array.from(
    { length: Math.floor(to / step) - first + 1 },
    (_, index) => (first + index) * step,
  )
}

function colourOf({ limit = false }: Line, index: number): string {
  return limit ? '#777777' : (COLOURS[index % COLOURS.length] ?? '#000000')
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
