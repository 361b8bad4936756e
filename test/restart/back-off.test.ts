// What fails is tried again no sooner than the server asks for, whatever happens meanwhile, and no later.
import { expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { Action, ForgetAction } from '../../src/plan/action.ts'
import { Executor } from '../../src/restart/executor.ts'
import { createMemoryWrites } from '../../src/restart/memory-writes.ts'
import type { ClusterState } from '../../src/restart/cluster-state.ts'
import { appliedLedger, calmReport } from '../plan/cluster-builder.ts'

const workload = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'uid-web',
} as const
const forget = {
  kind: 'forget',
  workload,
  consumer: { namespace: 'shop', name: 'deployment-web', uid: 'uid-consumer' },
} as unknown as ForgetAction
const release = { kind: 'release', namespace: 'shop', name: 'halt', uid: 'uid-halt' } as const
const evict = {
  kind: 'evict',
  workload,
  pod: { namespace: 'shop', name: 'web-1', uid: 'uid-web-1' },
  ready: true,
  desired: 3,
} as const
const record = {
  kind: 'record',
  workload,
  cause: 'reported',
  status: { ledger: appliedLedger([]), report: calmReport, since: 0 },
  ended: undefined,
} as const

/** An executor whose records are written, while all else fails with a status. */
function start(status: number, retryAfterMs?: number) {
  const world = { now: 0, started: 0, refused: 0, recorded: 0, looks: 0 }
  const picture = { records: { applyConsumer: () => world.recorded++ } } as unknown as ClusterState
  const rests: PromiseWithResolvers<undefined>[] = []
  const call = {
    verb: 'delete',
    group: 'sluice.dev',
    version: 'v1alpha1',
    resource: 'consumers',
  }
  const refuse = () => {
    world.refused++
    return Promise.reject(new ApiError({ ...call, verb: 'delete' }, { status, retryAfterMs }))
  }
  const executor = new Executor({
    writes: {
      ...createMemoryWrites(picture),
      forget: refuse,
      release: refuse,
      evict: refuse,
    },
    picture,
    now: () => world.now,
    random: () => 0,
    sleep: () => {
      const rest = Promise.withResolvers<undefined>()
      rests.push(rest)
      return rest.promise
    },
    signal: new AbortController().signal,
    onStart: () => world.started++,
    onDone: () => world.looks++,
    planAgain: () => world.looks++,
    onDefect(error) {
      throw error
    },
  })
  /** Plans again, as every event makes Sluice do. */
  const plan = async (...actions: readonly Action[]) => {
    executor.start(actions)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { executor, world, rests, plan }
}

const refusals = [
  { status: 403, retryAfterMs: undefined, wait: 500 },
  { status: 409, retryAfterMs: undefined, wait: 500 },
  { status: 429, retryAfterMs: 7_000, wait: 7_000 },
].flatMap((refusal) => [
  { ...refusal, what: 'record', action: forget },
  { ...refusal, what: 'release of a Halt', action: release },
])

test.for(refusals)(
  'after a $status to a $what the next comes, and is told of, $wait ms later',
  async ({ action, status, retryAfterMs, wait }) => {
    const { world, rests, plan } = start(status, retryAfterMs)
    await plan(action)
    await plan(action)
    world.now = wait - 1
    await plan(action)
    expect(world).toMatchObject({ started: 1, refused: 1, looks: 1 })
    world.now = wait
    rests.at(-1)?.resolve(undefined)
    await new Promise((resolve) => setImmediate(resolve))
    expect(world.looks).toBe(2)
    await plan(action)
    expect(world.refused).toBe(2)
  },
)

test('a report that is written says nothing of an eviction that was refused', async () => {
  const { executor, world, plan } = start(429, 7_000)
  await plan(evict)
  await plan(record)
  expect(executor.pendingOf({ ref: workload }).refusal?.until).toBe(7_000)
  world.now = 7_000
  await plan(evict)
  // The second failure in a row; the server asks for more than that.
  expect(executor.pendingOf({ ref: workload }).refusal?.until).toBe(14_000)
  expect(world).toMatchObject({ recorded: 1, refused: 2 })
})
