import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createWriteQueue, drain } from '../../src/restart/write-queue.ts'

test('the end waits for writes that are under way, and sends none that waits', async () => {
  const queue = createWriteQueue(100)
  const answer = Promise.withResolvers<undefined>()
  const write = vi.fn(() => answer.promise)
  for (let n = 0; n < 20; n++) void queue.add(write)
  await turn()
  const underWay = write.mock.calls.length
  expect(underWay).toBeLessThan(20)
  const drained = drain(queue)
  answer.resolve(undefined)
  expect(await drained).toBe(true)
  expect(write).toHaveBeenCalledTimes(underWay)
})

test('the end does not wait long for a write that hangs', async () => {
  const queue = createWriteQueue(100)
  void queue.add(() => new Promise(() => {}))
  const began = performance.now()
  expect(await drain(queue)).toBe(false)
  expect(performance.now() - began).toBeLessThan(5_000)
})
