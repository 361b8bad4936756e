/** What is written in one moment, and what comes and goes: on the real control plane. */
import { createHash } from 'node:crypto'
import type { KubernetesObject } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { available, consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const shared = new SharedOperator()

const web = (mode: 'env' | 'envFrom' = 'env') =>
  consumerOf(mode, { name: 'web', namespace: shared.shop, replicas: 2 })

/** The same with another template: its owner deploys. */
function newVersion(): KubernetesObject {
  const next = web()
  const metadata = next.spec?.template.metadata
  if (metadata) metadata.annotations = { ...metadata.annotations, version: '2' }
  return next
}

const isFresh = async (pods: number) => {
  const status = (await shared.consumer('web'))?.status
  const made = shared.observer.newPods('web').length
  return status?.state === 'Fresh' && status.unprovenPods === 0 && made >= pods
    ? { value: made }
    : { instead: `${made} new pods, ${JSON.stringify(status)}` }
}

test('a Deployment that is written a moment before its Secret leaves no pod on the old content', async () => {
  await shared.deployed(dbSecret(shared.shop, 'old'), web())
  await shared.cluster.apply(newVersion(), dbSecret(shared.shop, 'new'))
  await waitUntil('two pods of the new version', () => isFresh(2), { deadline: 60_000 })
  await waitUntil(
    'every pod to hold the new content',
    async () => {
      const held = (await shared.cluster.heldContent()).filter(
        ({ namespace }) => namespace === shared.shop,
      )
      const text = JSON.stringify(held)
      return held.length === 2 && !text.includes(createHash('sha256').update('old').digest('hex'))
        ? { value: true }
        : { instead: text.slice(0, 500) }
    },
    { deadline: 60_000 },
  )
})

test('a Secret that is written a moment before its Deployment restarts nothing twice', async () => {
  await shared.deployed(dbSecret(shared.shop, 'old'), web())
  await shared.cluster.apply(dbSecret(shared.shop, 'new'), newVersion())
  await available(shared.cluster, shared.shop, 'web')
  await waitUntil('two pods of the new version', () => isFresh(2), { deadline: 60_000 })
  await shared.neighbourIsRestarted()
  expect(shared.observer.newPods('web')).toHaveLength(2)
})

test('a key that is removed, and put back, restarts nothing', async () => {
  await shared.deployed(dbSecret(shared.shop, 'old'), web('envFrom'))
  const less = secret({ name: 'db', namespace: shared.shop, data: { password: 'old' } })
  await shared.cluster.apply(less)
  await shared.neighbourIsRestarted()
  await shared.cluster.apply(dbSecret(shared.shop, 'old'))
  await shared.neighbourIsRestarted()
  expect(shared.observer.newPods('web')).toHaveLength(0)
  expect((await shared.consumer('web'))?.status?.state).toBe('Fresh')
})

test('a Secret that is deleted and created again as it was restarts nothing', async () => {
  await shared.deployed(dbSecret(shared.shop, 'old'), web('envFrom'))
  await shared.cluster.kubectl(['delete', 'secret', 'db', '--namespace', shared.shop])
  await shared.cluster.apply(dbSecret(shared.shop, 'old'))
  await shared.neighbourIsRestarted()
  expect(shared.observer.newPods('web')).toHaveLength(0)
  expect((await shared.consumer('web'))?.status?.state).toBe('Fresh')
})

test('a Deployment that is orphaned and created again keeps what is known of its pods', async () => {
  const paused = web()
  const { metadata } = paused
  if (metadata) metadata.annotations = { ...metadata.annotations, 'sluice.dev/paused': 'true' }
  await shared.deployed(dbSecret(shared.shop, 'old'), paused)
  await shared.rotate('new')
  const stale = async () => {
    const status = (await shared.consumer('web'))?.status
    return status?.stalePods === 2 ? { value: true } : { instead: JSON.stringify(status) }
  }
  await waitUntil('both pods to be stale', stale, { deadline: 30_000 })
  await shared.cluster.kubectl([
    'delete',
    'deployment',
    'web',
    '--cascade=orphan',
    '--namespace',
    shared.shop,
  ])
  await shared.cluster.apply(paused)
  await available(shared.cluster, shared.shop, 'web')
  await shared.neighbourIsRestarted()
  await waitUntil('both pods to be stale still', stale, { deadline: 30_000 })
  expect(shared.observer.newPods('web')).toHaveLength(0)
  await shared.cluster.apply(web())
  await shared.finished('web')
})
