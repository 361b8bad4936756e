// Many changes in a short time are no fault: a burst is one rotation, and many Secrets at once are paced restarts.
import { expect, test } from 'vitest'
import { secret } from '../../testbed/fixtures.ts'
import { consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator([
  '--quiet-period=3s',
  '--settle=0s',
  '--margin=1s',
  '--min-restart-interval=0s',
  '--leader-election=off',
])

test('a burst of ten writes in five seconds is one restart, after the quiet period', async () => {
  const orders = consumerOf('env', { name: 'orders', namespace: bed.shop, replicas: 2 })
  await bed.deployed(dbSecret(bed.shop, 'old'), orders)
  const startedAt = Date.now()
  for (let n = 1; n <= 10; n++) {
    await bed.rotate(`burst ${n}`)
    // The burst is what is tested: its writes are spread over five seconds.
    await new Promise((resolve) => setTimeout(resolve, startedAt + n * 500 - Date.now()))
  }
  const first = await bed.finished('orders')
  await bed.neighbourIsRestarted()
  expect(bed.observer.newPods('orders')).toHaveLength(2)
  expect(await bed.finished('orders')).toBe(first)
  const halts = await bed.kubectl('get', 'halts', '--output=name')
  expect(halts).toBe('')
})

test('twenty Secrets that are rotated at once are restarts one after another', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `s${n}`)
  const secrets = (password: string) =>
    names.map((name) => secret({ name, namespace: bed.shop, data: { password } }))
  const workloads = names.map((name) =>
    consumerOf('env', {
      name: `w-${name}`,
      namespace: bed.shop,
      uses: [{ secret: name, mode: 'env' }],
    }),
  )
  await bed.deployed(...secrets('old'), ...workloads)
  await bed.cluster.apply(...secrets('new'))
  for (const name of names) await bed.finished(`w-${name}`)
  for (const name of names) expect(bed.observer.newPods(`w-${name}`)).toHaveLength(1)
  expect(bed.observer.peakApps).toBeLessThanOrEqual(1)
}, 180_000)
