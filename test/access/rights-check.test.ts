import { expect, test } from 'vitest'
import { leastGrants, type Need } from '../../src/access/grants.ts'
import { rightsIn } from '../../src/access/rights.ts'
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { createLogger } from '../../src/report/log.ts'
import { checkRightsAtStart } from '../../src/access/rights-check.ts'

const need: Need = {
  mode: 'observe',
  namespace: 'sluice-system',
  strategy: 'auto',
  leaderElection: 'off',
  secretAccess: 'cluster',
  endpointAccess: 'open',
  sources: new Set(['Secret']),
  judged: [],
}

/** Runs the check to its end. @param answers whether the server answers, question by question */
async function check(complete: readonly boolean[], answers: readonly boolean[]) {
  const lines: { msg: string; count?: number }[] = []
  const looks = [...complete]
  const answered = [...answers]
  const waits: number[] = []
  const client = {
    request: (call: ApiCall) =>
      (answered.shift() ?? true)
        ? Promise.resolve({ status: { allowed: false, resourceRules: [] } })
        : Promise.reject(new ApiError(call, { status: 503 })),
  } as unknown as KubeClient
  await checkRightsAtStart(
    {
      client,
      log: createLogger({
        level: 'info',
        destination: { write: (text) => void lines.push(JSON.parse(text) as { msg: string }) },
      }),
      need: () => ((looks.shift() ?? true) ? { need, namespaces: ['shop'] } : undefined),
      sleep: (ms) => Promise.resolve(void waits.push(ms)),
    },
    AbortSignal.timeout(5_000),
  )
  return { lines: lines.map(({ msg, count }) => ({ msg, count })), waits }
}

const LACKS = { msg: 'the service account lacks rights', count: rightsIn(leastGrants(need)).length }

test('the rights are compared once, when all is known, and the check ends', async () => {
  expect(await check([false, false], [])).toEqual({ lines: [LACKS], waits: [1_000, 1_000] })
})

test('where they cannot be compared it is tried again', async () => {
  const { lines, waits } = await check([], [false])
  expect(lines.map(({ msg }) => msg)).toEqual([
    'cannot compare the rights of the service account with those needed, trying again',
    LACKS.msg,
  ])
  expect(waits).toEqual([60_000])
})
