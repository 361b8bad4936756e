/**
 * Which rotations that are over are kept: by count and by age. Pure.
 */
import { sourceKey } from '../../model/refs.ts'
import { rotationName, type Rotation } from '../../records/rotation.ts'

/** How many of one source are kept that are over. */
export const KEPT_OF_SOURCE = 5
/** How many of all. */
export const KEPT_OF_ALL = 1_000
/** For how long (ms): a week. */
export const KEPT_FOR = 7 * 24 * 3_600_000

/** What retention knows of a rotation that is over. */
export type Kept = Pick<Rotation, 'source' | 'changedAt'> & {
  readonly finishedAt: number
  /** Nothing more will be said of it: whoever waits for old content to be unused need not wait any more. */
  readonly settled: boolean
}

/** Those to delete, the oldest first. */
export function expired(over: readonly Kept[], now: number): readonly Kept[] {
  const newestFirst = over.toSorted(
    (a, b) => b.changedAt - a.changedAt || (rotationName(a) < rotationName(b) ? -1 : 1),
  )
  const ofSource = new Map<string, number>()
  let ofAll = 0
  const out = newestFirst.filter((each) => {
    if (each.settled && now - each.finishedAt > KEPT_FOR) return true
    const key = sourceKey(each.source)
    const nth = (ofSource.get(key) ?? 0) + 1
    ofSource.set(key, nth)
    if (nth > KEPT_OF_SOURCE) return true
    return ++ofAll > KEPT_OF_ALL
  })
  return out.reverse()
}
