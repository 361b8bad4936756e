import { expect, test } from 'vitest'
import { watchMemory } from '../../src/report/memory-watch.ts'

const MIB = 2 ** 20

/** What is logged while so many MiB are used, one after the other. */
async function logged(used: readonly number[], limit: number | undefined) {
  const end = new AbortController()
  const lines: string[] = []
  const log = (_: object | string, message?: string) => lines.push(message ?? '')
  const left = [...used]
  await watchMemory(
    {
      log: { debug: log, info: log, warn: log, error: log, isLevelEnabled: () => true },
      read: () => ({
        resident: (left.shift() ?? 0) * MIB,
        limit: limit === undefined ? undefined : limit * MIB,
      }),
      sleep() {
        if (left.length === 0) end.abort()
        return Promise.resolve()
      },
    },
    end.signal,
  )
  return lines
}

test('memory near its limit is told once, with both figures and what to do', async () => {
  expect(await logged([100, 229, 231, 240, 220, 250], 256)).toEqual([
    'memory: 231 of 256 MiB used; raise the limit of the container (docs/sizing.md)',
  ])
})

test('it is told again when it comes near again after it was clearly below', async () => {
  expect(await logged([231, 204, 231], 256)).toHaveLength(2)
})

test('without a limit nothing is near it', async () => {
  expect(await logged([100_000], undefined)).toEqual([])
})
