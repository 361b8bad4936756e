import { expect, test } from 'vitest'
import { drawChart, type Chart } from '../../demo/chart.ts'

/** 100 units for 10 seconds, and a height in which 10 units stand for each of 10 values. */
const FRAME = { x: 0, y: 0, width: 146, height: 192 }
const SPAN = { from: 0, to: 10 }

function draw(chart: Partial<Chart>): string {
  return drawChart({ title: 'Pods', unit: '', stacked: false, lines: [], ...chart }, FRAME, SPAN)
}

function pathsIn(svg: string): string[] {
  return [...svg.matchAll(/<path d="([^"]*)"/g)].map(([, path = '']) => path)
}

const line = (name: string, ...values: [number, number][]) => ({ name, values: new Map(values) })

test('a value holds until the next one, and a gap is a gap', () => {
  const [path] = pathsIn(draw({ lines: [line('web', [0, 10], [1, 10], [2, 5], [6, 5], [7, 0])] }))
  // 10 is the highest, a tenth of room is above it: a unit of value is 100 / 11 high.
  expect(path).toBe('M34 39.1H44V39.1H54V84.5M94 84.5H104V130')
})

test('stacked lines stand on each other, and one without data is 0', () => {
  const svg = draw({ stacked: true, lines: [line('a', [0, 1]), line('b', [0, 1], [1, 1])] })
  const [lower = '', upper = ''] = pathsIn(svg)
  expect(lower.startsWith('M34 84.5H44V130')).toBe(true)
  expect(upper.startsWith('M34 39.1H44V84.5H54V130')).toBe(true)
})

test('names are escaped, and a line without a name has no legend', () => {
  const svg = draw({ title: 'a < b', lines: [line('"x"', [0, 1]), line('', [0, 1])] })
  expect(svg).toContain('a &lt; b')
  expect(svg).toContain('&quot;x&quot;')
  expect(svg.match(/<rect/g)).toHaveLength(1)
})
