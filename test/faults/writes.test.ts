import { describe, expect, test } from 'vitest'
import type { RequestFault } from './fault.ts'
import { faultRules } from './fault-rules.ts'
import { ALL_REPLACED, eviction, FaultyCluster, patch, record } from './faulty-cluster.ts'

const bed = new FaultyCluster()

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
    const counts = [bed.counting(first.kind), bed.counting(second.kind)]
    bed.proxy.use(
      faultRules(
        ...[eviction, patch, record].flatMap((on) => [
          { on, fault: first },
          { on, fault: second },
        ]),
      ),
    )
    await bed.shop.change()
    expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
    expect(counts.map((count) => count())).toEqual([3, 3])
  })
})
