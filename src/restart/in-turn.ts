/**
 * Namespaces take turns at the queue of writes: a tenant with ten thousand workloads to record keeps nobody waiting.
 */
import type PQueue from 'p-queue'

/** Adds a write of a namespace to the queue. */
export type AddInTurn = <T>(namespace: string, write: () => Promise<T>) => Promise<T>

/**
 * Fair queueing: each write gets the number of the round in which its namespace has its turn, and rounds are served one
 * after the other. A namespace that is new joins the round that is being served.
 * Source: S. J. Golestani, A self-clocked fair queueing scheme for broadband applications (1994).
 */
export function inTurn(queue: PQueue): AddInTurn {
  let served = 0
  /** The last round of each namespace that has been served in this round, or waits. */
  const lastRound = new Map<string, number>()
  return async (namespace, write) => {
    const last = lastRound.get(namespace)
    const round = last === undefined ? served : Math.max(served, last + 1)
    lastRound.set(namespace, round)
    const begin = () => {
      if (round > served) {
        served = round
        for (const [each, last] of lastRound) if (last < served) lastRound.delete(each)
      }
      return write()
    }
    return queue.add(begin, { priority: -round })
  }
}
