// Whatever the network, the clocks and the scheduler do: never two processes that may write at one moment.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LeaderElector } from '../../src/kube/leader-elector.ts'
import { SimulatedLease, type Transit } from './simulated-lease.ts'
import { Machine, VirtualTime } from './virtual-time.ts'

/** When things begin to go wrong, when the last thing does, and when all is well again, for long enough (ms). */
const TROUBLE = 3_000
const LAST_TROUBLE = 60_000
const PEACE = 90_000
const END = 130_000
/** How wrong clocks may be: by as much the deadline of the holder comes before that of the others. */
const DRIFT = 0.15

/** Something that begins and ends. */
interface Spell {
  readonly at: number
  readonly lasts: number
}

/** A process. */
interface Life {
  readonly startsAt: number
  readonly killedAfter: number
  readonly clockRate: number
  readonly stops: readonly Spell[]
  readonly cuts: readonly Spell[]
  /** What its waits are drawn out by, over and over. */
  readonly randoms: readonly number[]
}

interface World {
  readonly lives: readonly Life[]
  /** What the first requests meet when trouble has begun. */
  readonly transits: readonly Transit[]
  /** When somebody labels the Lease, or deletes it. */
  readonly labels: readonly number[]
  readonly deletedAt: number
}

const moment = fc.integer({ min: TROUBLE, max: LAST_TROUBLE })
const spells = fc.array(fc.record({ at: moment, lasts: fc.integer({ min: 1, max: 30_000 }) }), {
  maxLength: 3,
})
const latency = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 12_000 }))
const transit: fc.Arbitrary<Transit> = fc.record(
  { there: latency, back: latency, lost: fc.constantFrom('request', 'answer'), again: latency },
  { requiredKeys: ['there', 'back'] },
)
const steady = {
  startsAt: fc.constant(0),
  killedAfter: fc.constant(Infinity),
  clockRate: fc.double({ min: 1 - DRIFT, max: 1 + DRIFT, noNaN: true }),
  stops: spells,
  cuts: spells,
  randoms: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }),
}
const mortal = {
  ...steady,
  startsAt: fc.integer({ min: 0, max: LAST_TROUBLE }),
  killedAfter: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 30_000 })),
}

function worlds(
  life: { readonly [Key in keyof Life]: fc.Arbitrary<Life[Key]> },
  deletedAt: fc.Arbitrary<number>,
): fc.Arbitrary<World> {
  return fc.record({
    lives: fc.array(fc.record(life), { minLength: 2, maxLength: 4 }),
    transits: fc.array(transit, { maxLength: 60 }),
    labels: fc.array(moment, { maxLength: 4 }),
    deletedAt,
  })
}

/** How many could write at one moment, and how many processes and leaders there are in the end. */
async function history({ lives, transits, labels, deletedAt }: World) {
  const time = new VirtualTime()
  const lease = new SimulatedLease(time)
  const alive = new Set<LeaderElector>()
  for (const [index, life] of lives.entries()) live(time, lease, alive, `process-${index}`, life)
  for (const at of labels) time.after(at, () => lease.label())
  time.after(deletedAt, () => lease.delete())
  time.after(TROUBLE, () => lease.transits.push(...transits))
  time.after(PEACE, () => (lease.transits.length = 0))

  let most = 0
  const writers = () => [...alive].filter((elector) => elector.mayWrite()).length
  await time.runUntil(END, () => (most = Math.max(most, writers())))
  return { most, alive: alive.size, leaders: writers() }
}

function live(
  time: VirtualTime,
  lease: SimulatedLease,
  alive: Set<LeaderElector>,
  identity: string,
  { startsAt, killedAfter, clockRate, stops, cuts, randoms }: Life,
): void {
  const machine = new Machine(time, clockRate)
  let drawn = 0
  const elector = new LeaderElector({
    store: lease.seenFrom(machine),
    identity,
    now: machine.now,
    sleep: machine.sleep,
    random: () => randoms[drawn++ % randoms.length] ?? 0,
    onChange: () => {},
    onError: () => {},
  })
  time.after(startsAt, () => {
    alive.add(elector)
    void elector.run(new AbortController().signal)
  })
  for (const { at, lasts } of stops) time.after(at, () => machine.stop(lasts))
  for (const { at, lasts } of cuts) {
    time.after(at, () => (machine.cutOff = true))
    time.after(at + lasts, () => (machine.cutOff = false))
  }
  if (killedAfter === Infinity) return
  time.after(startsAt + killedAfter, () => {
    alive.delete(elector)
    machine.stop(Infinity)
  })
}

// A Lease that is deleted before a process has ever seen it is free for that one, as at the very first start; and one
// that comes and goes between two looks is not noticed. So in a world where processes come late nobody deletes it, and
// in the other one it is deleted once.
test.each([
  ['though processes come and die', worlds(mortal, fc.constant(Infinity))],
  ['though somebody deletes the Lease', worlds(steady, moment)],
])(
  'never may two write, %s, and one leads when all is well',
  async (_, world) => {
    await fc.assert(
      fc.asyncProperty(world, async (each) => {
        const { most, alive, leaders } = await history(each)
        expect(most).toBeLessThanOrEqual(1)
        expect(leaders).toBe(Math.min(alive, 1))
      }),
      { numRuns: 150 },
    )
  },
  60_000,
)
