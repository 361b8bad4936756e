// The contract of pods on a real node, so that our own nodes can be believed, and a rotation on it with Sluice itself.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { podContract } from '../../testbed/pod-contract.ts'
import {
  cgroupFolders,
  obstacleToRealNode,
  wishForRealNode,
} from '../../testbed/real-node-obstacle.ts'
import { type RealNodeCluster, startRealNodeCluster } from '../../testbed/real-node.ts'
import { waitUntil } from '../../testbed/wait.ts'
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
let settings: string[]

beforeAll(async () => {
  const wish = wishForRealNode()
  try {
    obstacle = wish === 'off' ? 'SLUICE_TEST_REAL_NODE is off' : obstacleToRealNode()
    if (obstacle !== undefined) throw new Error(obstacle)
    settings = kernelSettings()
    started = cluster = await startRealNodeCluster()
  } catch (error) {
    // So far it may be the machine's fault; what fails from here on is ours.
    if (wish === 'required') throw error
    obstacle = error instanceof Error ? error.message : String(error)
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
    await beyondDoubt()
    const before = await pods(shop)
    for (const pod of before) await tellsOf(pod, 'old')

    await cluster.apply(dbSecret(shop, 'new'))
    await beyondDoubt()
    const staleOfLate = (expected: number) =>
      waitUntil(`${expected} stale pods of late`, async () => {
        const row = (await operator.status()).find(({ name }) => name === 'late')
        const matches = row?.stalePods === expected
        return matches ? { value: true } : { instead: JSON.stringify(row) }
      })
    await staleOfLate(1)
    const late = before.find(({ metadata }) => metadata?.labels?.['app'] === 'late')
    await cluster.killContainer(shop, late?.metadata?.name ?? '', 'app')
    // Sluice saw the container begin after the change.
    await staleOfLate(0)
    await waitUntil(
      'the restart to be done',
      async () => {
        const status = (await consumer(cluster, shop, 'both'))?.status
        return status?.state === 'Fresh' && status.lastRestart
          ? { value: true }
          : { instead: JSON.stringify(status) }
      },
      { deadline: 60_000 },
    )

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

test('all processes of the node are in cgroups of their own', () => {
  expect(cgroups()).not.toEqual([])
})

podContract(() => started, '10.88.1.')

test('nothing is left of the node when it has been stopped', async () => {
  await cluster.stop()
  expect(cgroups()).toEqual([])
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(cluster.dir)
  expect(spawnSync('pgrep', ['-fa', cluster.dir], { encoding: 'utf8' }).stdout).toBe('')
  expect(kernelSettings()).toEqual(settings)
})

/** Those of the node, one in each hierarchy. */
function cgroups(): string[] {
  return cgroupFolders()
    .map((folder) => join(folder, cluster.cgroup))
    .filter((folder) => existsSync(folder))
}

/** What a kubelet sets for the machine it runs on, if it is let. */
function kernelSettings(): string[] {
  const names = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops']
  return names.map((name) => `${name} ${readFileSync(join('/proc/sys', name), 'utf8')}`)
}

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
