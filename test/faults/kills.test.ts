import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { waitUntil } from '../../testbed/wait.ts'
import { compact } from './etcd.ts'
import { faultMix } from './fault-mix.ts'
import { ALL_REPLACED, DEADLINE, FaultyCluster } from './faulty-cluster.ts'
import { randomStreams } from './random.ts'
import { CLEAN } from './shop.ts'

/** Of the mix. */
const SEED = 20_261_124

const bed = new FaultyCluster()

test('an API server that dies in the middle of a rotation, and whose past is gone, is made good', async () => {
  const goneBefore = bed.proxy.answered.get(410) ?? 0
  await bed.shop.change()
  await waitUntil('the first pod to go', () =>
    Promise.resolve(
      bed.shop.history.busiest.length > 0 ? { value: true } : { instead: 'nothing is away' },
    ),
  )
  await compact(bed.cluster)
  await bed.cluster.restartApiServer()
  expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
  expect(bed.proxy.answered.get(410) ?? 0).toBeGreaterThan(goneBefore)
})

test(
  `a mix of faults and SIGKILLs, a change in the middle of a rotation among them (seed ${SEED})`,
  async () => {
    const random = randomStreams(SEED)('kills')
    const killing = async (kills: number) => {
      for (let kill = 0; kill < kills; kill++) {
        await sleep(random() * 1_500)
        await bed.sluice.kill()
      }
    }
    bed.proxy.use(faultMix(SEED))
    await bed.shop.change()
    await killing(3)
    expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)

    await bed.shop.change()
    await killing(2)
    await bed.shop.change()
    await killing(1)
    expect(await bed.shop.verdict()).toMatchObject(CLEAN)
  },
  3 * DEADLINE,
)
