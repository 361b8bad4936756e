import { expect, test } from 'vitest'
import { faultRules } from './fault-rules.ts'
import { ALL_REPLACED, eviction, FaultyCluster, patch, record, WATCHES } from './faulty-cluster.ts'

const bed = new FaultyCluster({ http2: false })

test('writes whose answers are lost and watches that break are made good over HTTP/1.1 as well', async () => {
  const counts = [bed.counting('reset after'), bed.counting('watch half line')]
  bed.proxy.use(
    faultRules(
      ...[eviction, patch, record].map((on) => ({ on, fault: { kind: 'reset after' } as const })),
      { on: { verb: 'watch' }, fault: { kind: 'watch half line', ms: 0 }, times: WATCHES },
    ),
  )
  bed.proxy.cutWatches()
  await bed.shop.change()
  expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
  for (const count of counts) expect(count()).toBeGreaterThan(0)
})
