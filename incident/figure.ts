/**
 * The picture: a row of four charts for each run, on the same axes, so that the eye compares from row to row.
 */
import { scaleLinear } from 'd3-scale'
import { area, curveStepAfter, line } from 'd3-shape'
import { failedIn } from './load.ts'
import type { Sample } from './recorder.ts'
import type { Moment } from './run.ts'

/** One row. */
export interface Row {
  readonly title: string
  /** What it comes to, in a few words. */
  readonly note: string
  readonly samples: readonly Sample[]
  readonly moments: readonly Moment[]
}

/** One thing that is drawn in a chart. */
interface Series {
  readonly name: string
  readonly colour: string
  readonly as: 'area' | 'line'
  readonly value: (sample: Sample) => number
}

interface Chart {
  readonly title: string
  /** Drawn one over the other. */
  readonly series: readonly Series[]
  /** A line that may not be crossed. */
  readonly limit?: { readonly name: string; readonly at: number }
  /** The scale reaches at least this far. */
  readonly least: number
}

const COLUMN = 272
const GAP = 46
const LEFT = 34
const HEIGHT = 118
const HEAD = 64
const ROW = HEIGHT + 56
const FOOT = 44

// The palette of Okabe and Ito, which colour-blind readers can tell apart.
const RED = '#d55e00'
const ORANGE = '#e69f00'
const PURPLE = '#7b3294'
const BLUE = '#0072b2'
const SKY = '#8ecdf0'
const GREEN = '#009e73'
const GREY = '#c9ced6'
const INK = '#1f2933'
const FAINT = '#7b8794'

function charts(rate: number, slots: number, pods: number): readonly Chart[] {
  return [
    {
      title: 'Failed requests a second',
      series: [{ name: `of ${rate} sent`, colour: RED, as: 'area', value: failedIn }],
      least: 10,
    },
    {
      title: 'Refused logins a second',
      series: [
        {
          name: 'too many clients',
          colour: PURPLE,
          as: 'area',
          value: ({ wrongPassword, noSlot }) => wrongPassword + noSlot,
        },
        {
          name: 'wrong password',
          colour: ORANGE,
          as: 'area',
          value: ({ wrongPassword }) => wrongPassword,
        },
      ],
      least: 10,
    },
    {
      title: 'Connections',
      series: [
        { name: 'opened a second', colour: SKY, as: 'area', value: ({ opened }) => opened },
        { name: 'open', colour: BLUE, as: 'line', value: ({ connections }) => connections },
      ],
      limit: { name: `limit ${slots}`, at: slots },
      least: slots * 1.05,
    },
    {
      title: 'Pods',
      series: [
        { name: 'with the old login', colour: GREY, as: 'area', value: ({ stale }) => stale },
        { name: 'starting', colour: GREEN, as: 'line', value: ({ starting }) => starting },
      ],
      least: pods,
    },
  ]
}

/** The picture as SVG. `slots` are the connections that the shop may have. */
export function figure(
  rows: readonly Row[],
  { rate, slots, pods }: { rate: number; slots: number; pods: number },
): string {
  const columns = charts(rate, slots, pods)
  const width = LEFT + columns.length * COLUMN + (columns.length - 1) * GAP + 16
  const height = HEAD + rows.length * ROW + FOOT
  const all = rows.flatMap(({ samples }) => samples)
  const x = scaleLinear(
    [
      Math.min(...all.map(({ second }) => second)),
      Math.max(...all.map(({ second }) => second)) + 1,
    ],
    [0, COLUMN],
  )
  const parts = columns.flatMap((chart, column) => {
    const top = Math.max(
      chart.least,
      ...chart.series.flatMap(({ value }) => all.map((sample) => value(sample))),
    )
    const y = scaleLinear([0, top], [HEIGHT, 0]).nice(4)
    const left = LEFT + column * (COLUMN + GAP)
    return [
      text(left, 20, chart.title, { weight: 600, size: 15 }),
      legend(left, 40, chart),
      ...rows.map((row, index) => {
        const last = index === rows.length - 1
        return group(left, HEAD + index * ROW + 34, [
          axes(x, y, last),
          ...chart.series.map((series) => drawn(series, row.samples, x, y)),
          ...(chart.limit ? [rule(y(chart.limit.at))] : []),
          ...row.moments.slice(1, 2).map(() => mark(x(0))),
          ...(last
            ? [
                text(COLUMN / 2, HEIGHT + 38, 'seconds since the rotation', {
                  anchor: 'middle',
                  colour: FAINT,
                }),
              ]
            : []),
        ])
      }),
    ]
  })
  const titles = rows.map(({ title, note }, index) =>
    [
      `<text x="${LEFT}" y="${HEAD + index * ROW + 20}" font-size="15" fill="${INK}">`,
      `<tspan font-weight="700">${escape(title)}</tspan>`,
      `<tspan dx="10" fill="${FAINT}">${escape(note)}</tspan></text>`,
    ].join(''),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12" role="img">`,
    `<title>${escape(rows.map(({ title, note }) => `${title}: ${note}`).join('. '))}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...titles,
    ...parts,
    '</svg>',
  ].join('\n')
}

type Scale = ReturnType<typeof scaleLinear<number>>

function drawn(
  { as, colour, value }: Series,
  samples: readonly Sample[],
  x: Scale,
  y: Scale,
): string {
  // A step lasts to the end of its second.
  const points: [number, number][] = samples.map((sample) => [x(sample.second), value(sample)])
  const [end] = points.slice(-1)
  if (end) points.push([x(samples.length + (samples[0]?.second ?? 0)), end[1]])
  if (as === 'line') {
    const path = line(
      ([at]) => at,
      ([, v]) => y(v),
    ).curve(curveStepAfter)(points)
    return `<path d="${rounded(path)}" fill="none" stroke="${colour}" stroke-width="1.8"/>`
  }
  const path = area(
    ([at]) => at,
    y(0),
    ([, v]) => y(v),
  ).curve(curveStepAfter)(points)
  return `<path d="${rounded(path)}" fill="${colour}"/>`
}

function axes(x: Scale, y: Scale, labelled: boolean): string {
  const lines = y.ticks(4).map((tick) => {
    const at = y(tick)
    return `<line x2="${COLUMN}" y1="${at}" y2="${at}" stroke="#e4e7eb"/>${text(-6, at + 4, String(tick), { anchor: 'end', colour: FAINT })}`
  })
  const ticks = x.ticks(6).map((tick) => {
    const label = labelled
      ? text(x(tick), HEIGHT + 18, String(tick), { anchor: 'middle', colour: FAINT })
      : ''
    return `<line x1="${x(tick)}" x2="${x(tick)}" y1="${HEIGHT}" y2="${HEIGHT + 4}" stroke="${FAINT}"/>${label}`
  })
  return [
    ...lines,
    ...ticks,
    `<line x2="${COLUMN}" y1="${HEIGHT}" y2="${HEIGHT}" stroke="${FAINT}"/>`,
  ].join('')
}

function legend(left: number, top: number, { series, limit }: Chart): string {
  const entries = [
    ...series.map(({ name, colour, as }) => ({
      name,
      colour,
      dash: '',
      width: as === 'line' ? 2.5 : 9,
    })),
    ...(limit ? [{ name: limit.name, colour: INK, dash: '3 3', width: 1.5 }] : []),
  ]
  let at = left
  return entries
    .map(({ name, colour, dash, width }) => {
      const from = at
      at += 28 + name.length * 7
      return [
        `<line x1="${from}" x2="${from + 12}" y1="${top - 4}" y2="${top - 4}" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash}"/>`,
        text(from + 17, top, name, { colour: INK }),
      ].join('')
    })
    .join('')
}

function rule(at: number): string {
  return `<line x2="${COLUMN}" y1="${at}" y2="${at}" stroke="${INK}" stroke-width="1.2" stroke-dasharray="3 3"/>`
}

function mark(at: number): string {
  return `<line x1="${at}" x2="${at}" y1="-4" y2="${HEIGHT}" stroke="${INK}" stroke-width="1" stroke-dasharray="1 3"/>`
}

function group(left: number, top: number, content: readonly string[]): string {
  return `<g transform="translate(${left} ${top})">${content.join('')}</g>`
}

function text(
  x: number,
  y: number,
  content: string,
  { weight = 400, size = 12, anchor = 'start', colour = INK } = {},
): string {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${colour}">${escape(content)}</text>`
}

function rounded(path: string | null): string {
  return (path ?? '').replaceAll(/\d+\.\d+/g, (number) => Number(number).toFixed(1))
}

/** Text as it may stand in SVG and HTML. */
export function escape(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
