/**
 * How soon a Secret write shows as stale pods in `/status`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig, Watch } from '@kubernetes/client-node'
import { Client } from 'undici'
import type { TestCluster } from '../testbed/cluster.ts'
import { startOperator, type StatusRow } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter } from './figure.ts'
import { median, quantile, timed } from './samples.ts'
import { Shop } from './shop.ts'

const ROTATIONS = 50
/** Between two looks (ms): without it, the looks take the CPU from what they look for. */
const PAUSE = 1
/** Between two writes (ms). */
const CALM = 300
/** More than the bare round trip (ms). */
const ALLOWANCE = 10
/** Nothing is restarted meanwhile. */
const FLAGS = ['--quiet-period=1h']

export async function measureDetection(cluster: TestCluster, program: string): Promise<Chapter> {
  const operator = await startOperator(cluster, FLAGS, { program })
  const admin = new Admin(cluster)
  const status = new Client(operator.url)
  const shop = await Shop.open(cluster, operator, admin, { workloads: ROTATIONS, replicas: 1 })
  const bare = await watchSecrets(cluster, shop.namespace)

  const stalePods = async (name: string): Promise<number> => {
    const { body } = await status.request({ method: 'GET', path: '/status' })
    const places = (await body.json()) as Record<string, StatusRow[]>
    const rows = Object.values(places).flat()
    return rows.find((row) => row.namespace === shop.namespace && row.name === name)?.stalePods ?? 0
  }
  const gets: number[] = []
  const writes: number[] = []
  const delivered: number[] = []
  const shown: number[] = []
  for (const name of shop.names) {
    // What the write before led to is done.
    await sleep(CALM)
    gets.push(...(await timed(10, () => admin.get(shop.secretPath(name)))))
    const event = bare.next(name)
    const sentAt = performance.now()
    const written = shop.rotate(name).then(() => writes.push(performance.now() - sentAt))
    const heard = event.then((at) => delivered.push(at - sentAt))
    while ((await stalePods(name)) === 0) await sleep(PAUSE)
    shown.push(performance.now() - sentAt)
    await Promise.all([written, heard])
  }
  const polls = await timed(200, () => stalePods('app-0'))

  bare.stop()
  await shop.close()
  await Promise.all([status.close(), admin.close(), operator.end('SIGTERM')])
  const get = { what: 'GET of the Secret', value: median(gets) }
  const get95 = { what: 'GET of the Secret', value: quantile(gets, 0.95) }
  return {
    title: `detection: ${ROTATIONS} Secret writes, each until its consumer shows as stale in /status`,
    figures: [
      {
        what: 'write sent → shown, p50',
        value: median(shown),
        unit: 'ms',
        baseline: get,
        target: median(gets) + ALLOWANCE,
      },
      {
        what: 'write sent → shown, p95',
        value: quantile(shown, 0.95),
        unit: 'ms',
        baseline: get95,
      },
      { what: 'write sent → answered, p50', value: median(writes), unit: 'ms', baseline: get },
      {
        what: 'write sent → event at a bare watch, p50',
        value: median(delivered),
        unit: 'ms',
        baseline: get,
      },
      { what: 'one look at /status, p50', value: median(polls), unit: 'ms', baseline: get },
    ],
    remarks: [
      'Shown is when the look at `/status` that saw it had been answered: there is a pause of about a millisecond between looks, so half of that and of a look is the measurement itself.',
    ],
  }
}

/** A watch that does nothing but note when an event came. */
async function watchSecrets(cluster: TestCluster, namespace: string) {
  const config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  const waiting = new Map<string, (at: number) => void>()
  const request = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/secrets`,
    {},
    (phase: string, { metadata }: { metadata: { name: string } }) => {
      if (phase === 'MODIFIED') waiting.get(metadata.name)?.(performance.now())
    },
    () => {},
  )
  return {
    next: (name: string) =>
      new Promise<number>((resolve) => {
        waiting.set(name, resolve)
      }),
    stop: () => request.abort(),
  }
}
