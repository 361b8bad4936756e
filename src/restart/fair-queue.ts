/**
 * Who is next at the queue of writes.
 */
import type PQueue from 'p-queue'
import { RANKS, type Rank, type QueueTicket } from './queue-ticket.ts'

/** Adds a write of a namespace to the queue. It rejects with the reason of the signal if that aborts before its turn. */
export type AddInTurn = <T>(
  namespace: string,
  turn: Pick<QueueTicket, 'rank' | 'signal'>,
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
  return async (namespace, { rank, signal }, write) => {
    const { round, begin, withdraw } = joinRound[rank](namespace)
    const serve = () => {
      begin()
      return write()
    }
    const priority = -round - RANKS.indexOf(rank) * BEHIND_ALL
    try {
      return await queue.add(serve, { priority, ...(signal && { signal }) })
    } finally {
      withdraw()
    }
  }
}

/** Gives a namespace its next round, and is told when that begins, or that it will not. */
type JoinRound = (namespace: string) => {
  readonly round: number
  readonly begin: () => void
  readonly withdraw: () => void
}

/** The rounds of one namespace: those that wait, in order, and the last one that was served. */
interface Line {
  readonly waiting: number[]
  served: number | undefined
}

/**
 * Fair queueing: each write gets the number of the round in which its namespace has its turn, and rounds are served one
 * after the other. A namespace that is new joins the round that is being served. A write that is withdrawn costs its
 * namespace no turn.
 * Source: S. J. Golestani, A self-clocked fair queueing scheme for broadband applications (1994).
 */
function createRounds(): JoinRound {
  let served = 0
  /** Of each namespace that has been served in this round, or waits. */
  const lines = new Map<string, Line>()
  return (namespace) => {
    const line = lines.get(namespace) ?? { waiting: [], served: undefined }
    lines.set(namespace, line)
    const last = line.waiting.at(-1) ?? line.served
    const round = last === undefined ? served : Math.max(served, last + 1)
    line.waiting.push(round)
    const forgetPast = () => {
      for (const [each, { waiting, served: last = -1 }] of lines)
        if (waiting.length === 0 && last < served) lines.delete(each)
    }
    const leave = () => {
      const at = line.waiting.indexOf(round)
      if (at >= 0) line.waiting.splice(at, 1)
      return at >= 0
    }
    return {
      round,
      begin() {
        if (!leave()) return
        line.served = Math.max(line.served ?? round, round)
        if (round <= served) return
        served = round
        forgetPast()
      },
      withdraw() {
        if (leave() && line.waiting.length === 0) forgetPast()
      },
    }
  }
}
