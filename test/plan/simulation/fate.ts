/**
 * What becomes of a pod when it starts, by what it reads. A content that begins with one of these words is bad.
 */

/** - `crash`: the process ends at once; - `deaf`: it never gets Ready; - `brief`: it is Ready for a moment, then ends. */
export const BAD = ['crash', 'deaf', 'brief'] as const
/** How long a container runs that will crash (ms). */
export const CRASHES_AFTER = 800

export type Fate = (typeof BAD)[number] | 'well'

/** The worst of what these contents bring. */
export function fateOf(contents: Iterable<string>): Fate {
  const all = [...contents]
  return BAD.find((bad) => all.some((content) => content.startsWith(bad))) ?? 'well'
}
