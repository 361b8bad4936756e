import PQueue from 'p-queue'
import { expect, test } from 'vitest'
import { inTurn } from '../../src/restart/fair-queue.ts'
import type { Rank } from '../../src/restart/queue-ticket.ts'

const move = { rank: 'move' } as const

/** The order in which writes are sent that are handed over all at once, one under way at a time. */
async function sent(
  ...writes: readonly (readonly [namespace: string, name: string, rank?: Rank])[]
) {
  const add = inTurn(new PQueue({ concurrency: 1 }))
  const order: string[] = []
  const write = (name: string) => () => Promise.resolve(order.push(name))
  await Promise.all(
    writes.map(([namespace, name, rank = 'move']) => add(namespace, { rank }, write(name))),
  )
  return order
}

const ofTenant = (count: number) =>
  Array.from({ length: count }, (_, n) => ['tenant', `t${n}`] as const)

test('a write does not wait for the thousands of another namespace', async () => {
  const order = await sent(...ofTenant(10_000), ['mail', 'evict'])
  expect(order).toHaveLength(10_001)
  expect(order.indexOf('evict')).toBeLessThanOrEqual(1)
})

test('each namespace is served in turn', async () => {
  const order = await sent(...ofTenant(3), ['mail', 'm0'], ['mail', 'm1'], ['shop', 's0'])
  expect(order).toEqual(['t0', 'm0', 's0', 't1', 'm1', 't2'])
})

test('the writes of one namespace and rank keep their order', async () => {
  const order = await sent(...ofTenant(50))
  expect(order).toEqual(ofTenant(50).map(([, name]) => name))
})

test('a write that waits is not overtaken for ever by those that come later', async () => {
  const add = inTurn(new PQueue({ concurrency: 1 }))
  const order: string[] = []
  const more = (left: number): Promise<unknown> =>
    add('busy', move, () => {
      order.push(`b${left}`)
      if (left > 0) void more(left - 1)
      return Promise.resolve()
    })
  const all = ofTenant(10).map(([namespace, name]) =>
    add(namespace, move, () => Promise.resolve(order.push(name))),
  )
  void more(100)
  await Promise.all(all)
  // One of the other namespace for each of its own.
  expect(order.filter((each) => each.startsWith('b')).length).toBeLessThanOrEqual(11)
})

test('a write that fails leaves nothing behind', async () => {
  const add = inTurn(new PQueue({ concurrency: 1 }))
  const failing = add('tenant', move, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  await expect(add('tenant', move, () => Promise.resolve('done'))).resolves.toBe('done')
})

test('what moves a restart goes before what is written down, and that before reports', async () => {
  const order = await sent(
    ['shop', 'first', 'report'],
    ...ofTenant(3).map(([, name]) => ['shop', name, 'report'] as const),
    ['shop', 'changed', 'record'],
    ['shop', 'evict', 'move'],
    ['mail', 'told', 'report'],
  )
  expect(order).toEqual(['first', 'evict', 'changed', 'told', 't0', 't1', 't2'])
})

test('a write that is withdrawn leaves the queue at once, and its turn to the next', async () => {
  const add = inTurn(new PQueue({ concurrency: 1 }))
  const first = Promise.withResolvers<undefined>()
  const withdrawal = new AbortController()
  const order: string[] = []
  const write = (name: string) => () => Promise.resolve(order.push(name))
  const all = [
    add('shop', move, () => first.promise),
    add('shop', { rank: 'move', signal: withdrawal.signal }, write('withdrawn')),
    add('shop', move, write('next')),
  ]
  withdrawal.abort(new Error('not wanted'))
  await expect(all[1]).rejects.toThrow('not wanted')
  first.resolve(undefined)
  await Promise.all([all[0], all[2]])
  expect(order).toEqual(['next'])
})

test.each(['one by one', 'all at once'])(
  'writes that are withdrawn (%s) cost a namespace no turns',
  async (how) => {
    const add = inTurn(new PQueue({ concurrency: 1 }))
    const order: string[] = []
    const busy = Promise.withResolvers<undefined>()
    const all: Promise<unknown>[] = [add('other', move, () => busy.promise)]
    const withdrawals: AbortController[] = []
    for (let n = 0; n < 30; n++) {
      const withdrawal = new AbortController()
      const waiting = add('shop', { ...move, signal: withdrawal.signal }, () => Promise.resolve())
      all.push(waiting.catch(() => {}))
      if (how === 'one by one') {
        withdrawal.abort(new Error('withdrawn'))
        await all.at(-1)
      } else withdrawals.push(withdrawal)
    }
    for (const each of withdrawals) each.abort(new Error('withdrawn'))
    await new Promise(setImmediate)
    all.push(add('shop', move, () => Promise.resolve(order.push('shop'))))
    for (let n = 0; n < 20; n++)
      all.push(add('other', move, () => Promise.resolve(order.push(`other ${n}`))))
    busy.resolve(undefined)
    await Promise.all(all)
    expect(order.indexOf('shop')).toBeLessThanOrEqual(1)
  },
)
