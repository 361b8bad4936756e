/**
 * Reads what nothing can begin without.
 */
import { Backoff } from './backoff.ts'
import { sleep } from './local-time.ts'

/** Reads until it succeeds; `undefined` where `signal` aborts first. */
export async function retryUntil<T>(
  read: () => Promise<T>,
  { signal, onError }: { signal: AbortSignal; onError: (error: unknown) => void },
): Promise<T | undefined> {
  const backoff = new Backoff(Math.random)
  while (!signal.aborted) {
    try {
      return await read()
    } catch (error) {
      onError(error)
      await sleep(backoff.next(), signal)
    }
  }
  return undefined
}
