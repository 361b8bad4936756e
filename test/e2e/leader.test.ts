// Two Sluices and one Lease: one acts, and whatever becomes of it, the other one finishes what it began, exactly once.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { LEASE_DURATION } from '../../src/kube/leader-elector.ts'
import { LEASE } from '../../src/kube/leadership.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { auditPosition, writesBy, type AuditedRequest } from './audit.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  removeNamespace,
  startInstalledCluster,
} from './installed-cluster.ts'
import { observe, type Observer } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

const OWN = 'sluice-system'
const REPLICAS = 4

/** A process with a service account of its own, so that the audit log tells who did what. */
interface Twin extends OperatorProcess {
  readonly user: string
}

let cluster: TestCluster
let shop: string
let observer: Observer
let one: Twin
let two: Twin

beforeAll(async () => {
  cluster = await startInstalledCluster()
  await shareRights()
})
afterAll(() => cluster.stop())

beforeEach(async () => {
  shop = await freshNamespace(cluster)
  // Where Secrets are granted one by one, this is their role.
  await cluster.apply(shared('Role', 'sluice-secrets', shop))
  observer = await observe(cluster, shop)
  one = await startTwin('one')
  await toLead(one)
  two = await startTwin('two')
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', {
      name: 'orders',
      namespace: shop,
      replicas: REPLICAS,
      podAnnotations: { 'sim.sluice.dev/ready-delay': '700ms' },
    }),
  )
  await available(cluster, shop, 'orders')
  await inState(cluster, shop, 'orders', 'Fresh')
  await beyondDoubt()
  observer.reset({ orders: REPLICAS })
})
afterEach(async () => {
  observer.stop()
  for (const twin of [one, two]) await twin.end('SIGTERM')
  await removeNamespace(cluster, shop)
})

test('one acts; the other one stands by with a complete picture, shows nothing of the fleet and writes nothing', async () => {
  const from = auditPosition(cluster)
  await cluster.apply(dbSecret(shop, 'new'))
  await restartedOnce()
  expect(await leads(one)).toBe(true)
  expect((await one.get('/metrics')).body).toContain('sluice_stale_pods{')

  expect(await leads(two)).toBe(false)
  expect((await two.get('/readyz')).status).toBe(200)
  const { body } = await two.get('/metrics')
  expect(body).toContain('sluice_objects{resource="pods"}')
  expect(body).not.toContain('workload="orders"')
  expect(body).not.toContain('source="db"')
  expect(await two.status()).toEqual([])
  expect(writesBy(cluster, two.user, from)).toEqual([])
})

test('SIGTERM in the middle of a restart hands over within two seconds', async () => {
  await cluster.apply(dbSecret(shop, 'new'))
  await inTheMiddle()
  const asked = performance.now()
  const ended = one.end('SIGTERM').then((code) => ({ code, after: performance.now() - asked }))
  await toLead(two)
  const handedOver = performance.now() - asked
  const { code, after } = await ended
  expect(code).toBe(0)
  expect(after).toBeLessThan(2_000)
  expect(handedOver).toBeLessThan(2_000)
  await restartedOnce()
})

test('SIGKILL in the middle of a restart: the other one goes on when the Lease has run out', async () => {
  await cluster.apply(dbSecret(shop, 'new'))
  await inTheMiddle()
  const killed = performance.now()
  await one.end('SIGKILL')
  await toLead(two)
  const took = performance.now() - killed
  // Renewed at most two seconds before, and seen to be within one more.
  expect(took).toBeGreaterThan(LEASE_DURATION - 2_500)
  expect(took).toBeLessThan(LEASE_DURATION + 4_000)
  await restartedOnce()
})

test('a process that was stopped past its time writes nothing when it wakes up, and stands by', async () => {
  await cluster.apply(dbSecret(shop, 'new'))
  await inTheMiddle()
  const from = auditPosition(cluster)
  process.kill(one.pid, 'SIGSTOP')
  await toLead(two)
  const takenOverAt = Date.now()
  process.kill(one.pid, 'SIGCONT')
  await waitUntil('the old leader to stand by', async () =>
    (await leads(one)) ? { instead: 'it leads' } : { value: true },
  )
  await restartedOnce()

  const late = (request: AuditedRequest) => request.receivedAt > takenOverAt
  const tried = writesBy(cluster, one.user, from).filter(late)
  // Its one attempt to renew tells it that its time is over.
  expect(tried.filter(({ resource, code }) => resource !== 'leases' || code !== 409)).toEqual([])
  expect(writesBy(cluster, two.user, from).map(({ resource }) => resource)).toContain(
    'pods/eviction',
  )
  expect(await leads(one)).toBe(false)
})

test('a Lease that is deleted changes nothing but its UID', async () => {
  const lease = `lease/${LEASE}`
  const holder = () =>
    cluster.kubectl([
      'get',
      lease,
      `--namespace=${OWN}`,
      '--output=jsonpath={.spec.holderIdentity}',
    ])
  const before = await holder()
  await cluster.kubectl(['delete', lease, `--namespace=${OWN}`])
  await cluster.apply(dbSecret(shop, 'new'))
  await restartedOnce()
  expect(await holder()).toBe(before)
  expect(await leads(two)).toBe(false)
  expect(one.log.filter(({ msg }) => msg === 'standing by')).toEqual([])
})

/** Gives every service account of Sluice's namespace a right of the shipped one. */
function shared(kind: 'ClusterRole' | 'Role', name: string, namespace = OWN) {
  const apiGroup = 'rbac.authorization.k8s.io'
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: `${kind}Binding`,
    metadata: { name: `${name}-twins`, ...(kind === 'Role' && { namespace }) },
    roleRef: { apiGroup, kind, name },
    subjects: [{ kind: 'Group', name: `system:serviceaccounts:${OWN}` }],
  }
}

async function shareRights(): Promise<void> {
  await cluster.apply(
    shared('ClusterRole', 'sluice-watch'),
    shared('ClusterRole', 'sluice-secrets'),
    shared('ClusterRole', 'sluice-configmaps'),
    shared('ClusterRole', 'sluice-restart'),
    shared('ClusterRole', 'sluice-rollout'),
    shared('Role', 'sluice-digest-key'),
    shared('Role', 'sluice-lease'),
    ...['one', 'two'].map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: OWN },
    })),
  )
}

async function startTwin(name: string): Promise<Twin> {
  const operator = await startOperator(cluster, [...QUICK, '--leader-election=on'], {
    kubeconfig: await cluster.kubeconfigFor(OWN, name),
  })
  return { ...operator, user: `system:serviceaccount:${OWN}:${name}` }
}

async function leads(twin: Twin): Promise<boolean> {
  return (await twin.get('/metrics')).body.includes('\nsluice_leader 1\n')
}

async function toLead(twin: Twin): Promise<void> {
  await waitUntil(`${twin.user} to lead`, async () =>
    (await leads(twin)) ? { value: true } : { instead: JSON.stringify(twin.log.at(-1)) },
  )
}

/** Some pods are new, and some are not. */
async function inTheMiddle(): Promise<void> {
  await waitUntil('a pod to be replaced', () => {
    const count = observer.newPods('orders').length
    return Promise.resolve(count > 0 ? { value: true } : { instead: `${count} new pods` })
  })
  expect(observer.newPods('orders').length).toBeLessThan(REPLICAS)
}

/** Waits for the end of the restart: each pod was replaced once, one at a time. */
async function restartedOnce(): Promise<void> {
  await waitUntil(
    'the restart to be finished',
    async () => {
      const status = (await consumer(cluster, shop, 'orders'))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status) }
    },
    { deadline: 60_000 },
  )
  expect(observer.newPods('orders')).toHaveLength(REPLICAS)
  expect(observer.peakAway('orders')).toBe(1)
}
