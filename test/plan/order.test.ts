import { describe, expect, test } from 'vitest'
import { at } from './cluster-builder.ts'
import { evicting, planned, restarting, rotated, told, type Told } from './planning.ts'

describe('namespaces take turns', () => {
  /** Workloads with a Secret of their own, so that no group binds. */
  const alone = (namespace: string, name: string, change: Told = {}) =>
    told(name, { namespace, sources: [rotated(`secret-of-${name}`)], ...change })

  test('so that one with many workloads does not keep the others waiting', () => {
    const all = [
      ...['a1', 'a2', 'a3'].map((name) => alone('a', name)),
      alone('b', 'b1'),
      ...['c1', 'c2'].map((name) => alone('c', name)),
    ]
    expect(planned(all).order).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
  })

  test('a restart that runs counting as served', () => {
    const served = { lastRestart: { id: 'r0', finishedAt: at(-400) } }
    const all = [
      restarting('a1', { namespace: 'a', sources: [rotated('of-a1')] }),
      alone('a', 'a2'),
      alone('b', 'b1', { ledger: served }),
    ]
    const { order, lines } = planned(all, { maxConcurrentRestarts: 2 })
    expect(order).toEqual(['a1', 'b1', 'a2'])
    expect(lines).toEqual(['record b/b1: started'])
  })

  test('a restart that failed counting as served', () => {
    const contents = [{ source: 'secret/of-a1', key: 'password', digest: 'another' }] as const
    const failure = { id: 'r1', kind: 'Blocked', failedAt: at(5), message: 'no', contents } as const
    const all = [
      alone('a', 'a1', { ledger: { failure } }),
      alone('a', 'a2'),
      alone('b', 'b1', { ledger: { lastRestart: { id: 'r0', finishedAt: at(-400) } } }),
    ]
    expect(planned(all).order).toEqual(['b1', 'a1', 'a2'])
  })

  test('whatever the priorities in another namespace', () => {
    const all = [
      alone('a', 'a1'),
      alone('b', 'b1', { annotations: { priority: '9' } }),
      alone('b', 'b2', { annotations: { priority: '8' } }),
    ]
    expect(planned(all).order).toEqual(['a1', 'b1', 'b2'])
  })

  test('among urgent ones too', () => {
    const urgent = (namespace: string, name: string) =>
      told(name, { namespace, sources: [rotated(`key-of-${name}`, { urgent: 'true' })] })
    const all = [urgent('a', 'a1'), urgent('a', 'a2'), urgent('b', 'b1'), alone('0', 'first')]
    expect(planned(all).order).toEqual(['a1', 'b1', 'a2', 'first'])
  })
})

describe('a restart', () => {
  test('that has pods away comes before one that has begun, and that before one that waits', () => {
    const all = [
      told('a', { annotations: { priority: '9' } }),
      told('b', { ledger: { restart: evicting } }),
      restarting('c', {}),
    ]
    expect(planned(all).order).toEqual(['c', 'b', 'a'])
  })

  test('that has gone on for half an hour takes turns with other namespaces between its pods', () => {
    const begunAt = at(-1000)
    const long = told('long', {
      of: { replicas: 3 },
      ledger: { restart: { ...evicting, startedAt: begunAt } },
    })
    const small = told('small', { namespace: 'mail' })
    const now = begunAt + 30 * 60_000
    expect(planned([long, small], { now: now - 1 }).order).toEqual(['long', 'small'])
    const made = planned([long, small], { now })
    expect(made.order).toEqual(['small', 'long'])
    expect(made.lines).toEqual(['record mail/small: started'])
    // And is first again when that one has had its turn.
    const served = told('small', {
      namespace: 'mail',
      ledger: { lastRestart: { id: 'r0', finishedAt: at(0) } },
    })
    expect(planned([long, served], { now }).order).toEqual(['long', 'small'])
  })

  test('that nothing is stale for is looked at last', () => {
    const all = [told('a', { pods: [], of: { replicas: 0 } }), told('b')]
    expect(planned(all).order).toEqual(['b', 'a'])
  })
})
