// The cases of client-go (tools/leaderelection/leaderelection_test.go), and those in which Sluice is stricter.
import { describe, expect, test } from 'vitest'
import {
  LEASE_DURATION,
  LeaderElector,
  RENEW_DEADLINE,
  WRITE_TIMEOUT,
} from '../../src/kube/leader-elector.ts'
import type { LeaseRecord } from '../../src/kube/lease-record.ts'
import { PROMPT, SimulatedLease } from './simulated-lease.ts'
import { Machine, VirtualTime } from './virtual-time.ts'

/** The slowest that who does not lead looks again (ms). */
const SLOWEST_LOOK = 1_100
/** The slowest that who met a failure tries again. */
const SLOWEST_RETRY = 4_400

const held: LeaseRecord = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2020-01-01T00:00:00.000000Z',
  renewTime: '2020-01-01T00:00:00.000000Z',
  leaseTransitions: 3,
}

/** An elector that runs, over a Lease. */
function start(record?: LeaseRecord) {
  const time = new VirtualTime()
  const lease = new SimulatedLease(time, record)
  return { time, lease, ...elect(time, lease, 'me') }
}

function elect(time: VirtualTime, lease: SimulatedLease, identity: string) {
  const machine = new Machine(time)
  const changes: string[] = []
  const errors: string[] = []
  const end = new AbortController()
  const elector = new LeaderElector({
    store: lease.seenFrom(machine),
    identity,
    now: machine.now,
    sleep: machine.sleep,
    random: () => 1,
    onChange: (leading) => changes.push(`${time.now} ${leading}`),
    onError: ({ message }) => errors.push(message),
  })
  const ended = elector.run(end.signal)
  const stop = async () => {
    end.abort()
    await ended
  }
  const limits = { timeout: 500, signal: new AbortController().signal }
  return { machine, elector, changes, errors, stop, release: () => elector.release(limits) }
}

describe('a Lease is taken at once', () => {
  test.each<[string, LeaseRecord | undefined]>([
    ['where there is none', undefined],
    ['where it is empty', {}],
    ['after a release', { ...held, holderIdentity: '' }],
    ['whose holder is null', { ...held, holderIdentity: null }],
  ])('%s', async (_, record) => {
    const { time, lease, elector } = start(record)
    await time.runUntil(10)
    expect(elector.mayWrite()).toBe(true)
    expect(elector.holder).toBe('me')
    expect(lease.record).toMatchObject({ holderIdentity: 'me', leaseDurationSeconds: 15 })
  })

  test('with the next transition counted, and times of six digits', async () => {
    const { time, lease } = start({ ...held, holderIdentity: '' })
    await time.runUntil(10)
    expect(lease.record?.leaseTransitions).toBe(4)
    expect(lease.record?.acquireTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(lease.record?.renewTime).toBe(lease.record?.acquireTime)
  })
})

describe('a Lease that another holds', () => {
  test('is taken when it has not changed for its duration, whatever its times say', async () => {
    const { time, elector } = start({ ...held, renewTime: '2000-01-01T00:00:00.000000Z' })
    await time.runUntil(LEASE_DURATION)
    expect(elector.mayWrite()).toBe(false)
    expect(elector.holder).toBe('other')
    await time.runUntil(LEASE_DURATION + SLOWEST_LOOK + 10)
    expect(elector.mayWrite()).toBe(true)
  })

  test('is left alone for as long as it is renewed', async () => {
    const { time, lease, elector } = start(held)
    for (let at = 2_000; at < 60_000; at += 2_000) {
      await time.runUntil(at)
      lease.tamper({ ...held, renewTime: `2020-01-01T00:00:${String(at / 1_000)}.000000Z` })
    }
    expect(elector.mayWrite()).toBe(false)
    expect(lease.requests).not.toContain('write me')
  })

  test('is taken though somebody labels it all the time', async () => {
    const { time, lease, elector } = start(held)
    for (let at = 2_000; at <= 18_000; at += 2_000) {
      await time.runUntil(at)
      lease.label()
    }
    expect(elector.mayWrite()).toBe(true)
  })

  test.each([
    [1, LEASE_DURATION],
    [30, 30_000],
    [1_000_000, 60_000],
  ])('and that claims to last %i s lasts %i ms', async (leaseDurationSeconds, life) => {
    const { time, elector } = start({ ...held, leaseDurationSeconds })
    await time.runUntil(life)
    expect(elector.mayWrite()).toBe(false)
    await time.runUntil(life + SLOWEST_LOOK + 10)
    expect(elector.mayWrite()).toBe(true)
  })

  test('is not taken from who renews it in the last moment', async () => {
    const { time, lease, elector } = start(held)
    // Between the look that finds it expired and the write.
    await time.runUntil(LEASE_DURATION - SLOWEST_LOOK)
    while (!elector.mayWrite() && lease.requests.at(-1) !== 'write me') {
      const before = lease.requests.length
      await time.runUntil(time.now + 1)
      const look = lease.requests.length > before && time.now >= LEASE_DURATION
      if (look) lease.tamper({ ...held, renewTime: '2021-01-01T00:00:00.000000Z' })
    }
    await time.runUntil(time.now + 10)
    expect(elector.mayWrite()).toBe(false)
    expect(lease.record?.holderIdentity).toBe('other')
  })
})

describe('a Lease of our own', () => {
  test('is renewed every two seconds by one request, and keeps when it was acquired', async () => {
    const { time, lease, changes } = start()
    await time.runUntil(10)
    const acquireTime = lease.record?.acquireTime
    const requests = lease.requests.length
    await time.runUntil(60_000)
    expect(lease.requests.length - requests).toBe(29)
    expect(new Set(lease.requests.slice(requests))).toEqual(new Set(['write me']))
    expect(lease.record).toMatchObject({ acquireTime, leaseTransitions: 0 })
    expect(changes).toEqual(['4 true'])
  })

  test('counts from before the renewal was sent, not from its answer', async () => {
    const { time, lease, machine, elector } = start()
    await time.runUntil(1_000)
    // Sent at 2004, answered at 6004.
    lease.transits.push({ there: 2_000, back: 2_000 })
    await time.runUntil(6_100)
    machine.cutOff = true
    await time.runUntil(2_003 + RENEW_DEADLINE)
    expect(elector.mayWrite()).toBe(true)
    await time.runUntil(2_005 + RENEW_DEADLINE)
    expect(elector.mayWrite()).toBe(false)
  })

  test('that cannot be renewed ends before another can take it, and is taken by the other', async () => {
    const { time, lease, machine, changes, errors } = start()
    await time.runUntil(1_000)
    const other = elect(time, lease, 'other')
    await time.runUntil(7_000)
    machine.cutOff = true
    await time.runUntil(40_000)
    expect(changes).toEqual(['4 true', `${RENEW_DEADLINE + 6_008} false`])
    const [takenAt = 0] = other.changes.map((change) => Number.parseInt(change))
    expect(takenAt).toBeGreaterThan(LEASE_DURATION + 6_008)
    expect(takenAt).toBeLessThan(LEASE_DURATION + 6_008 + 2 * SLOWEST_LOOK)
    // What is the same again and again is told once.
    expect(errors).toEqual(['update leases: ECONNREFUSED'])
    expect(WRITE_TIMEOUT).toBeLessThan(LEASE_DURATION - RENEW_DEADLINE)
  })

  test('ends in time although a renewal gets no answer', async () => {
    const { time, lease, changes } = start()
    await time.runUntil(1_000)
    lease.transits.push(
      ...Array.from({ length: 9 }, () => ({ ...PROMPT, lost: 'request' as const })),
    )
    await time.runUntil(RENEW_DEADLINE + 5)
    expect(changes).toEqual(['4 true', `${RENEW_DEADLINE + 2} false`])
  })

  test('is held through an outage that is shorter than the deadline', async () => {
    const { time, machine, changes } = start()
    await time.runUntil(1_000)
    machine.cutOff = true
    await time.runUntil(7_500)
    machine.cutOff = false
    await time.runUntil(60_000)
    expect(changes).toEqual(['4 true'])
  })

  test('is taken again at once after a long outage in which nobody took it', async () => {
    const { time, machine, changes } = start()
    await time.runUntil(1_000)
    machine.cutOff = true
    await time.runUntil(60_000)
    machine.cutOff = false
    await time.runUntil(60_000 + SLOWEST_RETRY + 10)
    expect(changes.map((change) => change.split(' ')[1])).toEqual(['true', 'false', 'true'])
  })

  test('is kept though the answer to a renewal was lost', async () => {
    const { time, lease, changes } = start()
    await time.runUntil(1_000)
    lease.transits.push({ ...PROMPT, lost: 'answer' })
    await time.runUntil(60_000)
    expect(changes).toEqual(['4 true'])
    expect(lease.record?.leaseTransitions).toBe(0)
  })

  test('is kept though somebody labels it', async () => {
    const { time, lease, changes } = start()
    await time.runUntil(1_000)
    lease.label()
    await time.runUntil(60_000)
    expect(changes).toEqual(['4 true'])
  })

  test('is lost to a process that wakes up late', async () => {
    const { time, lease, machine, elector, changes } = start()
    await time.runUntil(1_000)
    const other = elect(time, lease, 'other')
    await time.runUntil(5_000)
    machine.stop(30_000)
    await time.runUntil(34_999)
    expect(other.elector.mayWrite()).toBe(true)
    // Its clock alone tells, before anything else has happened.
    expect(elector.mayWrite()).toBe(false)
    await time.runUntil(90_000)
    expect(changes).toEqual(['4 true', '35000 false'])
    expect(elector.holder).toBe('other')
    expect(other.changes).toHaveLength(1)
  })
})

describe('a release', () => {
  test('lets the next one lead as soon as it looks', async () => {
    const { time, lease, stop, release, changes } = start()
    await time.runUntil(1_000)
    const other = elect(time, lease, 'other')
    await time.runUntil(20_000)
    await stop()
    const released = release()
    await time.runUntil(20_010)
    await released
    expect(changes).toEqual(['4 true', '20000 false'])
    expect(lease.record).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 })
    await time.runUntil(20_010 + SLOWEST_LOOK)
    expect(other.elector.mayWrite()).toBe(true)
    expect(lease.record).toMatchObject({ holderIdentity: 'other', leaseTransitions: 1 })
  })

  test('finds the version of a renewal that was cut off on its way', async () => {
    const { time, lease, stop, release, errors } = start()
    await time.runUntil(1_000)
    lease.transits.push({ there: 1, back: 3_000 })
    await time.runUntil(3_000)
    await Promise.all([stop(), time.runUntil(3_001)])
    const released = release()
    await time.runUntil(3_100)
    await released
    expect(lease.record?.holderIdentity).toBe('')
    expect(errors).toEqual([])
  })

  test('is none for who does not lead', async () => {
    const { time, lease, stop, release } = start(held)
    await time.runUntil(1_000)
    await stop()
    await release()
    expect(lease.record).toEqual(held)
  })

  test('that fails is told, and the Lease runs out', async () => {
    const { time, machine, elector, stop, release, errors } = start()
    await time.runUntil(1_000)
    await stop()
    machine.cutOff = true
    const released = release()
    await time.runUntil(1_100)
    await released
    expect(elector.mayWrite()).toBe(false)
    expect(errors).toEqual(['update leases: ECONNREFUSED'])
  })
})

describe('somebody who tampers', () => {
  test('by deleting the Lease takes it from nobody', async () => {
    const { time, lease, changes } = start()
    await time.runUntil(1_000)
    const other = elect(time, lease, 'other')
    await time.runUntil(5_000)
    lease.delete()
    await time.runUntil(60_000)
    expect(changes).toEqual(['4 true'])
    expect(other.changes).toEqual([])
    expect(lease.record?.holderIdentity).toBe('me')
  })

  test('by deleting the Lease of a dead process makes the others wait all the same', async () => {
    const { time, lease, elector } = start(held)
    await time.runUntil(10_000)
    lease.delete()
    await time.runUntil(10_000 + LEASE_DURATION)
    expect(elector.mayWrite()).toBe(false)
    await time.runUntil(10_000 + LEASE_DURATION + 2 * SLOWEST_LOOK)
    expect(elector.mayWrite()).toBe(true)
  })

  test('by deleting a Lease that we only bumped into makes us wait, too', async () => {
    const { time, lease, elector } = start()
    lease.transits.push({ there: 10, back: 1 })
    await time.runUntil(5)
    lease.tamper(held)
    await time.runUntil(12)
    lease.delete()
    await time.runUntil(LEASE_DURATION)
    expect(lease.requests.slice(0, 3)).toEqual(['read', 'write me', 'read'])
    expect(elector.mayWrite()).toBe(false)
  })

  test('by giving it to somebody else ends our time when we see it', async () => {
    const { time, lease, changes, elector } = start()
    await time.runUntil(1_000)
    lease.tamper({ ...held, holderIdentity: 'nobody' })
    await time.runUntil(2_010)
    expect(changes).toEqual(['4 true', '2008 false'])
    await time.runUntil(2_010 + LEASE_DURATION + 2 * SLOWEST_LOOK)
    expect(elector.mayWrite()).toBe(true)
  })

  test('by giving it to us makes us no leader before its time', async () => {
    const { time, lease, elector } = start(held)
    await time.runUntil(5_000)
    lease.tamper({ ...held, holderIdentity: 'me' })
    await time.runUntil(5_000 + LEASE_DURATION)
    expect(elector.mayWrite()).toBe(false)
    await time.runUntil(5_000 + LEASE_DURATION + 2 * SLOWEST_LOOK)
    expect(elector.mayWrite()).toBe(true)
  })

  test('with the count of transitions makes no record that the server refuses', async () => {
    const { time, lease } = start({ holderIdentity: '', leaseTransitions: 2 ** 31 - 1 })
    await time.runUntil(10)
    expect(lease.record?.leaseTransitions).toBe(2 ** 31 - 1)
  })
})

test('nobody may write before whoever has to know was told, though the Lease is ours', async () => {
  let told = false
  let early = 0
  const end = new AbortController()
  const elector: LeaderElector = new LeaderElector({
    store: {
      read: () => Promise.resolve(undefined),
      write() {
        // What else became due by the same bytes of the connection: an event that wakes up the planning.
        const look = (ticks: number): void => {
          if (elector.mayWrite() && !told) early++
          if (ticks > 0) void Promise.resolve().then(() => look(ticks - 1))
        }
        const answer = Promise.resolve({ metadata: { resourceVersion: '1' } })
        void answer.then(() => look(20))
        return answer
      },
    },
    identity: 'me',
    now: () => 0,
    random: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    onChange: (leading) => void (told = leading),
    onError: () => {},
  })
  const running = elector.run(end.signal)
  await new Promise(setImmediate)
  expect([told, elector.mayWrite(), early]).toEqual([true, true, 0])
  end.abort()
  await running
})
