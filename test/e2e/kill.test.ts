import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  startInstalledCluster,
} from './installed-cluster.ts'
import { observe } from './observer.ts'
import { startOperator } from './operator-process.ts'

/** Kills in one run of this test. */
const KILLS = 30

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startInstalledCluster()
})
afterAll(() => cluster.stop())

test(`${KILLS} SIGKILLs at random moments of rotations lose nothing and repeat nothing`, async () => {
  const shop = await freshNamespace(cluster)
  const apps = { orders: 3, payments: 2, search: 1, mail: 2 }
  let operator = await startOperator(cluster)
  await cluster.apply(
    dbSecret(shop, 'password-0'),
    ...Object.entries(apps).map(([name, replicas], index) =>
      consumerOf((['env', 'envFrom', 'subPath', 'env'] as const)[index] ?? 'env', {
        name,
        namespace: shop,
        replicas,
        podAnnotations: { 'sim.sluice.dev/ready-delay': '200ms' },
      }),
    ),
  )
  for (const name of Object.keys(apps)) {
    await available(cluster, shop, name)
    await inState(cluster, shop, name, 'Fresh')
  }
  const observer = await observe(cluster, shop)

  let kills = 0
  for (let rotation = 1; kills < KILLS; rotation++) {
    await beyondDoubt()
    observer.reset(apps)
    await cluster.apply(dbSecret(shop, `password-${rotation}`))
    // A rotation of eight pods takes some seconds: kill at moments spread over all of it, start anew at once.
    for (let inRotation = 0; inRotation < 6 && kills < KILLS; inRotation++) {
      await moment(Math.random() * 1_000)
      await operator.end('SIGKILL')
      kills++
      operator = await startOperator(cluster)
    }
    await allFresh(shop, Object.keys(apps), rotation)
    for (const [name, replicas] of Object.entries(apps)) {
      expect(observer.newPods(name), `new pods of ${name} in rotation ${rotation}`).toHaveLength(
        replicas,
      )
      expect(observer.peakAway(name)).toBeLessThanOrEqual(1)
    }
    expect(observer.peakApps).toBe(1)
  }
  observer.stop()
  expect(await operator.end('SIGTERM')).toBe(0)
}, 300_000)

/** All Consumers have recorded the new content as applied; `rotation` counts the restarts before. */
async function allFresh(shop: string, names: readonly string[], rotation: number): Promise<void> {
  for (const name of names) {
    await waitUntil(
      `${name} to be fresh after rotation ${rotation}`,
      async () => {
        const status = (await consumer(cluster, shop, name))?.status
        const timelines = status?.sources?.flatMap(({ contents }) =>
          contents.map((each) => each.timeline),
        )
        const applied = timelines?.every((timeline) => timeline.length === 1) ?? false
        const finished = finishedAt(status?.lastRestart?.finishedAt) > (lastFinish.get(name) ?? 0)
        if (!(status?.state === 'Fresh' && applied && finished))
          return { instead: JSON.stringify(status) }
        lastFinish.set(name, finishedAt(status.lastRestart?.finishedAt))
        return { value: true }
      },
      { deadline: 90_000 },
    )
  }
}

const lastFinish = new Map<string, number>()

function finishedAt(time: string | undefined): number {
  return Date.parse(time ?? '') || 0
}

/** Lets real time pass: the moment of the kill is what this test varies. */
function moment(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
