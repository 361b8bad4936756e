import { describe, expect, test } from 'vitest'
import type { WatchFault } from './fault.ts'
import { faultRules } from './fault-rules.ts'
import { ALL_REPLACED, FaultyCluster, WATCHES } from './faulty-cluster.ts'

const bed = new FaultyCluster()

describe('watches that break are made good', () => {
  test.for<WatchFault>([
    { kind: 'watch unavailable' },
    { kind: 'watch gone' },
    { kind: 'watch gone event', ms: 500 },
    { kind: 'watch cut', ms: 500 },
    { kind: 'watch half line', ms: 0 },
    { kind: 'watch duplicate', twice: () => true },
  ])('$kind', async (fault) => {
    const count = bed.counting(fault.kind)
    bed.proxy.use(faultRules({ on: { verb: 'watch' }, fault, times: WATCHES }))
    bed.proxy.cutWatches()
    await bed.shop.change()
    expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
    // Of five resources something is heard in a rotation.
    expect(count()).toBeGreaterThanOrEqual(5)
  })
})

test('pods that are seen late are not replaced twice, nor more of them than may be', async () => {
  const on = { verb: 'watch', resource: 'pods' } as const
  bed.proxy.use(faultRules({ on, fault: { kind: 'watch delayed', ms: 2_000 } }))
  bed.proxy.cutWatches()
  await bed.shop.change()
  expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
})
