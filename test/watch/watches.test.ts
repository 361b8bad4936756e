import { expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { Logger } from '../../src/model/logger.ts'
import { watchInto } from '../../src/watch/watches.ts'

test.each([
  [429, 'info'],
  [403, 'warn'],
  [500, 'warn'],
] as const)('a watch that is answered %i is logged as %s', async (status, expected) => {
  const end = new AbortController()
  const levels: string[] = []
  const log = (level: string) => () => {
    levels.push(level)
    end.abort()
  }
  const client = {
    stream: (call: ConstructorParameters<typeof ApiError>[0]) =>
      Promise.reject(new ApiError(call, { status })),
  } as unknown as KubeClient
  const { watch } = watchInto(
    {
      target: { group: 'sluice.dev', version: 'v1alpha1', resource: 'halts' },
      apply: () => undefined,
      remove: () => undefined,
    },
    client,
    { debug: log('debug'), info: log('info'), warn: log('warn') } as unknown as Logger,
    () => undefined,
  )
  await watch.run(end.signal)
  expect(levels).toEqual([expected])
})
