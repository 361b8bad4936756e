// What a list brings beside what is known already: from the watch, and from the answers to our own writes.
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient, StreamOptions } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { watchedResources } from '../../src/watch/resources.ts'
import { Store } from '../../src/watch/store.ts'
import { watchInto, type Watch } from '../../src/watch/watches.ts'
import { bookmark, event } from '../kube/scripted-server.ts'
import { defaults, nothingPending } from '../plan/cluster-builder.ts'

/** Each stream brings what is next in line, and then nothing more. */
class Server implements KubeClient {
  readonly lists: (readonly unknown[])[] = []
  /** What happens between the making of a list and its delivery. */
  meanwhile = () => {}

  stream(call: ApiCall, { signal }: StreamOptions): Promise<AsyncIterable<unknown>> {
    return Promise.resolve(this.#events(call, signal))
  }

  async *#events(call: ApiCall, signal: AbortSignal): AsyncIterable<unknown> {
    this.meanwhile()
    yield* this.lists.shift() ?? []
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    throw new ApiError(call, { status: 0, reason: 'AbortError' })
  }

  request = () => Promise.reject(new Error('lists come as streams'))
  list = () => Promise.reject(new Error('a watch asks for nothing else'))
  serverVersion = () => Promise.reject(new Error('a watch asks for nothing else'))
  close = () => Promise.resolve()
}

function deployment(version: number, replicas: number) {
  return {
    metadata: {
      ...{ namespace: 'shop', name: 'web', uid: 'uid-web', resourceVersion: String(version) },
      annotations: { [RESTART_ON_CHANGE]: 'true' },
    },
    spec: { replicas, template: { spec: { containers: [] } } },
  }
}

function consumer(version: number, ownerUid: string) {
  return {
    metadata: {
      ...{ namespace: 'shop', name: 'deployment-web', uid: 'uid-consumer' },
      resourceVersion: String(version),
      ownerReferences: [{ kind: 'Deployment', name: 'web', uid: ownerUid }],
    },
  }
}

let server: Server
let store: Store
let watches: Watch[]
let end: AbortController
let ended: Promise<unknown>

beforeEach(() => {
  server = new Server()
  store = new Store({
    digester: createDigester(Buffer.alloc(32, 1)),
    now: () => 0,
    defaults,
    namespace: 'sluice-system',
  })
  end = new AbortController()
})
afterEach(async () => {
  end.abort()
  await ended
})

/** Watches one kind of object; the first list has come when this resolves. */
async function watch(resource: string, list: readonly unknown[]): Promise<void> {
  server.lists.push(list)
  watches = watchedResources(store, { consumers: true })
    .filter(({ target }) => target.resource === resource)
    .map((each) => watchInto(each, server, pino({ level: 'silent' }), () => {}))
  ended = Promise.all(watches.map((each) => each.watch.run(end.signal)))
  await delivered()
}

/** A list that is asked for now. */
async function relist(list: readonly unknown[]): Promise<void> {
  server.lists.push(list)
  for (const each of watches) each.watch.relist()
  await delivered()
}

async function delivered(): Promise<void> {
  await vi.waitFor(
    () => {
      expect(watches.map((each) => each.watch.resourceVersion)).not.toContain(undefined)
    },
    { interval: 5 },
  )
}

function replicas(): number | undefined {
  return store.snapshot(() => nothingPending).workloads[0]?.workload.replicas
}

function owner(): string | undefined {
  return store.consumerOf({ kind: 'Deployment', namespace: 'shop', name: 'web' })?.ownerUid
}

describe('a list after etcd was restored, whose versions are lower, is taken as it is:', () => {
  test('Deployments', async () => {
    await watch('deployments', [event('ADDED', deployment(90, 9)), bookmark(95, 'end')])
    await relist([event('ADDED', deployment(40, 4)), bookmark(50, 'end')])
    expect(replicas()).toBe(4)
  })

  test('Consumers', async () => {
    await watch('consumers', [event('ADDED', consumer(90, 'late')), bookmark(95, 'end')])
    await relist([event('ADDED', consumer(40, 'early')), bookmark(50, 'end')])
    expect(owner()).toBe('early')
  })

  test('what an own write was answered before it', async () => {
    await watch('deployments', [event('ADDED', deployment(90, 9)), bookmark(95, 'end')])
    store.applyWorkload('Deployment', deployment(99, 10))
    await relist([event('ADDED', deployment(40, 4)), bookmark(50, 'end')])
    expect(replicas()).toBe(4)
  })
})

describe('the answer to an own write that came between the making of a list and its delivery is not undone:', () => {
  test('Deployments', async () => {
    await watch('deployments', [event('ADDED', deployment(40, 4)), bookmark(50, 'end')])
    server.meanwhile = () => store.applyWorkload('Deployment', deployment(60, 6))
    await relist([event('ADDED', deployment(40, 4)), bookmark(55, 'end')])
    expect(replicas()).toBe(6)
  })

  test('Consumers', async () => {
    await watch('consumers', [event('ADDED', consumer(40, 'early')), bookmark(50, 'end')])
    server.meanwhile = () => store.records.applyConsumer(consumer(60, 'late'))
    await relist([event('ADDED', consumer(40, 'early')), bookmark(55, 'end')])
    expect(owner()).toBe('late')
  })
})

test('a watch that lags behind the answer to an own write does not undo it', async () => {
  await watch('deployments', [event('ADDED', deployment(40, 4)), bookmark(50, 'end')])
  store.applyWorkload('Deployment', deployment(60, 6))
  store.applyWorkload('Deployment', deployment(55, 5))
  expect(replicas()).toBe(6)
})
