import { setTimeout as sleep } from 'node:timers/promises'

/** What a probe of waitUntil saw: the awaited value, or what there was instead. */
export type Seen<T> = { value: T } | { instead: string }

/**
 * Probes until the probe has a value. The error after the deadline tells what
 * was waited for and what was last seen instead. A probe that throws ends the
 * wait: only what is merely not so yet is worth waiting for.
 */
export async function waitUntil<T>(
  what: string,
  probe: () => Promise<Seen<T>>,
  options: { deadline?: number; every?: number } = {},
): Promise<T> {
  const { deadline = 30_000, every = 50 } = options
  const end = performance.now() + deadline
  for (;;) {
    const seen = await probe()
    if ('value' in seen) return seen.value
    if (performance.now() > end) {
      throw new Error(`expected ${what} within ${deadline} ms, last seen: ${seen.instead}`)
    }
    await sleep(every)
  }
}
