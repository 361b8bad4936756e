/**
 * This machine's time.
 */
import { setTimeout as delay } from 'node:timers/promises'

/** A longer timer of Node would not wait at all. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Milliseconds since the epoch; never runs backwards, and runs on while the process is stopped. */
export function localNow(): number {
  return performance.timeOrigin + performance.now()
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(Math.max(0, ms), LONGEST_TIMER), undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
