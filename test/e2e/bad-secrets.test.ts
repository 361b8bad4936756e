import { randomBytes } from 'node:crypto'
import type { V1Secret } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { secret, type Use } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator()

test('a Secret without data is content like any other, and data in it is a change', async () => {
  await bed.deployed(bare(), orders({ mode: 'envFrom' }))
  await bed.rotate('new')
  await bed.finished('orders')
  expect(newPods()).toBe(1)
})

test('a Secret without data that a key is required of holds, and the pods start when the key comes', async () => {
  await bed.cluster.apply(bare(), orders({ mode: 'env' }))
  const { message } = (await bed.inState('orders', 'Held', 'KeyMissing')).status ?? {}
  expect(message).toBe('missing: key password of Secret db')
  await bed.neighbourIsRestarted()
  bed.observer.reset({ orders: 1 })
  await bed.rotate('new')
  await bed.inState('orders', 'Fresh')
  expect(newPods()).toBe(0)
})

test('a Secret of 1 MiB is hashed whole: its last byte is a change, and costs one restart', async () => {
  const value = randomBytes(1024 * 1024)
  await bed.deployed(bytes({ password: value }), orders({ mode: 'env' }))
  value[value.length - 1] = 255 - (value.at(-1) ?? 0)
  await bed.cluster.apply(bytes({ password: value }))
  await bed.finished('orders')
  expect(newPods()).toBe(1)
})

test('values that are no text differ where only their bytes do', async () => {
  await bed.deployed(bytes({ password: Buffer.from([0, 255, 254]) }), orders({ mode: 'env' }))
  // Both become the same replacement character where somebody takes them for text.
  await bed.cluster.apply(bytes({ password: Buffer.from([0, 255, 253]) }))
  await bed.finished('orders')
  expect(newPods()).toBe(1)
})

test('one key among 5,000 is found to have changed, whether all are consumed or one', async () => {
  const values = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [`key-${i}`, Buffer.from(`value ${i}`)]),
  )
  await bed.deployed(
    bytes(values),
    orders({ mode: 'envFrom' }),
    consumerOf('env', {
      name: 'search',
      namespace: bed.shop,
      uses: [{ secret: 'db', mode: 'env', key: 'key-1' }],
    }),
  )
  await bed.cluster.apply(bytes({ ...values, 'key-4999': Buffer.from('changed') }))
  await bed.finished('orders')
  expect(newPods()).toBe(1)
  expect(newPods('search')).toBe(0)
})

test('a deleted Secret holds; with the same content again nothing happens, with other content one restart', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ mode: 'env', replicas: 2 }))
  await bed.kubectl('delete', 'secret/db')
  const { message } = (await bed.inState('orders', 'Held', 'SourceMissing')).status ?? {}
  expect(message).toBe('missing: Secret db')
  await bed.neighbourIsRestarted()
  await bed.rotate('old')
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)

  await bed.kubectl('delete', 'secret/db')
  await bed.inState('orders', 'Held', 'SourceMissing')
  await bed.rotate('new')
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

test('a required key that is removed holds, and nothing happens when it is back', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ mode: 'env' }))
  await patchSecret({ data: { password: null } })
  const { message } = (await bed.inState('orders', 'Held', 'KeyMissing')).status ?? {}
  expect(message).toBe('missing: key password of Secret db')
  await bed.neighbourIsRestarted()
  await bed.rotate('old')
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
})

test('an emptied value holds, and nothing happens when it is back', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ mode: 'env' }))
  await bed.rotate('')
  expect(await bed.heldWithStalePods('orders', 'ValueEmpty')).toBe(
    'Held: the change left a value empty: key password of Secret db',
  )
  await bed.neighbourIsRestarted()
  await bed.rotate('old')
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
})

test.each([
  ['Secret', { mode: 'envFrom' }],
  ['key', { mode: 'env' }],
] as const)(
  'an optional %s that was absent is a change when it appears',
  async (what, { mode }) => {
    const uses: Use[] = [{ secret: 'db', mode, optional: true }]
    const objects = [orders({ mode, uses })]
    await bed.deployed(...(what === 'key' ? [bare(), ...objects] : objects))
    await bed.rotate('new')
    await bed.finished('orders')
    expect(newPods()).toBe(1)
  },
)

test('an immutable Secret created again with other content holds, and a new name is the way out', async () => {
  const immutable = (name: string, password: string) =>
    secret({ name, namespace: bed.shop, data: { password }, immutable: true })
  await bed.deployed(immutable('db', 'old'), orders({ mode: 'env' }))
  await bed.kubectl('delete', 'secret/db')
  await bed.cluster.apply(immutable('db', 'new'))
  expect(await bed.heldWithStalePods('orders', 'ImmutableRecreated')).toBe(
    'Held: immutable Secret db was created again with other content, which nodes that still use it do not read; use a new name instead',
  )
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)

  await bed.cluster.apply(
    immutable('db-2', 'new'),
    orders({ mode: 'env', uses: [{ secret: 'db-2', mode: 'env' }] }),
  )
  await bed.inState('orders', 'Fresh')
  await bed.neighbourIsRestarted()
  // The deploy's own pod.
  expect(newPods()).toBe(1)
})

test('content that comes and goes faster than a restart leaves the pods with the last one', async () => {
  await bed.deployed(dbSecret(bed.shop, 'old'), orders({ mode: 'env', replicas: 2 }))
  for (let i = 0; i < 20; i++) await bed.rotate(`content ${i}`)
  await bed.finished('orders')
  await waitUntil('all pods to hold the last content', async () => {
    const seen = await bed.consumer('orders')
    const [entries] = seen?.status?.sources?.[0]?.contents.map(({ timeline }) => timeline) ?? []
    return entries?.length === 1 ? { value: true } : { instead: JSON.stringify(entries) }
  })
  expect(newPods()).toBe(2)
})

function orders(options: {
  mode: Use['mode']
  replicas?: number
  uses?: Use[]
}): ReturnType<typeof consumerOf> {
  const { mode, ...others } = options
  return consumerOf(mode, { name: 'orders', namespace: bed.shop, ...others })
}

function newPods(name = 'orders'): number {
  return bed.observer.newPods(name).length
}

/** The Secret `db` without data. */
function bare(): V1Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: bed.shop } }
}

/** The Secret `db` with values that need not be text. */
function bytes(values: Record<string, Buffer>): V1Secret {
  const data = Object.entries(values).map(
    ([key, value]) => [key, value.toString('base64')] as const,
  )
  return Object.assign(bare(), { data: Object.fromEntries(data) })
}

async function patchSecret(change: object): Promise<void> {
  await bed.kubectl('patch', 'secret/db', '--type=merge', `--patch=${JSON.stringify(change)}`)
}
