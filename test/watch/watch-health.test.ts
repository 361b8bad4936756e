import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLogger } from '../../src/report/log.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { Store } from '../../src/watch/store.ts'
import { SHORT_GAP, WatchHealth } from '../../src/watch/watch-health.ts'
import type { Watch } from '../../src/watch/watches.ts'
import { defaults } from '../plan/cluster-builder.ts'

const MINUTE = 60_000

/** Two watches, as they do at some minute. */
function start() {
  const sight = {
    blindSince: undefined as number | undefined,
    lastError: undefined as Error | undefined,
    activeAt: 0,
  }
  const state = { complete: true, synced: true, sight }
  const good = { ...state, sight: { ...sight, activeAt: Infinity } }
  const time = { now: 0 }
  const lines: string[] = []
  let changes = 0
  const end = new AbortController()
  const health = new WatchHealth({
    watches: [
      { resource: 'pods', watch: good, trouble: '' } as unknown as Watch,
      {
        resource: 'namespaces',
        watch: state,
        trouble: 'watch namespaces: 403 Forbidden',
      } as unknown as Watch,
    ],
    secrets: undefined,
    store: new Store({
      digester: createDigester(Buffer.alloc(32)),
      now: () => 0,
      defaults,
      namespace: 'sluice-system',
    }),
    log: createLogger({
      level: 'info',
      destination: { write: (text) => void lines.push((JSON.parse(text) as { msg: string }).msg) },
    }),
    now: () => time.now,
    sleep: () => turn(),
    changed: () => changes++,
  })
  return { state, time, health, lines, changes: () => changes, end }
}

test('a short gap is waited for without a plan, a longer one is planned with and told', () => {
  const { state, time, health } = start()
  expect(health.mayPlan()).toBe(true)
  state.sight.blindSince = 0
  expect([health.mayPlan(), health.blind]).toEqual([false, expect.any(String)])
  time.now = SHORT_GAP
  expect(health.mayPlan()).toBe(true)
  expect(health.blind).toBe('nothing new has come from the watch of namespaces')
  state.sight.lastError = new Error()
  expect(health.blind).toBe('the watch of namespaces fails (watch namespaces: 403 Forbidden)')
  expect(health.ready).toEqual({ ok: false, reasons: [health.blind] })
  state.sight.blindSince = undefined
  expect([health.mayPlan(), health.blind]).toEqual([true, undefined])
  expect(health.ready).toEqual({ ok: true, reasons: [] })
})

test('nothing is planned before every list is there, however long that takes', () => {
  const { state, time, health } = start()
  state.complete = false
  state.sight.blindSince = 0
  time.now = 60 * MINUTE
  expect(health.mayPlan()).toBe(false)
})

test('an API server that is away for an hour is no reason to restart the process; a loop that hangs is', () => {
  const { state, time, health } = start()
  state.sight.blindSince = 0
  time.now = 60 * MINUTE
  state.sight.activeAt = time.now - MINUTE
  expect(health.alive).toEqual({ ok: true, reasons: [] })
  time.now += 5 * MINUTE
  expect(health.alive).toEqual({ ok: false, reasons: ['the watch of namespaces hangs'] })
})

test('what no event tells is looked for, told once, and a plan made of it', async () => {
  const { state, time, health, lines, changes, end } = start()
  const running = health.run(end.signal)
  const looks = async () => {
    for (let n = 0; n < 5; n++) await turn()
    return [lines.length, changes()]
  }
  expect(await looks()).toEqual([0, 0])
  state.sight.blindSince = 0
  expect(await looks()).toEqual([0, 0])
  time.now = SHORT_GAP
  expect(await looks()).toEqual([1, 1])
  state.sight.blindSince = undefined
  expect(await looks()).toEqual([2, 2])
  expect(lines).toEqual([
    'nothing new has come from the watch of namespaces: no restart is started until it does',
    'every watch delivers again: restarts go on',
  ])
  end.abort()
  await running
})
