/**
 * What a benchmark finds: numbers beside a baseline of the same run, since this machine's speed changes by the minute.
 */

/** One line of the table. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit:
    | 'ms'
    | 'MiB'
    | 'writes'
    | 'requests'
    | 'KiB'
    | 'descriptors'
    | 'connections'
    | 'timers'
    | 'listeners'
  /** Measured in the same run by the same means. */
  readonly baseline?: { readonly what: string; readonly value: number }
  /** At most this. */
  readonly target?: number
  readonly note?: string
}

/** The figures of one benchmark. */
export interface Chapter {
  readonly title: string
  readonly figures: readonly Figure[]
  /** What a reader must know of them. */
  readonly remarks?: readonly string[]
}

/** A chapter as a Markdown table, so that the page in this folder is what was printed. */
export function describe({ title, figures, remarks = [] }: Chapter): string {
  const head = ['', 'measured', 'baseline of the same run', 'ratio', 'target', '']
  const rows = figures.map(({ what, value, unit, baseline, target, note = '' }) => [
    what,
    `${round(value)} ${unit}`,
    baseline ? `${round(baseline.value)} ${unit} (${baseline.what})` : '',
    baseline && baseline.value > 0 ? `${round(value / baseline.value)} ×` : '',
    target === undefined ? '' : `≤ ${round(target)} ${unit} ${value <= target ? '✓' : '✗'}`,
    note,
  ])
  return [`## ${title}\n`, ...table(head, rows), ...remarks.map((text) => `\n${text}`), ''].join(
    '\n',
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

/** Three digits are more than a shared machine can vouch for. */
function round(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2)
}
