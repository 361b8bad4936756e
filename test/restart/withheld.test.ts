// What may not be written: a write waits its turn, and by then another Sluice may lead.
import PQueue from 'p-queue'
import { expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { ApiCall, KubeClient } from '../../src/kube/client.ts'
import { LEASE_DURATION, RENEW_DEADLINE } from '../../src/kube/leader-elector.ts'
import type { Action } from '../../src/plan/action.ts'
import { createApiWrites } from '../../src/restart/api-writes.ts'
import { Executor, type Outcome } from '../../src/restart/executor.ts'
import type { Picture } from '../../src/restart/picture.ts'

const workload = { kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'uid-web' } as const
const deployment = { ref: workload }

function eviction(name: string): Action {
  const pod = { namespace: 'shop', name, uid: `uid-${name}` }
  return { kind: 'evict', workload, pod, ready: true, desired: 3 }
}

/** An executor over a client that answers when it is told to, one write at a time. */
function start() {
  const sent: ApiCall[] = []
  const answers: PromiseWithResolvers<unknown>[] = []
  const client: KubeClient = {
    async request<T>(call: ApiCall) {
      sent.push(call)
      const answer = Promise.withResolvers<unknown>()
      answers.push(answer)
      return (await answer.promise) as T
    },
    stream: () => Promise.reject(new Error('not asked for')),
    serverVersion: () => Promise.reject(new Error('not asked for')),
    close: () => Promise.resolve(),
  }
  const picture = {
    pod: () => ({ terminating: false }),
  } as unknown as Picture
  const world = { mayWrite: true, now: 1_000 }
  const done: Outcome[] = []
  const events: string[] = []
  const executor = new Executor({
    writes: createApiWrites({
      client,
      queue: new PQueue({ concurrency: 1 }),
      mayWrite: () => world.mayWrite,
      picture,
      consumerOf: () => undefined,
    }),
    picture,
    now: () => world.now,
    random: () => 0,
    sleep: () => Promise.resolve(),
    signal: new AbortController().signal,
    onStart: () => {},
    onDone: (_, outcome) => done.push(outcome),
    onWithheld: () => events.push('plan again'),
    onDefect: (error) => events.push(String(error)),
  })
  return { executor, world, sent, answers, done, events }
}

test('a write whose turn comes too late is not sent, and is neither done nor failed', async () => {
  const { executor, world, sent, answers, done, events } = start()
  executor.start([eviction('web-1'), eviction('web-2')])
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  expect(executor.pendingOf(deployment).evicted.size).toBe(2)

  world.mayWrite = false
  answers[0]?.resolve({})
  await executor.idle()
  expect(sent).toHaveLength(1)
  expect(done).toEqual([{}])
  expect(events).toEqual(['plan again'])
  // The one that was sent counts as done; nothing stands against a new plan for the other one.
  const { evicted, obstacle } = executor.pendingOf(deployment)
  expect([...evicted]).toEqual(['uid-web-1'])
  expect(obstacle).toBeUndefined()
})

test('a write ends before another one can lead, here and at the server', async () => {
  const { executor, sent, answers } = start()
  executor.start([eviction('web-1')])
  await Promise.resolve()
  const [{ timeout = Infinity, query } = {}] = sent
  expect(timeout).toBeLessThan(LEASE_DURATION - RENEW_DEADLINE)
  expect(query).toEqual({ timeout: `${timeout}ms` })
  answers[0]?.resolve({})
  await executor.idle()
})

test('a new time of leadership forgets refusals, keeps what is not seen yet, and gives replacements their time', async () => {
  const { executor, world, sent, answers } = start()
  executor.start([eviction('web-1'), eviction('web-2')])
  await Promise.resolve()
  answers[0]?.resolve({})
  while (sent.length < 2) await new Promise(setImmediate)
  answers[1]?.reject(
    new ApiError({ verb: 'create', group: '', version: 'v1', resource: 'pods' }, { status: 429 }),
  )
  await executor.idle()
  expect(executor.pendingOf(deployment)).toMatchObject({ owedSince: 1_000 })
  expect(executor.pendingOf(deployment).obstacle).toBeDefined()

  world.now = 90_000
  executor.begin()
  const { evicted, obstacle, owedSince } = executor.pendingOf(deployment)
  expect([...evicted]).toEqual(['uid-web-1'])
  expect(obstacle).toBeUndefined()
  expect(owedSince).toBe(90_000)
  expect(executor.pendingOf({ ref: { uid: 'uid-unknown' } }).owedSince).toBe(90_000)
})
