// What may not be written: a write waits its turn, and by then another Sluice may lead.
import PQueue from 'p-queue'
import { expect, test, vi } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { LEASE_DURATION, RENEW_DEADLINE } from '../../src/kube/leader-elector.ts'
import type { Action, ActionOutcome, RecordAction } from '../../src/plan/action.ts'
import { createApiWrites } from '../../src/restart/api-writes.ts'
import { Executor } from '../../src/restart/executor.ts'
import type { ClusterState } from '../../src/restart/cluster-state.ts'
import { appliedLedger, calmReport } from '../plan/cluster-builder.ts'

const workload = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'uid-web',
} as const
const deployment = { ref: workload }

function eviction(name: string): Action {
  const pod = { namespace: 'shop', name, uid: `uid-${name}` }
  return { kind: 'evict', workload, pod, ready: true, desired: 3 }
}

function consumerOf(name: string) {
  return {
    namespace: 'shop',
    name: `deployment-${name}`,
    uid: `consumer-${name}`,
    resourceVersion: '1',
  }
}

function report(name: string): RecordAction {
  const status = {
    ledger: appliedLedger([]),
    report: calmReport,
    since: 0,
  }
  return {
    kind: 'record',
    workload: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name,
      uid: `uid-${name}`,
    },
    cause: 'reported',
    status,
    ended: undefined,
  }
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
    list: () => Promise.reject(new Error('not asked for')),
    serverVersion: () => Promise.reject(new Error('not asked for')),
    close: () => Promise.resolve(),
  }
  const picture = {
    pod: () => ({ terminating: false }),
    records: { applyConsumer: () => {} },
  } as unknown as ClusterState
  const world = { mayWrite: true, mayPlan: true, mayStep: true, now: 1_000 }
  const done: ActionOutcome[] = []
  const events: string[] = []
  const executor = new Executor({
    writes: createApiWrites({
      client,
      queue: new PQueue({ concurrency: 1 }),
      mayWrite: () => world.mayWrite,
      mayPlan: () => world.mayPlan,
      mayStep: () => world.mayPlan && world.mayStep,
      picture,
      consumerOf: ({ name }) => ({
        ...consumerOf(name),
        ownerUid: `uid-${name}`,
        status: undefined,
        fault: undefined,
      }),
    }),
    picture,
    now: () => world.now,
    random: () => 0,
    sleep: () => Promise.resolve(),
    signal: new AbortController().signal,
    onStart: () => {},
    onDone: (_, outcome) => done.push(outcome),
    planAgain: () => events.push('plan again'),
    onDefect: (error) => events.push(String(error)),
  })
  return { executor, world, sent, answers, done, events }
}

test('a write whose turn comes too late is not sent, and is neither done nor failed', async () => {
  const { executor, world, sent, answers, done, events } = start()
  executor.start([eviction('web-1'), eviction('web-2')])
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  // What waits is not done.
  expect([...executor.pendingOf(deployment).evicted]).toEqual(['uid-web-1'])

  world.mayWrite = false
  answers[0]?.resolve({})
  await executor.idle()
  expect(sent).toHaveLength(1)
  expect(done).toEqual([{}])
  expect(events).toEqual(['plan again'])
  // The one that was sent counts as done; nothing stands against a new plan for the other one.
  const { evicted, refusal } = executor.pendingOf(deployment)
  expect([...evicted]).toEqual(['uid-web-1'])
  expect(refusal).toBeUndefined()
})

test('an eviction that waits is not sent once a newer plan does not ask for it', async () => {
  const { executor, sent, answers, done, events } = start()
  executor.start([eviction('web-1'), eviction('web-2'), eviction('web-3')])
  await Promise.resolve()
  executor.start([eviction('web-3')])
  answers[0]?.resolve({})
  while (sent.length < 2) await new Promise(setImmediate)
  answers[1]?.resolve({})
  await executor.idle()
  expect(sent.map(({ name }) => name)).toEqual(['web-1', 'web-3'])
  expect(done).toEqual([{}, {}])
  expect(events).toEqual(['plan again'])
})

test('an eviction that waits and is asked for again is sent once', async () => {
  const { executor, sent, answers } = start()
  executor.start([eviction('web-1'), eviction('web-2')])
  await Promise.resolve()
  executor.start([eviction('web-2')])
  executor.start([eviction('web-2')])
  answers[0]?.resolve({})
  while (sent.length < 2) await new Promise(setImmediate)
  answers[1]?.resolve({})
  await executor.idle()
  expect(sent.map(({ name }) => name)).toEqual(['web-1', 'web-2'])
})

test('an eviction does not wait behind the reports of its namespace', async () => {
  const { executor, sent, answers } = start()
  executor.start(Array.from({ length: 1000 }, (_, n) => report(`w${n}`)))
  executor.start([eviction('web-1')])
  await Promise.resolve()
  answers[0]?.resolve(consumerOf('w0'))
  while (sent.length < 2) await new Promise(setImmediate)
  expect(sent[1]).toMatchObject({ resource: 'pods', name: 'web-1' })
})

test('a report that waits gives way to whatever else is written of its workload', async () => {
  const { executor, sent, answers, events } = start()
  executor.start([eviction('web-1'), report('w1'), report('w2')])
  await Promise.resolve()
  const pending = executor.pendingOf({ ref: { uid: 'uid-w1' } })
  expect(pending.write).toBeUndefined()
  expect(pending.reportedAt).toBe(1_000)
  executor.start([{ ...report('w1'), cause: 'changed' }])
  expect(executor.pendingOf({ ref: { uid: 'uid-w1' } }).write).toMatchObject({ cause: 'changed' })
  for (const answer of [{}, consumerOf('w1'), consumerOf('w2')]) {
    const { length } = sent
    answers.at(-1)?.resolve(answer)
    while (sent.length === length && length < 3) await new Promise(setImmediate)
  }
  await executor.idle()
  expect(sent.map(({ name }) => name)).toEqual(['web-1', 'deployment-w1', 'deployment-w2'])
  expect(events).toEqual(['plan again'])
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

test('no pod is owed for an eviction that was refused', async () => {
  const { executor, world, sent, answers } = start()
  world.now = 60_000
  executor.start([eviction('web-1')])
  while (sent.length < 1) await new Promise(setImmediate)
  expect(executor.pendingOf(deployment).owedSince).toBe(60_000)
  answers[0]?.reject(
    new ApiError({ verb: 'create', group: '', version: 'v1', resource: 'pods' }, { status: 429 }),
  )
  await executor.idle()
  expect(executor.pendingOf(deployment).owedSince).toBe(1_000)
})

test('a step waits for no other leadership, and is not sent while no plan can be made', async () => {
  const { executor, world, sent, answers, events } = start()
  executor.start([eviction('web-1'), eviction('web-2'), report('w1')])
  await Promise.resolve()
  executor.begin()
  executor.start([eviction('web-3')])
  world.mayPlan = false
  answers[0]?.resolve({})
  await executor.idle()
  expect(sent.map(({ name }) => name)).toEqual(['web-1'])
  expect(events).toHaveLength(3)
})

test('while a watch delivers nothing, reports are sent and steps are not', async () => {
  const { executor, world, sent, answers } = start()
  executor.start([eviction('web-1'), eviction('web-2'), report('w1')])
  await Promise.resolve()
  world.mayStep = false
  answers[0]?.resolve({})
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  answers[1]?.resolve({})
  await executor.idle()
  expect(sent.map(({ name }) => name)).toEqual(['web-1', 'deployment-w1'])
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
  expect(executor.pendingOf(deployment).refusal).toBeDefined()

  world.now = 90_000
  executor.begin()
  const { evicted, refusal, owedSince } = executor.pendingOf(deployment)
  expect([...evicted]).toEqual(['uid-web-1'])
  expect(refusal).toBeUndefined()
  expect(owedSince).toBe(90_000)
  expect(executor.pendingOf({ ref: { uid: 'uid-unknown' } }).owedSince).toBe(90_000)
})
