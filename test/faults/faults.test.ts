/**
 * Rotations under faults: whatever happens on the way to the API server, each stale pod is replaced once, one
 * workload at a time and inside its budget. `make chaos` is the long form.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TestCluster } from '../cluster/cluster.ts'
import { waitUntil, type Seen } from '../cluster/wait.ts'
import { startInstalledCluster } from '../e2e/installed-cluster.ts'
import { compact } from './etcd.ts'
import type { RequestFault, WatchFault } from './fault.ts'
import { faultMix } from './fault-mix.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { faultRules, NO_FAULTS } from './fault-rules.ts'
import { randomStreams } from './random.ts'
import { CLEAN, openShop, type Shop } from './shop.ts'
import { superviseOperator, type SupervisedOperator } from './supervised-operator.ts'

/** Of the mix. */
const SEED = 20_261_124
/** That Sluice opens. */
const WATCHES = 7
/** Pods of the shop. */
const ALL_PODS = 5
/** How long a rotation may take (ms): with a connection that breaks every few seconds, most of it is back-off. */
const DEADLINE = 240_000

let cluster: TestCluster
let proxy: FaultProxy
let sluice: SupervisedOperator
let shop: Shop

beforeAll(async () => {
  cluster = await startInstalledCluster()
  proxy = await startFaultProxy(cluster)
  sluice = superviseOperator(cluster, proxy.kubeconfig)
  shop = await openShop(cluster, { names: ['mail', 'payments', 'search'], deadline: DEADLINE })
})
// A new process each time: the back-off of a watch that broke in one test would draw out the next.
beforeEach(async () => {
  await sluice.kill()
  await waitUntil('all watches to be open', allWatchesOpen)
})
afterEach(() => {
  proxy.use(NO_FAULTS)
  expect(sluice.crashes).toBe(0)
})
afterAll(async () => {
  await shop.close()
  await sluice.stop()
  await proxy.stop()
  await cluster.stop()
})

const eviction = { verb: 'create', resource: 'pods/eviction' } as const
const patch = { verb: 'patch', resource: 'deployments' } as const
const record = { verb: 'update', resource: 'consumers/status' } as const

function allWatchesOpen(): Promise<Seen<true>> {
  const { openWatches } = proxy
  return Promise.resolve(
    openWatches >= WATCHES ? { value: true } : { instead: `${openWatches} are` },
  )
}

/** Counts what is injected from now on. */
function counting(kind: RequestFault['kind'] | WatchFault['kind']): () => number {
  const before = proxy.injected.get(kind) ?? 0
  return () => (proxy.injected.get(kind) ?? 0) - before
}

describe('a write that fails is made good', () => {
  // The second comes where the first is over: the write did not reach the server, and is tried again.
  test.for<{ first: RequestFault; second: RequestFault }>([
    { first: { kind: 'conflict' }, second: { kind: 'timeout though done' } },
    { first: { kind: 'too many requests', seconds: 1 }, second: { kind: 'reset after' } },
    { first: { kind: 'internal error' }, second: { kind: 'reset during', ms: 0 } },
    { first: { kind: 'unavailable' }, second: { kind: 'slow', ms: 1_000 } },
    // The server is still at it while Sluice reads what became of it.
    { first: { kind: 'reset before' }, second: { kind: 'reset during', ms: 300 } },
  ])('$first.kind, then $second.kind', async ({ first, second }) => {
    const counts = [counting(first.kind), counting(second.kind)]
    proxy.use(
      faultRules(
        ...[eviction, patch, record].flatMap((on) => [
          { on, fault: first },
          { on, fault: second },
        ]),
      ),
    )
    await shop.change()
    expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })
    expect(counts.map((count) => count())).toEqual([3, 3])
  })
})

describe('watches that break are made good', () => {
  test.for<WatchFault>([
    { kind: 'watch unavailable' },
    { kind: 'watch gone' },
    { kind: 'watch gone event', ms: 500 },
    { kind: 'watch cut', ms: 500 },
    { kind: 'watch half line', ms: 0 },
    { kind: 'watch duplicate', twice: () => true },
  ])('$kind', async (fault) => {
    const count = counting(fault.kind)
    proxy.use(faultRules({ on: { verb: 'watch' }, fault, times: WATCHES }))
    proxy.cutWatches()
    await shop.change()
    expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })
    // Of five resources something is heard in a rotation.
    expect(count()).toBeGreaterThanOrEqual(5)
  })
})

test('pods that are seen late are not replaced twice, nor more of them than may be', async () => {
  const on = { verb: 'watch', resource: 'pods' } as const
  proxy.use(faultRules({ on, fault: { kind: 'watch delayed', ms: 2_000 } }))
  proxy.cutWatches()
  await shop.change()
  expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })
})

test('an API server that dies in the middle of a rotation, and whose past is gone, is made good', async () => {
  const goneBefore = proxy.answered.get(410) ?? 0
  await shop.change()
  await waitUntil('the first pod to go', () =>
    Promise.resolve(
      shop.history.busiest.length > 0 ? { value: true } : { instead: 'nothing is away' },
    ),
  )
  await compact(cluster)
  await cluster.restartApiServer()
  expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })
  expect(proxy.answered.get(410) ?? 0).toBeGreaterThan(goneBefore)
})

test(
  `a mix of faults and SIGKILLs, a change in the middle of a rotation among them (seed ${SEED})`,
  async () => {
    const random = randomStreams(SEED)('kills')
    const killing = async (kills: number) => {
      for (let kill = 0; kill < kills; kill++) {
        await sleep(random() * 1_500)
        await sluice.kill()
      }
    }
    proxy.use(faultMix(SEED))
    await shop.change()
    await killing(3)
    expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })

    await shop.change()
    await killing(2)
    await shop.change()
    await killing(1)
    expect(await shop.verdict()).toMatchObject(CLEAN)
  },
  3 * DEADLINE,
)

test('it is the same over HTTP/1.1', async () => {
  await sluice.stop()
  await proxy.stop()
  proxy = await startFaultProxy(cluster, { http2: false })
  sluice = superviseOperator(cluster, proxy.kubeconfig)
  await waitUntil('all watches to be open', allWatchesOpen)
  const counts = [counting('reset after'), counting('watch half line')]
  proxy.use(
    faultRules(
      ...[eviction, patch, record].map((on) => ({ on, fault: { kind: 'reset after' } as const })),
      { on: { verb: 'watch' }, fault: { kind: 'watch half line', ms: 0 }, times: WATCHES },
    ),
  )
  proxy.cutWatches()
  await shop.change()
  expect(await shop.verdict()).toEqual({ ...CLEAN, replaced: ALL_PODS })
  for (const count of counts) expect(count()).toBeGreaterThan(0)
})
