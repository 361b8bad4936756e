/**
 * Faults by chance: as bad as a control plane gets that still lets somebody work.
 */
import type { FaultPlan, RequestFault, SeenRequest, WatchFault } from './fault.ts'
import { randomStreams, type Random } from './random.ts'

/** Share of requests with a fault; one that breaks the connection hits what runs beside it as well. */
const FAULTY_WRITES = 0.3
const FAULTY_READS = 0.15
/** Share of events that come twice. */
const TWICE = 0.15
/** Mean life of a watch (ms). */
const WATCH_LIFE = 15_000

/** A plan that draws: one stream of chance for each kind of request. */
export function faultMix(seed: number): FaultPlan {
  const streams = randomStreams(seed)
  const streamOf = ({ verb, resource }: SeenRequest) => streams(`${verb} ${resource}`)
  return {
    request(seen) {
      const random = streamOf(seen)
      const write = !['get', 'list'].includes(seen.verb)
      const drawn = random()
      const kind = pick(write ? WRITE_FAULTS : READ_FAULTS, random)
      return drawn < (write ? FAULTY_WRITES : FAULTY_READS) ? kind(random) : undefined
    },
    watch(seen) {
      const random = streamOf(seen)
      const faults: WatchFault[] = []
      const opening = random()
      if (opening < 0.06) return [{ kind: 'watch gone' }]
      if (opening < 0.12) return [{ kind: 'watch unavailable' }]
      if (random() < 0.3) faults.push({ kind: 'watch delayed', ms: 200 + random() * 3_000 })
      const ms = -Math.log(1 - random()) * WATCH_LIFE
      const end = random()
      if (end < 0.5) faults.push({ kind: 'watch cut', ms })
      else if (end < 0.75) faults.push({ kind: 'watch half line', ms })
      else faults.push({ kind: 'watch gone event', ms })
      faults.push({ kind: 'watch duplicate', twice: () => random() < TWICE })
      return faults
    },
  }
}

type Draw = (random: Random) => RequestFault

const READ_FAULTS: readonly Draw[] = [
  () => ({ kind: 'too many requests', seconds: 1 }),
  () => ({ kind: 'internal error' }),
  () => ({ kind: 'unavailable' }),
  (random) => ({ kind: 'slow', ms: random() * 1_500 }),
  () => ({ kind: 'reset before' }),
  () => ({ kind: 'reset after' }),
]

const WRITE_FAULTS: readonly Draw[] = [
  ...READ_FAULTS,
  () => ({ kind: 'conflict' }),
  () => ({ kind: 'timeout though done' }),
  () => ({ kind: 'reset after' }),
  (random) => ({ kind: 'reset during', ms: random() * 200 }),
]

function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[Math.floor(random() * from.length)]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}
