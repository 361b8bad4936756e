/**
 * What the tests of faults share: a cluster, a proxy that injects faults on the way to it, a Sluice that is started again
 * whenever it ends, and a shop. Whatever happens on the way to the API server, each stale pod is replaced once, one
 * workload at a time and inside its budget. `make chaos` is the long form.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { startInstalledCluster } from '../e2e/installed-cluster.ts'
import type { RequestFault, WatchFault } from './fault.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { NO_FAULTS } from './fault-rules.ts'
import { CLEAN, openShop, type Shop } from './shop.ts'
import { superviseOperator, type SupervisedOperator } from './supervised-operator.ts'

/** That Sluice opens: seven that it decides by, and four that only bring hints. */
export const WATCHES = 11
/**
 * How long a rotation may take (ms): with a connection that breaks every few seconds most of it is back-off, and no step is
 * taken while one of the watches is away.
 */
export const DEADLINE = 600_000
/** Pods of the shop. */
const ALL_PODS = 5

/** The verdict of a rotation that replaced every pod once, and did nothing else. */
export const ALL_REPLACED = { ...CLEAN, replaced: ALL_PODS } as const

/** The writes that move a restart. */
export const eviction = { verb: 'create', resource: 'pods/eviction' } as const
export const patch = { verb: 'patch', resource: 'deployments' } as const
export const record = { verb: 'update', resource: 'consumers/status' } as const

export class FaultyCluster {
  cluster!: TestCluster
  proxy!: FaultProxy
  sluice!: SupervisedOperator
  shop!: Shop

  /** Registers the hooks of the file. */
  constructor({ http2 = true }: { http2?: boolean } = {}) {
    beforeAll(async () => {
      this.cluster = await startInstalledCluster()
      this.proxy = await startFaultProxy(this.cluster, { http2 })
      this.sluice = superviseOperator(this.cluster, this.proxy.kubeconfig)
      const names = ['mail', 'payments', 'search']
      this.shop = await openShop(this.cluster, { names, deadline: DEADLINE })
    })
    // A new process each time: the back-off of a watch that broke in one test would draw out the next.
    beforeEach(async () => {
      await this.sluice.kill()
      await waitUntil('all watches to be open', () => {
        const { openWatches } = this.proxy
        const open = openWatches >= WATCHES
        return Promise.resolve(open ? { value: true } : { instead: `${openWatches} are` })
      })
    })
    afterEach(() => {
      this.proxy.use(NO_FAULTS)
      expect(this.sluice.crashes).toBe(0)
    })
    afterAll(async () => {
      await this.shop.close()
      await this.sluice.stop()
      await this.proxy.stop()
      await this.cluster.stop()
    })
  }

  /** Counts what is injected from now on. */
  counting(kind: RequestFault['kind'] | WatchFault['kind']): () => number {
    const before = this.proxy.injected.get(kind) ?? 0
    return () => (this.proxy.injected.get(kind) ?? 0) - before
  }
}
