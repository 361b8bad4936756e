/**
 * A small table that is drawn in place on a terminal, and as a line for each change elsewhere.
 */

/** How one Deployment does. */
export interface Row {
  readonly name: string
  readonly how: string
  readonly fresh: number
  readonly stale: number
  /** Missing or not Available yet. */
  readonly away: number
  readonly note: string
}

export interface Screen {
  say(text: string): void
  show(rows: readonly Row[]): void
  /** What is drawn stays, and further text follows it. */
  finish(): void
}

const COLOURS = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 } as const

/** A screen on standard output; without a terminal, or with CI set, plain lines. */
export function createScreen(out: NodeJS.WriteStream): Screen {
  const live = out.isTTY && process.env['CI'] === undefined
  const paint = (colour: keyof typeof COLOURS, text: string) =>
    live ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text
  let drawn = 0
  let last: readonly string[] = []

  const line = ({ name, how, fresh, stale, away, note }: Row) => {
    const pods = [
      paint('green', '●'.repeat(fresh)),
      paint('yellow', '◐'.repeat(away)),
      paint('red', '○'.repeat(stale)),
    ].join('')
    const padding = ' '.repeat(Math.max(1, 8 - fresh - stale - away))
    return `  ${name.padEnd(10)} ${how.padEnd(24)} ${pods}${padding}${paint('dim', note)}`
  }

  return {
    say(text) {
      drawn = 0
      out.write(`${text}\n`)
    },
    show(rows) {
      const lines = rows.map(line)
      if (live) {
        const legend = paint('dim', `  ${'● fresh'.padEnd(10)} ◐ starting   ○ stale`)
        const picture = [...lines, '', legend]
        if (drawn > 0) out.write(`\x1b[${drawn}A`)
        out.write(picture.map((text) => `\x1b[2K${text}\n`).join(''))
        drawn = picture.length
      } else {
        for (const [index, text] of lines.entries())
          if (text !== last[index]) out.write(`${text}\n`)
      }
      last = lines
    },
    finish() {
      drawn = 0
      last = []
    },
  }
}
