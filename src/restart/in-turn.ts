/**
 * Who is next at the queue of writes.
 */
import type PQueue from 'p-queue'
import { RANKS, type Rank, type Turn } from './turn.ts'

/** Adds a write of a namespace to the queue. It rejects with the reason of the signal if that aborts before its turn. */
export type AddInTurn = <T>(
  namespace: string,
  turn: Pick<Turn, 'rank' | 'signal'>,
  write: () => Promise<T>,
) => Promise<T>

/** Further than any round comes. */
const BEHIND_ALL = 1e12

/** Rank by rank; inside a rank namespaces take turns: a tenant with ten thousand writes keeps nobody waiting. */
export function inTurn(queue: PQueue): AddInTurn {
  const joinRound: Record<Rank, JoinRound> = {
    move: createRounds(),
    record: createRounds(),
    report: createRounds(),
  }
  return (namespace, { rank, signal }, write) => {
    const { round, begin } = joinRound[rank](namespace)
    const serve = () => {
      begin()
      return write()
    }
    const priority = -round - RANKS.indexOf(rank) * BEHIND_ALL
    return queue.add(serve, { priority, ...(signal && { signal }) })
  }
}

/** Gives a namespace its next round, and is told when that begins. */
type JoinRound = (namespace: string) => { readonly round: number; readonly begin: () => void }

/**
 * Fair queueing: each write gets the number of the round in which its namespace has its turn, and rounds are served one
 * after the other. A namespace that is new joins the round that is being served.
 * Source: S. J. Golestani, A self-clocked fair queueing scheme for broadband applications (1994).
 */
function createRounds(): JoinRound {
  let served = 0
  /** The last round of each namespace that has been served in this round, or waits. */
  const lastRound = new Map<string, number>()
  return (namespace) => {
    const last = lastRound.get(namespace)
    const round = last === undefined ? served : Math.max(served, last + 1)
    lastRound.set(namespace, round)
    const begin = () => {
      if (round <= served) return
      served = round
      for (const [each, last] of lastRound) if (last < served) lastRound.delete(each)
    }
    return { round, begin }
  }
}
