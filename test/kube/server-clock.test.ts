import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keepCalibrated, ServerClock } from '../../src/kube/server-clock.ts'

/** A server whose clock is ahead by `offset`, and a line to it; local time moves only when told. */
function world(offset: number, start = 1_000_000) {
  let local = start
  const clock = new ServerClock(() => local)
  return {
    clock,
    local: () => local,
    truth: () => local + offset,
    advance: (ms: number) => (local += ms),
    step: (ms: number) => (offset += ms),
    ask: (there: number, back: number) => {
      const sentAt = local
      local += there
      const date = new Date(local + offset).toUTCString()
      local += back
      clock.observeDate({ date, sentAt, receivedAt: local })
    },
  }
}

describe('the time of the server', () => {
  test.each([
    { what: 'is no earlier than the answer says', answers: [[5_000, 0, 20]], now: 5_000 },
    {
      what: 'follows the answer that bounds it best',
      answers: [
        [5_000, 0, 20],
        [6_000, 100, 110],
      ],
      now: 6_000,
    },
    {
      what: 'is not set back by an answer from late in a second',
      answers: [
        [5_000, 0, 20],
        [5_000, 900, 910],
      ],
      now: 5_890,
    },
  ])('$what', ({ answers, now }) => {
    let local = 0
    const clock = new ServerClock(() => local)
    for (const [date = 0, sentAt = 0, receivedAt = 0] of answers) {
      clock.observe({ date, sentAt, receivedAt })
      local = receivedAt
    }
    // Drift takes a little of it.
    expect(clock.now()).toBeLessThanOrEqual(now)
    expect(clock.now()).toBeGreaterThan(now - 1)
  })

  test('is the local time, and wholly uncertain, before the first answer', () => {
    const { clock, local } = world(5_000)
    expect(clock.now()).toBe(local())
    expect(clock.uncertainty).toBe(Infinity)
  })

  test('is not learnt from an answer without a date', () => {
    const { clock } = world(5_000)
    clock.observeDate({ date: undefined, sentAt: 0, receivedAt: 1 })
    clock.observeDate({ date: 'yesterday', sentAt: 0, receivedAt: 1 })
    expect(clock.uncertainty).toBe(Infinity)
  })

  test('starts afresh from the newest answer when a clock was set', () => {
    const { clock, ask, step, truth } = world(0)
    ask(1, 1)
    step(-3_600_000)
    ask(1, 1)
    expect(truth() - clock.now()).toBeGreaterThanOrEqual(0)
    expect(truth() - clock.now()).toBeLessThanOrEqual(1_002)
  })

  test('becomes less certain while nothing is heard', () => {
    const { clock, ask, advance } = world(0)
    ask(1, 1)
    const before = clock.uncertainty
    advance(1_000_000)
    expect(clock.uncertainty).toBeGreaterThan(before + 100)
  })

  test('is never ahead of the truth, and never further behind than it says', () => {
    const answers = fc.array(
      fc.record({
        pause: fc.double({ min: 0, max: 100_000, noNaN: true }),
        there: fc.double({ min: 0, max: 5_000, noNaN: true }),
        back: fc.double({ min: 0, max: 5_000, noNaN: true }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), answers, (offset, all) => {
        const { clock, advance, ask, truth } = world(offset, 2_000_000_000)
        for (const { pause, there, back } of all) {
          ask(there, back)
          advance(pause)
          // 1 µs for the rounding of numbers.
          expect(clock.now()).toBeLessThanOrEqual(truth() + 0.001)
          expect(clock.now() + clock.uncertainty).toBeGreaterThanOrEqual(truth() - 0.001)
        }
      }),
    )
  })

  test('holds though the local clock runs too fast or too slow', () => {
    const rate = fc.double({ min: -50e-6, max: 50e-6, noNaN: true })
    const pauses = fc.array(fc.integer({ min: 0, max: 600_000 }), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(rate, pauses, (drift, all) => {
        let truth = 1_700_000_000_123
        const local = () => truth * (1 + drift)
        const clock = new ServerClock(local)
        for (const pause of all) {
          const sentAt = local()
          truth += 2
          const date = Math.floor(truth / 1000) * 1000
          truth += 3
          clock.observe({ date, sentAt, receivedAt: local() })
          truth += pause
          expect(clock.now()).toBeLessThanOrEqual(truth + 0.001)
          expect(clock.now() + clock.uncertainty).toBeGreaterThanOrEqual(truth - 0.001)
        }
      }),
    )
  })
})

describe('calibration', () => {
  async function calibrate(offset: number, way: number) {
    const { clock, advance, ask, local, truth } = world(offset)
    const end = new AbortController()
    let questions = 0
    await keepCalibrated(
      clock,
      () => {
        questions++
        ask(way / 2, way / 2)
        return Promise.resolve()
      },
      {
        now: local,
        sleep(ms) {
          if (ms >= 60_000) end.abort()
          else advance(ms)
          return Promise.resolve()
        },
        signal: end.signal,
      },
    )
    return { questions, uncertainty: clock.uncertainty, late: truth() - clock.now() }
  }

  test('knows the clock to 10 ms after about a dozen questions, whatever it shows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -5_000_000, max: 5_000_000 }), async (offset) => {
        const { questions, uncertainty, late } = await calibrate(offset, 2)
        expect(uncertainty).toBeLessThanOrEqual(10)
        expect(questions).toBeLessThanOrEqual(12)
        expect(late).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('does not ask for ever over a line that is too slow for it', async () => {
    const { questions, uncertainty } = await calibrate(123_456, 80)
    expect(questions).toBe(12)
    expect(uncertainty).toBeLessThan(250)
  })
})
