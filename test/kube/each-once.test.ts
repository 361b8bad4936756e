import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { eachOnce } from '../../src/kube/each-once.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Gives what it has made, and waits for ever after `count` of it. */
function source(count: number) {
  const made: WeakRef<object>[] = []
  let closed = 0
  const iterator: AsyncIterator<object> = {
    next() {
      if (made.length === count) return new Promise(() => {})
      const value = { password: 'x'.repeat(100) }
      made.push(new WeakRef(value))
      return Promise.resolve({ value })
    },
    return() {
      closed++
      return Promise.resolve({ value: undefined, done: true })
    },
  }
  return { made, closed: () => closed, items: { [Symbol.asyncIterator]: () => iterator } }
}

async function kept(made: readonly WeakRef<object>[]): Promise<number> {
  for (let i = 0; i < 5; i++) await setImmediate()
  collectGarbage()
  return made.filter((each) => each.deref() !== undefined).length
}

describe('each one of a stream', () => {
  test('is let go of before the next one comes', async () => {
    const { made, items } = source(3)
    let taken = 0
    void eachOnce(items, () => ++taken > 0)
    expect(await kept(made)).toBe(0)
    expect(taken).toBe(3)
  })

  test('is seen to be kept by a reader that keeps it', async () => {
    const { made, items } = source(3)
    const all: object[] = []
    void eachOnce(items, (item) => all.push(item) > 0)
    expect(await kept(made)).toBe(3)
    expect(all).toHaveLength(3)
  })

  test('closes its source when the reader has had enough, and when it throws', async () => {
    const enough = source(3)
    await eachOnce(enough.items, () => false)
    expect([enough.made.length, enough.closed()]).toEqual([1, 1])
    const broken = source(3)
    const reading = eachOnce(broken.items, () => {
      throw new Error('no')
    })
    await expect(reading).rejects.toThrow('no')
    expect(broken.closed()).toBe(1)
  })
})
