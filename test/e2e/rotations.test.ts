// What people read of a rotation with kubectl alone.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEPT_OF_SOURCE } from '../../src/report/rotations/retention.ts'
import {
  NONE,
  rotationName,
  writeRotation,
  writeRotationStatus,
} from '../../src/records/rotation.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  consumerOf,
  dbSecret,
  inState,
  freshNamespace,
  startInstalledCluster,
} from './installed-cluster.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let shop: string
let operator: OperatorProcess

beforeAll(async () => {
  cluster = await startInstalledCluster()
  shop = await freshNamespace(cluster)
  operator = await startOperator(cluster)
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: shop, replicas: 2 }),
    consumerOf('env', { name: 'payments', namespace: shop, replicas: 1 }),
  )
  for (const name of ['orders', 'payments']) {
    await available(cluster, shop, name)
    await inState(cluster, shop, name, 'Fresh')
  }
  await beyondDoubt()
})
afterAll(async () => {
  await operator.end('SIGTERM')
  await cluster.stop()
})

/** A Rotation as kubectl shows it. */
interface RotationView {
  readonly metadata: { readonly name: string; readonly uid: string }
  readonly spec: { readonly changedAt: string }
  readonly status?: {
    readonly phase: string
    readonly progress: { readonly workloads: string; readonly pods: string }
    readonly fingerprint: string
    readonly finishedAt?: string
  }
}

async function rotations(): Promise<RotationView[]> {
  const text = await kubectl('get', 'rotations', '--output=json')
  return (JSON.parse(text) as { items: RotationView[] }).items
}

function kubectl(...args: readonly string[]): Promise<string> {
  return cluster.kubectl([...args, `--namespace=${shop}`])
}

/** Waits until there is a rotation of this phase and progress. */
async function inPhase(phase: string, workloads: string): Promise<RotationView> {
  return waitUntil(
    `a rotation to be ${phase} ${workloads}`,
    async () => {
      const all = await rotations()
      const found = all.find(
        ({ status }) => status?.phase === phase && status.progress.workloads === workloads,
      )
      return found ? { value: found } : { instead: JSON.stringify(all.map(({ status }) => status)) }
    },
    { deadline: 60_000, every: 100 },
  )
}

/** Waits until an Event of this reason is there. */
async function eventsAbout(reason: string): Promise<void> {
  await waitUntil(`an Event ${reason}`, async () => {
    const names = await kubectl(
      'get',
      'events',
      `--field-selector=reason=${reason}`,
      '--output=name',
    )
    return names === '' ? { instead: 'none' } : { value: names }
  })
}

/** Sluice's own Events, sorted, since several may come within a second. */
async function ownEvents(): Promise<string> {
  const columns =
    'TYPE:.type,REASON:.reason,OBJECT:.regarding.kind,NAME:.regarding.name,RELATED:.related.name,NOTE:.note'
  const text = await golden(
    'get',
    'events.v1.events.k8s.io',
    '--field-selector=reportingController=sluice.dev/sluice',
    `--output=custom-columns=${columns}`,
  )
  const [header = '', ...lines] = text.trimEnd().split('\n')
  return [header, ...lines.sort(), ''].join('\n')
}

/** What kubectl prints, with everything that differs from run to run made equal and as wide as it was. */
async function golden(...args: readonly string[]): Promise<string> {
  return (await kubectl(...args))
    .replaceAll(/\d{8}t\d{6}z/g, '20260301t120000z')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '2026-03-01T12:00:00Z')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '0123456789abcdef0123456789abcdef')
    .replaceAll(/\b[0-9a-f]{12}\b(?!-)/g, '0123456789ab')
    .replaceAll(
      /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      '01234567-89ab-cdef-0123-456789abcdef',
    )
    .replaceAll(/-[0-9a-f]{8,10}-[a-z0-9]{5}\b/g, '-0123456789-abcde')
    .replaceAll(/(Restart |resume=)[0-9a-z]{8}\b/g, '$1m0123456')
    .replaceAll(/\b\d+ s\b/g, '5 s')
    .replaceAll(/(Version: +)\d+/g, '$11000')
    .replaceAll(/\b(\d+m)?\d+s\b */g, (age) => '1s'.padEnd(age.length))
    .replaceAll(/ +$/gm, '')
}

test('kubectl tells what goes on, what stands against it, and that it is over; a restart of Sluice changes nothing', async () => {
  await kubectl('annotate', 'deployment/payments', 'sluice.dev/paused=true')
  await inState(cluster, shop, 'payments', 'Paused')
  await cluster.apply(dbSecret(shop, 'new'))
  const held = await inPhase('Held', '1/2')
  await expect(await golden('get', 'rotations')).toMatchFileSnapshot('golden/rotations-held.txt')
  await expect(await golden('get', 'consumers')).toMatchFileSnapshot('golden/consumers-held.txt')
  await expect(await golden('describe', 'rotation')).toMatchFileSnapshot('golden/rotation-held.txt')

  await operator.end('SIGKILL')
  operator = await startOperator(cluster)
  await kubectl('annotate', 'deployment/payments', 'sluice.dev/paused-')
  const done = await inPhase('Succeeded', '2/2')
  expect(done.metadata.uid).toBe(held.metadata.uid)
  expect(await rotations()).toHaveLength(1)
  await expect(await golden('get', 'rotations', '--output=wide')).toMatchFileSnapshot(
    'golden/rotations-succeeded.txt',
  )
  await expect(await golden('get', 'consumers')).toMatchFileSnapshot('golden/consumers-fresh.txt')
  await eventsAbout('RotationFinished')
  await eventsAbout('OldContentUnused')
  await expect(await golden('events', '--for=secret/db')).toMatchFileSnapshot(
    'golden/events-of-secret.txt',
  )
  await expect(await ownEvents()).toMatchFileSnapshot('golden/events-of-rotation.txt')
})

test('what a person must do something about is told on the Deployment and on the Secret', async () => {
  const podAnnotations = {
    'sim.sluice.dev/bad-value': 'wrong',
    'sim.sluice.dev/crash-backoff': '200ms',
  }
  await kubectl('delete', 'deployment/payments')
  await kubectl('delete', 'events', '--all')
  await cluster.apply(
    consumerOf('env', { name: 'search', namespace: shop, replicas: 2, podAnnotations }),
  )
  await available(cluster, shop, 'search')
  await inState(cluster, shop, 'search', 'Fresh')
  await beyondDoubt()
  await kubectl('annotate', 'deployment/orders', 'sluice.dev/max-unavailable=none')
  await inState(cluster, shop, 'orders', 'Held', 'InvalidSetting')
  await cluster.apply(dbSecret(shop, 'wrong'))
  await inPhase('Failed', '0/2')
  expect(await kubectl('events', '--for=deployment/search')).toContain('RestartStarted')
  for (const reason of ['InvalidAnnotation', 'RestartFailed', 'GroupHalted'])
    await eventsAbout(reason)
  await expect(await ownEvents()).toMatchFileSnapshot('golden/events-of-failure.txt')

  // Another restart within minutes has Events of its own.
  await cluster.apply(dbSecret(shop, 'right'))
  await inState(cluster, shop, 'search', 'Fresh')
  await waitUntil('the Events of two restarts', async () => {
    const text = await kubectl('events', '--for=deployment/search')
    const started = text.split('\n').filter((line) => line.includes('RestartStarted'))
    return started.length === 2 ? { value: true } : { instead: text }
  })
})

test('of rotations that are over the newest ones are kept', async () => {
  await operator.end('SIGTERM')
  const finishedAt = Date.now()
  const over = Array.from({ length: KEPT_OF_SOURCE + 2 }, (_, n) => ({
    source: { kind: 'Secret' as const, namespace: shop, name: 'mail' },
    changedAt: Date.parse(`2026-01-0${n + 1}T00:00:00Z`),
    finishedAt,
    phase: 'Succeeded' as const,
    workloads: NONE,
    pods: NONE,
    reasons: [],
    conditions: [],
  }))
  await cluster.apply(...over.map(writeRotation))
  const status = JSON.stringify({ status: over[0] && writeRotationStatus(over[0]) })
  const names = over.map(rotationName)
  await kubectl(
    ...['patch', 'rotations', ...names, '--subresource=status', '--type=merge'],
    `--patch=${status}`,
  )
  operator = await startOperator(cluster)
  await waitUntil('the oldest to be deleted', async () => {
    const all = await rotations()
    const left = all.filter(({ metadata }) => metadata.name.startsWith('secret-mail-'))
    return left.length === KEPT_OF_SOURCE &&
      left.every(({ spec }) => spec.changedAt >= '2026-01-03')
      ? { value: true }
      : { instead: left.map(({ metadata }) => metadata.name).join() }
  })
})

test('without the right to report anything restarts go on, and what is given up is counted', async () => {
  const role = 'clusterrole/sluice-restart'
  const { rules } = JSON.parse(await kubectl('get', role, '--output=json')) as {
    rules: { resources: string[] }[]
  }
  const others = rules.filter(
    ({ resources }) => !resources.some((each) => /^(rotations|events)/.test(each)),
  )
  expect(others).toHaveLength(rules.length - 3)
  await kubectl('patch', role, '--type=merge', `--patch=${JSON.stringify({ rules: others })}`)
  const before = await rotations()
  await kubectl('annotate', 'deployment/orders', 'sluice.dev/max-unavailable-')
  await inState(cluster, shop, 'orders', 'Fresh')
  await beyondDoubt()
  await cluster.apply(dbSecret(shop, 'newest'))
  for (const name of ['orders', 'search']) await inState(cluster, shop, name, 'Fresh')
  const { body } = await operator.get('/metrics')
  expect(body).toMatch(/^sluice_reports_dropped_total\{kind="event"\} [1-9]/m)
  expect(operator.log.map(({ msg }) => msg)).toContain('cannot write an Event, giving it up')
  expect(await rotations()).toEqual(before)
})
