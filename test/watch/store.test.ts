import { SECRET } from '../../src/sources/kinds/secret.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import type { Pending, Snapshot, ManagedWorkload } from '../../src/plan/snapshot.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { Store, type StoreOptions } from '../../src/watch/store.ts'

/** Something that the watches, or Sluice itself, tell the store. */
type Event =
  | { kind: 'secret'; secret: number; value: string }
  | { kind: 'secret removed'; secret: number }
  | { kind: 'secrets synced' }
  | { kind: 'namespace'; optIn: boolean }
  | { kind: 'namespace removed' }
  | { kind: 'deployment'; app: number; secret: number; optIn: boolean | undefined }
  | { kind: 'deployment removed'; app: number }
  | { kind: 'replica set'; app: number; owner: number }
  | { kind: 'replica set removed'; app: number }
  | { kind: 'pod'; app: number; pod: number; secret: number; ready: boolean }
  | { kind: 'pod removed'; app: number; pod: number }
  | { kind: 'consumer'; app: number; state: string }
  | { kind: 'consumer removed'; app: number }
  | { kind: 'pending'; app: number }

const few = fc.nat({ max: 2 })
const value = fc.constantFrom('one', 'two')
const constant = <K extends string>(kind: K) => fc.constant(kind)
const events = fc.oneof<fc.Arbitrary<Event>[]>(
  fc.record({ kind: constant('secret'), secret: few, value }),
  fc.record({ kind: constant('secret removed'), secret: few }),
  fc.record({ kind: constant('secrets synced') }),
  fc.record({ kind: constant('namespace'), optIn: fc.boolean() }),
  fc.record({ kind: constant('namespace removed') }),
  fc.record({
    kind: constant('deployment'),
    app: few,
    secret: few,
    optIn: fc.constantFrom(true, false, undefined),
  }),
  fc.record({ kind: constant('deployment removed'), app: few }),
  fc.record({ kind: constant('replica set'), app: few, owner: few }),
  fc.record({ kind: constant('replica set removed'), app: few }),
  fc.record({ kind: constant('pod'), app: few, pod: few, secret: few, ready: fc.boolean() }),
  fc.record({ kind: constant('pod removed'), app: few, pod: few }),
  fc.record({ kind: constant('consumer'), app: few, state: value }),
  fc.record({ kind: constant('consumer removed'), app: few }),
  fc.record({ kind: constant('pending'), app: few }),
)

/** A store, and what Sluice did and does not see yet. */
class Told {
  readonly store: Store
  readonly #pending = new Map<string, Pending>()
  #now = 0

  constructor(
    unread?: StoreOptions['unread'],
    onSourceChanged: StoreOptions['onSourceChanged'] = () => {},
  ) {
    this.store = new Store({
      unread,
      onSourceChanged,
      digester: createDigester(Buffer.alloc(32, 1)),
      now: () => this.#now,
      defaults: {
        sources: new Set(['Secret', 'ConfigMap']),
        volumes: 'ignore',
        strategy: 'auto',
        maxUnavailable: { kind: 'count', value: 1 },
        minRestartInterval: 0,
        settle: 0,
        waitForTermination: true,
      },
      namespace: 'sluice-system',
    })
  }

  tell(event: Event): void {
    this.#now += 1000
    const { store } = this
    const resourceVersion = String(this.#now)
    const creationTimestamp = '2026-01-01T00:00:00Z'
    const place = { namespace: 'shop', resourceVersion, creationTimestamp }
    switch (event.kind) {
      case 'secret': {
        const data = { password: Buffer.from(event.value).toString('base64') }
        const name = `secret-${event.secret}`
        store.sources.apply(SECRET, { metadata: { ...place, name, uid: name }, data })
        return
      }
      case 'secret removed':
        store.sources.remove({ kind: 'Secret', namespace: 'shop', name: `secret-${event.secret}` })
        return
      case 'secrets synced':
        store.sources.allSynced('Secret')
        return
      case 'namespace': {
        const annotations = { [RESTART_ON_CHANGE]: String(event.optIn) }
        store.applyNamespace({ metadata: { name: 'shop', annotations } })
        return
      }
      case 'namespace removed':
        store.removeNamespace('shop')
        return
      case 'deployment': {
        const name = `app-${event.app}`
        const annotations =
          event.optIn === undefined ? {} : { [RESTART_ON_CHANGE]: String(event.optIn) }
        store.applyWorkload('Deployment', {
          metadata: { ...place, name, uid: name, generation: 1, annotations },
          spec: { replicas: 1, template: { spec: specOf(event.secret) } },
        })
        return
      }
      case 'deployment removed':
        store.removeWorkload(`app-${event.app}`)
        return
      case 'replica set': {
        const owner = { kind: 'Deployment', name: '', uid: `app-${event.owner}`, controller: true }
        store.applyReplicaSet({ metadata: { uid: `set-${event.app}`, ownerReferences: [owner] } })
        return
      }
      case 'replica set removed':
        store.removeReplicaSet(`set-${event.app}`)
        return
      case 'pod': {
        const name = `app-${event.app}-${event.pod}`
        const owner = { kind: 'ReplicaSet', name: '', uid: `set-${event.app}`, controller: true }
        store.applyPod({
          metadata: {
            ...place,
            name,
            uid: name,
            ownerReferences: [owner],
          },
          spec: specOf(event.secret),
          status: { conditions: [{ type: 'Ready', status: event.ready ? 'True' : 'False' }] },
        })
        return
      }
      case 'pod removed':
        store.removePod(`app-${event.app}-${event.pod}`)
        return
      case 'consumer': {
        const name = `deployment-app-${event.app}`
        const consumer = { metadata: { ...place, name, uid: name }, status: { state: event.state } }
        store.records.applyConsumer(consumer)
        return
      }
      case 'consumer removed': {
        const name = `deployment-app-${event.app}`
        store.records.removeConsumer({ namespace: 'shop', name, uid: name })
        return
      }
      case 'pending':
        this.#pending.set(`app-${event.app}`, { ...NOTHING, reportedAt: this.#now })
        return
    }
  }

  snapshot(): Snapshot {
    return this.store.snapshot(({ ref }) => this.#pending.get(ref.uid) ?? NOTHING)
  }
}

const NOTHING: Pending = {
  write: undefined,
  evicted: new Set(),
  refusal: undefined,
  reportedAt: -Infinity,
  owedSince: 0,
}

function specOf(secret: number) {
  const valueFrom = { secretKeyRef: { name: `secret-${secret}`, key: 'password' } }
  return { containers: [{ name: 'app', env: [{ valueFrom }] }] }
}

/** A workload with the sources that it can name. */
function shown(workload: ManagedWorkload) {
  return {
    ...workload,
    source: [0, 1, 2].map((secret) => workload.source(`secret/secret-${secret}`)),
  }
}

test('a picture of what was seen before is the picture of what is there', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (all) => {
      const often = new Told()
      for (const event of all) {
        often.tell(event)
        often.snapshot()
      }
      const once = new Told()
      for (const event of all) once.tell(event)
      const [a, b] = [often.snapshot(), once.snapshot()]
      expect(a.workloads.map(shown)).toEqual(b.workloads.map(shown))
      expect(a.leftovers).toEqual(b.leftovers)
    }),
    { numRuns: 300 },
  )
})

test('a workload is the same object only if nothing of it has changed', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (all) => {
      const told = new Told()
      const known = new Map<ManagedWorkload, ReturnType<typeof shown>>()
      for (const event of all) {
        told.tell(event)
        for (const workload of told.snapshot().workloads) {
          const now = shown(workload)
          const used = [workload.workload, ...workload.pods]
            .flatMap(({ uses }) => uses)
            .flatMap(({ uses }) => uses.map(({ source }) => source))
          const before = known.get(workload)
          for (const name of used) {
            const secret = Number(name.slice(-1))
            expect(before?.source[secret] ?? now.source[secret]).toEqual(now.source[secret])
          }
          known.set(workload, now)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('an event leaves the workloads that it does not concern as they are', () => {
  const told = new Told()
  for (const app of [0, 1]) {
    told.tell({ kind: 'secret', secret: app, value: 'one' })
    told.tell({ kind: 'deployment', app, secret: app, optIn: true })
    told.tell({ kind: 'replica set', app, owner: app })
    told.tell({ kind: 'pod', app, pod: 0, secret: app, ready: true })
  }
  const concerning: Event[] = [
    { kind: 'secret', secret: 0, value: 'two' },
    { kind: 'deployment', app: 0, secret: 0, optIn: true },
    { kind: 'pod', app: 0, pod: 0, secret: 0, ready: false },
    { kind: 'consumer', app: 0, state: 'one' },
    { kind: 'pending', app: 0 },
  ]
  for (const event of concerning) {
    const before = told.snapshot().workloads
    told.tell(event)
    const after = told.snapshot().workloads
    expect([event.kind, after[0] === before[0]]).toEqual([event.kind, false])
    expect([event.kind, after[1] === before[1]]).toEqual([event.kind, true])
  }
  const before = told.snapshot().workloads
  told.store.applyNamespace({ metadata: { name: 'elsewhere' } })
  expect(told.snapshot().workloads).toEqual(before)
  expect(told.snapshot().workloads[0]).toBe(before[0])
})

test('a Secret that was deleted is missed for as long as somebody uses it', () => {
  const told = new Told()
  told.tell({ kind: 'secret', secret: 0, value: 'one' })
  for (const app of [0, 1]) told.tell({ kind: 'deployment', app, secret: 0, optIn: true })
  told.tell({ kind: 'secret removed', secret: 0 })
  const missed = () => {
    // Whatever happens to any Secret brings the index up to date.
    told.tell({ kind: 'secret', secret: 2, value: 'one' })
    return told.store.sources.sizes.secrets - 1
  }
  expect(missed()).toBe(1)
  told.tell({ kind: 'deployment removed', app: 0 })
  expect(missed()).toBe(1)
  told.tell({ kind: 'deployment', app: 1, secret: 1, optIn: true })
  expect(missed()).toBe(0)
})

test('a Secret that passes from one user to another between two looks is still missed, with its history', () => {
  const told = new Told()
  told.tell({ kind: 'secret', secret: 0, value: 'one' })
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  told.tell({ kind: 'secret removed', secret: 0 })
  const missing = told.store.source({ kind: 'Secret', namespace: 'shop', name: 'secret-0' })
  told.tell({ kind: 'deployment removed', app: 0 })
  told.tell({ kind: 'deployment', app: 1, secret: 0, optIn: true })
  told.tell({ kind: 'secret', secret: 2, value: 'one' })
  expect(told.store.source(missing.ref)).toBe(missing)
})

test('why a Secret is not known is kept for as long as somebody uses it', () => {
  const told = new Told(() => ({ kind: 'Unreadable', message: 'its namespace is not listed' }))
  const record = () => told.store.source({ kind: 'Secret', namespace: 'shop', name: 'secret-0' })
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  told.tell({ kind: 'secret', secret: 2, value: 'one' })
  const kept = record()
  expect(record()).toBe(kept)
  told.tell({ kind: 'deployment removed', app: 0 })
  told.tell({ kind: 'secret', secret: 2, value: 'two' })
  expect(record()).not.toBe(kept)
})

test('a Deployment that did not opt in belongs to the group that a Secret names which it alone uses', () => {
  const told = new Told()
  const bystanders = () =>
    told.store
      .snapshot(() => NOTHING)
      .bystanders({ kind: 'Group', namespace: 'shop', name: 'pg' })
      .map(({ workload: deployment }) => deployment.ref.name)
  const secret = (secret: number, group: string | undefined) =>
    told.store.sources.apply(SECRET, {
      metadata: {
        namespace: 'shop',
        name: `secret-${secret}`,
        uid: `secret-${secret}`,
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...(group !== undefined && { annotations: { 'sluice.dev/group': group } }),
      },
      data: {},
    })
  secret(0, 'pg')
  secret(1, undefined)
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: false })
  told.tell({ kind: 'deployment', app: 1, secret: 1, optIn: false })
  told.tell({ kind: 'deployment', app: 2, secret: 0, optIn: true })
  expect(bystanders()).toEqual(['app-0'])
  secret(0, undefined)
  secret(1, 'pg')
  expect(bystanders()).toEqual(['app-1'])
  told.tell({ kind: 'deployment removed', app: 1 })
  told.tell({ kind: 'secret removed', secret: 1 })
  expect(bystanders()).toEqual([])
})

test('a change is one only of a key that a workload uses', () => {
  const changes: string[] = []
  const told = new Told(undefined, ({ name }) => changes.push(name))
  const secret = (password: string, token: string) =>
    told.store.sources.apply(SECRET, {
      metadata: {
        namespace: 'shop',
        name: 'secret-0',
        uid: 'secret-0',
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      data: { password: btoa(password), token: btoa(token) },
    })
  secret('one', 'one')
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  secret('one', 'two')
  expect(changes).toEqual([])
  secret('two', 'two')
  expect(changes).toEqual(['secret-0'])
  told.tell({ kind: 'secret removed', secret: 0 })
  expect(changes).toEqual(['secret-0', 'secret-0'])
})

test('the answer to our own write does not bring back a Deployment that is gone', () => {
  const told = new Told()
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  const names = () =>
    told.store
      .snapshot(() => NOTHING)
      .workloads.map(({ workload: deployment }) => deployment.ref.name)
  const answer = (name: string) =>
    told.store.updateWorkload('Deployment', {
      metadata: {
        namespace: 'shop',
        name,
        uid: name,
        resourceVersion: '99999999',
        generation: 2,
        annotations: { [RESTART_ON_CHANGE]: 'true' },
      },
      spec: { replicas: 1, template: { spec: specOf(0) } },
    })
  answer('app-0')
  expect(names()).toEqual(['app-0'])
  told.tell({ kind: 'deployment removed', app: 0 })
  answer('app-0')
  expect(names()).toEqual([])
})

describe('what is being deleted', () => {
  const deletionTimestamp = '2026-03-01T12:00:07Z'
  const opted = () => {
    const told = new Told()
    told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
    told.tell({ kind: 'consumer', app: 0, state: 'one' })
    return told
  }
  const seen = (told: Told) => {
    const { workloads, leftovers } = told.snapshot()
    return [workloads.length, leftovers.length, told.store.judgedSources().size]
  }

  test('is no workload any more where it is the Deployment itself', () => {
    const told = opted()
    expect(seen(told)).toEqual([1, 0, 1])
    told.store.applyWorkload('Deployment', {
      metadata: {
        namespace: 'shop',
        name: 'app-0',
        uid: 'app-0',
        resourceVersion: '999999',
        deletionTimestamp,
        annotations: { [RESTART_ON_CHANGE]: 'true' },
      },
      spec: { replicas: 1, template: { spec: specOf(0) } },
    })
    expect(seen(told)).toEqual([0, 0, 0])
  })

  test('takes the workloads of its namespace with it', () => {
    const told = opted()
    told.store.applyNamespace({ metadata: { name: 'shop', deletionTimestamp } })
    expect(seen(told)).toEqual([0, 0, 0])
    told.store.removeNamespace('shop')
    told.store.applyNamespace({ metadata: { name: 'shop' } })
    expect(seen(told)).toEqual([1, 0, 1])
  })
})

test('a pod is missing since it was seen to be, until another one is there', () => {
  const told = new Told()
  const since = () => told.snapshot().workloads.map(({ missingSince }) => missingSince)
  told.tell({ kind: 'replica set', app: 0, owner: 0 })
  told.tell({ kind: 'pod', app: 0, pod: 0, secret: 0, ready: true })
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  expect(since()).toEqual([undefined])
  told.tell({ kind: 'pod removed', app: 0, pod: 0 })
  told.tell({ kind: 'secret', secret: 0, value: 'one' })
  told.tell({ kind: 'deployment', app: 0, secret: 0, optIn: true })
  expect(since()).toEqual([4000])
  told.tell({ kind: 'pod', app: 0, pod: 1, secret: 0, ready: false })
  expect(since()).toEqual([undefined])
})

test('a list of Namespaces looks at each Deployment once, however many Namespaces there are', () => {
  const { store } = new Told()
  const count = 20_000
  for (let n = 0; n < count; n++) {
    const metadata = {
      namespace: `n${n}`,
      name: 'web',
      uid: `uid-${n}`,
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    }
    store.applyWorkload('Deployment', {
      metadata,
      spec: { replicas: 0, template: { spec: { containers: [] } } },
    })
  }
  const began = performance.now()
  for (let n = 0; n < count; n++) store.applyNamespace({ metadata: { name: `n${n}` } })
  // Namespaces times Deployments are 400 million looks, several seconds.
  expect(performance.now() - began).toBeLessThan(1_500)
})
