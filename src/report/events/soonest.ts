/** The soonest of some times; Infinity of none. However many there are. */
export function soonest(times: Iterable<number>): number {
  let first = Infinity
  for (const time of times) first = Math.min(first, time)
  return first
}
