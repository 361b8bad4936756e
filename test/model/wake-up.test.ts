/** The loops run for months: whatever one pass leaves behind must go. */
import { sourcesOf } from '../report/rotations/following.ts'
import { getEventListeners } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, test } from 'vitest'
import { PlanLoop } from '../../src/plan/loop.ts'
import { sleep } from '../../src/kube/local-time.ts'
import { plan } from '../../src/plan/plan.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { ClusterReporter } from '../../src/report/cluster-reporter.ts'
import { EventWriter } from '../../src/report/events/event-writer.ts'
import { createLogger } from '../../src/report/log.ts'
import { sendNothing } from '../../src/report/report-sender.ts'
import { RotationWriter } from '../../src/report/rotations/rotation-writer.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { SecretWatches } from '../../src/watch/secret-watches.ts'
import { untilAborted, WakeUp, withSignal, type Sleep } from '../../src/model/wake-up.ts'
import { Store } from '../../src/watch/store.ts'
import { at, defaults, policy, snapshot } from '../plan/cluster-builder.ts'
import { rotated, told } from '../plan/planning.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

const log = createLogger({ level: 'error', destination: { write() {} } })
const never = () => Promise.reject(new Error('not asked for here'))
const client = { request: never, list: never, stream: never, serverVersion: never, close: never }

/** Held until the change is a quiet period ago: each plan has a time to wait for. */
const justChanged = told('web', { sources: [rotated('db')] })

/** A short rest takes no time; a time that is waited for has a timer. */
const restless: Sleep = (ms, signal) => (ms > 2_000 ? sleep(ms, signal) : turn())

const PASSES = 100_000
/** A promise or a listener kept by each pass is 30 MiB. */
const NOISE = 3 * 2 ** 20

interface Loop {
  readonly changed: () => void
  readonly passes: () => number
  readonly run: (signal: AbortSignal) => Promise<void>
}

function planning(workloads: readonly ManagedWorkload[]): Loop {
  let plans = 0
  const coordinator = new PlanLoop({
    policy,
    mayPlan: () => true,
    snapshot: () => snapshot(workloads),
    execute: () => {},
    report: () => plans++,
    now: () => at(0),
    sleep: restless,
  })
  return {
    changed: () => coordinator.changed(),
    passes: () => plans,
    run: (signal) => coordinator.run(signal),
  }
}

function telling(): Loop {
  let passes = 0
  const shared = { send: sendNothing, sleep: restless, random: () => 1, onDropped: () => {} }
  const chronicle = new ClusterReporter({
    writer: new RotationWriter({ ...shared, onError: () => {} }),
    events: new EventWriter({ ...shared, instance: 'sluice-1' }),
    margins: policy,
    ineffective: () => [],
    sources: sourcesOf([justChanged]),
    planAgain: () => {},
    log,
    mayWrite: () => (passes++, true),
    onEnded: () => {},
    now: () => at(0),
    random: () => 1,
    sleep: restless,
  })
  const made = plan(snapshot([justChanged]), policy, at(0))
  return {
    changed: () => chronicle.planned(made, new Map(), at(0)),
    passes: () => passes,
    run: (signal) => chronicle.run(signal),
  }
}

function following(): Loop {
  let passes = 0
  const store = new Store({
    digester: createDigester(Buffer.alloc(32, 1)),
    now: () => 0,
    defaults,
    namespace: 'sluice-system',
  })
  const watches = new SecretWatches({
    client,
    store,
    log,
    fieldSelector: '',
    wanted: () => (passes++, []),
    uncovered: () => ({ kind: 'Awaited', message: '' }),
    changed: () => {},
    sleep: restless,
  })
  return {
    changed: () => watches.look(),
    passes: () => passes,
    run: (signal) => watches.run(signal),
  }
}

test.each([
  ['plans', planning([])],
  ['plans that wait for a time', planning([justChanged])],
  ['looks of what is reported', telling()],
  ['looks for Secrets to watch', following()],
])('a hundred thousand %s leave nothing behind', async (_, { changed, passes, run }) => {
  const end = new AbortController()
  const running = run(end.signal)
  const until = async (count: number) => {
    while (passes() < count) {
      changed()
      // Each pass rests, and then waits until something changes.
      for (let rest = 0; rest < 3; rest++) await turn()
    }
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await until(2_000)
  const grown = (await until(PASSES)) - before
  const listeners = getEventListeners(end.signal, 'abort').length
  end.abort()
  await running
  expect(grown).toBeLessThan(NOISE)
  expect(listeners).toBeLessThanOrEqual(1)
  expect(getEventListeners(end.signal, 'abort')).toEqual([])
})

test('changes before the next look are one, and one during a look is not lost', async () => {
  const end = new AbortController()
  const wakeUp = new WakeUp()
  let looks = 0
  const running = wakeUp.run(
    () => {
      if (++looks === 2) wakeUp.changed()
      return { wakeIn: Infinity, rest: 0 }
    },
    never,
    end.signal,
  )
  await turn()
  expect(looks).toBe(1)
  wakeUp.changed()
  wakeUp.changed()
  await turn()
  expect(looks).toBe(3)
  end.abort()
  await running
})

test('a signal of its own aborts with any that it was made of, for the same reason, and lets go of them', async () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const reason = new Error('enough')
  await withSignal([first.signal, second.signal], async ({ signal }) => {
    expect(signal.aborted).toBe(false)
    second.abort(reason)
    expect(signal.reason).toBe(reason)
    await turn()
  })
  expect(getEventListeners(first.signal, 'abort')).toEqual([])
  await withSignal([second.signal], ({ signal }) => {
    expect(signal.reason).toBe(reason)
    return Promise.resolve()
  })
})

test('what is waited for until an abort fails as it fails, or ends with the abort', async () => {
  const end = new AbortController()
  await expect(untilAborted(Promise.reject(new Error('failed')), end.signal)).rejects.toThrow(
    'failed',
  )
  const late = Promise.withResolvers<undefined>()
  const waiting = untilAborted(
    late.promise.then(() => {}),
    end.signal,
  )
  end.abort()
  await waiting
  late.reject(new Error('nobody waits for it any more'))
  await turn()
})

test('nothing races promises or joins signals: what loses is kept by what lives on', () => {
  const source = join(import.meta.dirname, '../src')
  for (const file of globSync('**/*.ts', { cwd: source })) {
    const code = readFileSync(join(source, file), 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '')
    expect(code, file).not.toMatch(/Promise\.race|AbortSignal\.any/)
  }
})
