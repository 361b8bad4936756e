/**
 * Durations as people write them. Inside Sluice every duration and every time is a number of milliseconds;
 * only text for people and metrics (seconds) have other units.
 */

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

/** What {@link parseDuration} accepts, to be read after "expected". */
export const DURATION_FORM = 'a duration such as 5s, 1m30s or 500ms, at most 24 days'

// A longer setTimeout of Node would not wait at all: its delay is a signed 32-bit number.
const MOST = 24 * 24 * 3_600_000

const FORM = new RegExp(`^${UNITS.map(([unit]) => `(?:(\\d{1,10})${unit})?`).join('')}$`)

/** Milliseconds; undefined for anything but {@link DURATION_FORM}. Each unit at most once, larger ones first. */
export function parseDuration(text: string): number | undefined {
  const match = FORM.exec(text)
  if (text === '' || match === null) return undefined
  const total = UNITS.reduce(
    (sum, [, size], index) => sum + Number(match[index + 1] ?? 0) * size,
    0,
  )
  return total <= MOST ? total : undefined
}

/** The shortest text that {@link parseDuration} reads as `milliseconds`, a whole number: `90000` is `1m30s`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds
  let text = ''
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}
