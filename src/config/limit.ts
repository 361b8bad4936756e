/**
 * How many pods of a workload may be away at once: `3`, or `25%` of its replicas. Pure.
 */

/** A count of pods, or a share of the replicas in whole percent. */
export type Limit =
  | { readonly kind: 'count'; readonly value: number }
  | { readonly kind: 'percent'; readonly value: number }

/** What {@link parseLimit} accepts, to be read after "expected". */
export const LIMIT_FORM = 'a whole number of at least 1, or a percentage from 1% to 100%'

// Up to six digits: no workload has a million pods, and no product below leaves the exact integers.
const FORM = /^([1-9]\d{0,5})(%?)$/

/** Reads a setting or an annotation; undefined for anything but {@link LIMIT_FORM}. */
export function parseLimit(text: string): Limit | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const value = Number(match[1])
  if (match[2] !== '%') return { kind: 'count', value }
  return value <= 100 ? { kind: 'percent', value } : undefined
}

/** The limit in pods. A percentage is rounded down, but never to 0: then nothing could ever be restarted. */
export function resolveLimit(limit: Limit, replicas: number): number {
  return limit.kind === 'count'
    ? limit.value
    : Math.max(1, Math.floor((replicas * limit.value) / 100))
}
