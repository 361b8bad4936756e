/**
 * Chance that can be repeated: equal seeds give equal numbers.
 */

/** Numbers from 0 to 1. */
export type Random = () => number

/**
 * A stream of numbers of its own for each name, so that what one part of a test draws moves nothing in the others.
 */
export function randomStreams(seed: number): (name: string) => Random {
  const streams = new Map<string, Random>()
  return (name) => {
    const known = streams.get(name)
    if (known) return known
    const made = mulberry32(seed ^ hash(name))
    streams.set(name, made)
    return made
  }
}

/** https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
