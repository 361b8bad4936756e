// The contract of pods on a real node, so that our own nodes can be believed, and a rotation on it with Sluice itself.
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { podContract } from '../cluster/pod-contract.ts'
import { obstacleToRealNode, wishForRealNode } from '../cluster/real-node-obstacle.ts'
import { type RealNodeCluster, startRealNodeCluster } from '../cluster/real-node.ts'
import { waitUntil } from '../cluster/wait.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  install,
} from './installed-cluster.ts'
import { startOperator } from './operator-process.ts'

let cluster: RealNodeCluster
let started: RealNodeCluster | undefined
let obstacle: string | undefined

beforeAll(async () => {
  const wish = wishForRealNode()
  try {
    obstacle = wish === 'off' ? 'SLUICE_TEST_REAL_NODE is off' : obstacleToRealNode()
    if (obstacle !== undefined) throw new Error(obstacle)
    started = cluster = await startRealNodeCluster()
  } catch (error) {
    // So far it may be the machine's fault; what fails from here on is ours.
    if (wish === 'required') throw error
    obstacle = reasons(error)
    console.warn(`No real node here, its tests are skipped: ${obstacle}`)
  }
  // The first time, kubelet and containerd are compiled after the control plane.
}, 1_800_000)
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle))
afterAll(() => started?.stop())

test('after a rotation Sluice replaces the pods that hold old content, and those alone', async () => {
  await install(cluster)
  const shop = await freshNamespace(cluster)
  await cluster.apply(
    dbSecret(shop, 'old'),
    // Fixed when the container starts, and when it is created.
    tells('both', 2, [
      { secret: 'db', mode: 'env' },
      { secret: 'db', mode: 'subPath' },
    ]),
    // Never fixed.
    tells('files', 1, [{ secret: 'db', mode: 'volume' }]),
    // Will have been started again by then.
    tells('late', 1, [{ secret: 'db', mode: 'env' }], { 'sluice.dev/paused': 'true' }),
  )
  function tells(
    name: string,
    replicas: number,
    uses: NonNullable<Parameters<typeof consumerOf>[1]['uses']>,
    annotations: Record<string, string> = {},
  ): V1Deployment {
    const made = consumerOf('env', { name, namespace: shop, replicas, uses, annotations })
    const [app] = made.spec?.template.spec?.containers ?? []
    if (app) app.command = ['sh', '-c', TELL]
    return made
  }
  const operator = await startOperator(cluster)
  try {
    await available(cluster, shop, 'both', 'files', 'late')
    for (const name of ['both', 'files']) await inState(cluster, shop, name, 'Fresh')
    await inState(cluster, shop, 'late', 'Paused')
    await beyondDoubt(cluster)
    const before = await pods(shop)
    for (const pod of before) await tellsOf(pod, 'old')

    await cluster.apply(dbSecret(shop, 'new'))
    await beyondDoubt(cluster)
    const stale = async (name: string) =>
      (await operator.status()).find((row) => row.name === name)?.stalePods
    expect(await stale('late')).toBe(1)
    const late = before.find(({ metadata }) => metadata?.labels?.['app'] === 'late')
    await cluster.killContainer(shop, late?.metadata?.name ?? '', 'app')
    await waitUntil('the container that was started again to count as fresh', async () => {
      const left = await stale('late')
      return left === 0 ? { value: true } : { instead: `${left} stale pods` }
    })
    await waitUntil('the restart to be done', async () => {
      const status = (await consumer(cluster, shop, 'both'))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status) }
    })

    const after = await pods(shop)
    for (const pod of after) await tellsOf(pod, 'new')
    const kept = (name: string) =>
      uids(after, name).filter((uid) => uids(before, name).includes(uid))
    expect(uids(after, 'both')).toHaveLength(2)
    expect(kept('both')).toEqual([])
    for (const name of ['files', 'late']) expect(kept(name)).toEqual(uids(before, name))
  } finally {
    await operator.end('SIGTERM')
    await cluster.kubectl(['delete', 'deployments', '--all', `--namespace=${shop}`])
  }
})

podContract(() => started, '10.88.1.')

/** Tells now and then what a container holds, wherever it is. */
const TELL = `trap 'exit 0' TERM
while true; do
  echo "holds $DB_PASSWORD $(cat /etc/db/password /run/db/password 2>/dev/null)"
  sleep 0.2
done`

/** Waits until the last that a pod told is this content, in each place where it has any. */
async function tellsOf(pod: V1Pod, content: string): Promise<void> {
  await waitUntil(`${pod.metadata?.name} to hold ${content}`, () => {
    const last = cluster.logOf(pod).trimEnd().split('\n').at(-1) ?? ''
    const held =
      last
        .split('holds ')[1]
        ?.split(' ')
        .filter((each) => each !== '') ?? []
    const all = held.length > 0 && held.every((each) => each === content)
    return Promise.resolve(all ? { value: true } : { instead: last })
  })
}

async function pods(namespace: string): Promise<V1Pod[]> {
  const text = await cluster.kubectl(['get', 'pods', `--namespace=${namespace}`, '--output=json'])
  const { items } = JSON.parse(text) as { items: V1Pod[] }
  return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
}

function uids(all: readonly V1Pod[], app: string): (string | undefined)[] {
  return all
    .filter(({ metadata }) => metadata?.labels?.['app'] === app)
    .map(({ metadata }) => metadata?.uid)
    .sort()
}

/** What an error and its causes say. */
function reasons(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}\n${reasons(error.cause)}`
}
