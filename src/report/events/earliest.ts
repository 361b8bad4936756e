/** The earliest of some times; Infinity of none. However many there are. */
export function earliest(times: Iterable<number>): number {
  let first = Infinity
  for (const time of times) first = Math.min(first, time)
  return first
}
