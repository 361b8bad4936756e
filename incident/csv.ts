/**
 * The raw numbers: one line a second.
 */
import type { Sample } from './recorder.ts'

const COLUMNS = [
  'second',
  'ok',
  'error',
  'timeout',
  'refused',
  'noEndpoint',
  'wrongPassword',
  'noSlot',
  'connections',
  'opened',
  'starting',
  'ready',
  'stale',
] as const satisfies readonly (keyof Sample)[]

/** The samples as CSV, with a heading. */
export function csv(samples: readonly Sample[]): string {
  const rows = samples.map((sample) => COLUMNS.map((column) => sample[column]).join(','))
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`
}
