/**
 * The queue of all writes that a plan asks for: how many at once, how many in a second, and how it ends.
 */
import PQueue from 'p-queue'
import { sleep } from '../kube/local-time.ts'

/** Writes that are under way at once. */
const WRITE_CONCURRENCY = 8
/** How long the end waits for writes that are under way (ms). */
const END_TIMEOUT = 1_000

/** @param rate how many writes start in a second at most */
export function createWriteQueue(rate: number): PQueue {
  return new PQueue({ concurrency: WRITE_CONCURRENCY, interval: 1_000, intervalCap: rate })
}

/** Sends nothing more of what waits. Resolves with whether every write that was under way has ended in time. */
export async function drain(queue: PQueue): Promise<boolean> {
  queue.clear()
  const idle = new AbortController()
  void queue.onPendingZero().then(() => idle.abort())
  await sleep(END_TIMEOUT, idle.signal)
  return idle.signal.aborted
}
