// Values of Secrets go no further than the place where they are hashed, whatever happens on the way.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { namespace, secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { startFaultProxy, type FaultProxy } from '../faults/fault-proxy.ts'
import { faultRules, NO_FAULTS, type Rule } from '../faults/fault-rules.ts'
import { inspectable, type Inspectable } from './heap-snapshot.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  inState,
  startInstalledCluster,
  type ConsumerView,
} from './installed-cluster.ts'
import { MarkedValues } from './marked-values.ts'
import { observe } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

/** A rotation after the other, and a heap to be written down (ms): patient, for machines that are shared. */
const PATIENCE = 300_000
/** A name that Sluice may show: where it is not found, nothing would be. */
const SHOP = 'visible-shop'
const APP = 'orders'

let cluster: TestCluster
let proxy: FaultProxy
let heap: Inspectable
let operator: OperatorProcess
const values = new MarkedValues()

beforeAll(async () => {
  cluster = await startInstalledCluster()
  proxy = await startFaultProxy(cluster)
  heap = inspectable(cluster.dir)
})
afterEach(() => operator.end('SIGKILL'))
afterAll(async () => {
  await proxy.stop()
  await cluster.stop()
})

async function start(): Promise<void> {
  operator = await startOperator(cluster, [...QUICK, '--log-level=debug'], {
    kubeconfig: proxy.kubeconfig,
    nodeFlags: heap.nodeFlags,
  })
}

/** Writes a new password, as `kubectl apply` does: with a copy of it in an annotation. */
async function rotate(): Promise<void> {
  const data = { password: values.next(), other: values.next() }
  const copy = secret({ name: 'db', namespace: SHOP, data })
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(copy),
  }
  await cluster.apply(secret({ name: 'db', namespace: SHOP, data, annotations }))
}

async function restarted(during: () => Promise<void> = rotate): Promise<void> {
  await beyondDoubt()
  const before = (await consumer(cluster, SHOP, APP))?.status?.lastRestart?.id
  await during()
  await waitUntil(
    `a restart of ${APP}`,
    async () => {
      const status = (await consumer(cluster, SHOP, APP))?.status
      return status?.state === 'Fresh' && status.lastRestart && status.lastRestart.id !== before
        ? { value: true }
        : { instead: JSON.stringify(status) }
    },
    { deadline: 90_000, every: 200 },
  )
}

async function isHeldBy(reason: string): Promise<void> {
  await waitUntil(
    `${APP} to be held by ${reason}`,
    async () => {
      const row = (await operator.status()).find(({ name }) => name === APP)
      return row?.hold?.reason === reason ? { value: true } : { instead: JSON.stringify(row) }
    },
    { deadline: 60_000, every: 200 },
  )
}

/** All that Sluice shows and holds, by where it does. */
async function traces(): Promise<Record<string, string>> {
  const kinds = [
    'consumers',
    'halts',
    'rotations',
    'events',
    'events.events.k8s.io',
    'leases',
    'configmaps',
  ]
  const workloads = ['deployments', 'replicasets', 'pods', 'namespaces']
  const objects = [...kinds, ...workloads].map(
    async (kind) =>
      [kind, await cluster.kubectl(['get', kind, '--all-namespaces', '--output=json'])] as const,
  )
  return {
    ...Object.fromEntries(await Promise.all(objects)),
    log: JSON.stringify(operator.log),
    'standard error': operator.complaint,
    metrics: (await operator.get('/metrics')).body,
    status: (await operator.get('/status')).body,
    readyz: (await operator.get('/readyz')).body,
    heap: (await heap.strings(operator.pid)).join('\n'),
  }
}

const record = { verb: 'update', resource: 'consumers/status' } as const
const eviction = { verb: 'create', resource: 'pods/eviction' } as const
const secrets = { verb: 'watch', resource: 'secrets' } as const
const faults: readonly Rule[] = [
  { on: record, fault: { kind: 'conflict' } },
  { on: record, fault: { kind: 'reset after' } },
  { on: eviction, fault: { kind: 'internal error' } },
  { on: eviction, fault: { kind: 'unavailable' } },
  { on: eviction, fault: { kind: 'timeout though done' } },
]

test(
  'a value of a Secret is found nowhere: not in what Sluice writes or shows, nor in its heap',
  async () => {
    await start()
    await openShop()
    // Success.
    await restarted()
    // Conflict, broken connections, and a server in trouble.
    proxy.use(faultRules(...faults))
    await restarted()
    // A line of the watch of Secrets that ends in the middle of a Secret: a parser would quote it.
    proxy.use(faultRules({ on: secrets, fault: { kind: 'watch half line', ms: 0 } }))
    proxy.cutWatches()
    await waitUntil('the watch to be open again', () =>
      Promise.resolve(
        proxy.openWatches >= 7 ? { value: true } : { instead: `${proxy.openWatches}` },
      ),
    )
    await restarted()
    proxy.use(NO_FAULTS)
    expect(proxy.injected.get('watch half line')).toBe(1)
    // Forbidden, in the middle of a rotation.
    await restarted(async () => {
      await cluster.kubectl(['delete', 'clusterrolebinding', 'sluice-restart'])
      await rotate()
      await isHeldBy('Forbidden')
      await cluster.kubectl([
        'create',
        'clusterrolebinding',
        'sluice-restart',
        '--clusterrole=sluice-restart',
        '--serviceaccount=sluice-system:sluice',
      ])
    })
    const before = await traces()
    expect(values.foundIn(before)).toEqual([])

    // A crash in the middle of a rotation, and a record of it that cannot be true.
    await beyondDoubt()
    await rotate()
    await operator.end('SIGKILL')
    const name = `consumer/deployment-${APP}`
    const forged = { lastRestart: { id: 'forged', finishedAt: '2099-01-01T00:00:00.000Z' } }
    const patch = `--patch=${JSON.stringify({ status: forged })}`
    await cluster.kubectl([
      'patch',
      name,
      '-n',
      SHOP,
      '--subresource=status',
      '--type=merge',
      patch,
    ])
    await start()
    await rotate()
    await isHeldBy('MalformedConsumer')
    const after = await traces()
    expect(values.foundIn(after)).toEqual([])

    // What is no secret is found in the same places.
    for (const place of ['consumers', 'rotations', 'events', 'log', 'metrics', 'status', 'heap']) {
      expect(before[place], place).toContain(SHOP)
    }
  },
  PATIENCE,
)

test('a new digest key restarts nothing, and a rotation under way goes on', async () => {
  const bank = 'rekeyed'
  const db = (password: string) =>
    cluster.apply(secret({ name: 'db', namespace: bank, data: { password } }))
  await cluster.apply(namespace({ name: bank }))
  await db(values.next())
  const uses = [{ secret: 'calm', mode: 'env' }] as const
  await cluster.apply(
    secret({ name: 'calm', namespace: bank, data: { password: values.next() } }),
    consumerOf('env', { name: 'orders', namespace: bank, replicas: 3 }),
    consumerOf('env', { name: 'calm', namespace: bank, replicas: 2, uses }),
  )
  await start()
  await available(cluster, bank, 'orders', 'calm')
  const [before] = await Promise.all([
    inState(cluster, bank, 'calm', 'Fresh'),
    inState(cluster, bank, 'orders', 'Fresh'),
  ])
  await beyondDoubt()
  const observer = await observe(cluster, bank)
  observer.reset({ orders: 3, calm: 2 })
  await db(values.next())
  await waitUntil('the first new pod', () =>
    Promise.resolve(
      observer.newPods('orders').length > 0 ? { value: true } : { instead: 'none is there' },
    ),
  )
  await operator.end('SIGKILL')
  // As docs/runbook.md says.
  await cluster.kubectl(['delete', 'secret', 'sluice-digest-key', '--namespace=sluice-system'])
  await cluster.kubectl(['rollout', 'restart', 'deployment/sluice', '--namespace=sluice-system'])
  await start()
  await waitUntil(
    'the rotation to end',
    async () => {
      const status = (await consumer(cluster, bank, 'orders'))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status) }
    },
    { deadline: 60_000, every: 200 },
  )
  const after = await inState(cluster, bank, 'calm', 'Fresh')
  observer.stop()
  expect(observer.newPods('orders')).toHaveLength(3)
  expect(observer.newPods('calm')).toEqual([])
  expect(fingerprintOf(before)).toMatch(/^[0-9a-f]{32}$/)
  expect(fingerprintOf(after)).not.toBe(fingerprintOf(before))
})

test('the search would find a value that a process keeps, wherever in a line it came', async () => {
  const kept = new MarkedValues()
  const line = JSON.stringify({ filler: 'x'.repeat(100_000), data: { password: kept.next() } })
  const program = `
    require('node:readline').createInterface({ input: process.stdin }).once('line', (line) => {
      globalThis.kept = JSON.parse(line).data
      console.log('kept')
    })
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, [...heap.nodeFlags, '--eval', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    child.stdin.write(`${line}\n`)
    await once(child.stdout, 'data')
    const found = kept.foundIn({ heap: (await heap.strings(child.pid ?? 0)).join('\n') })
    expect(found).toEqual(['plain in heap'])
  } finally {
    child.kill('SIGKILL')
  }
})

/** The shop, with the first password. */
async function openShop(): Promise<void> {
  await cluster.apply(namespace({ name: SHOP }))
  await rotate()
  await cluster.apply(
    consumerOf('env', {
      name: APP,
      namespace: SHOP,
      annotations: { 'sluice.dev/strategy': 'evict' },
    }),
  )
  await available(cluster, SHOP, APP)
  await inState(cluster, SHOP, APP, 'Fresh')
}

function fingerprintOf({ status }: ConsumerView): string {
  return (status as { keyFingerprint?: string } | undefined)?.keyFingerprint ?? ''
}
