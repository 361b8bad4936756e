// Which Secrets are watched by name, as workloads come and go, and whom it holds where one may not be watched.
import { setImmediate as turn } from 'node:timers/promises'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient, StreamOptions } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { plan } from '../../src/plan/plan.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { secretScopes, SecretWatches } from '../../src/watch/secret-watches.ts'
import { Store } from '../../src/watch/store.ts'
import { bookmark, event } from '../kube/scripted-server.ts'
import { defaults, nothingPending, policy } from '../plan/cluster-builder.ts'

/** An API server with Secrets of namespace `shop`, of which single ones may be watched. */
class Server implements KubeClient {
  readonly granted = new Set<string>()
  /** Those that do not exist are missing. */
  readonly secrets = new Set<string>()
  /** Watches that are open now. */
  readonly open: string[] = []
  /** Watches that were asked for. */
  readonly asked: string[] = []
  /** Watches that had not delivered their Secret, at most at one time. */
  mostAwaited = 0
  #awaited = 0

  async stream(call: ApiCall, { signal }: StreamOptions): Promise<AsyncIterable<unknown>> {
    this.mostAwaited = Math.max(this.mostAwaited, ++this.#awaited)
    await turn()
    this.#awaited--
    const [, name = ''] = call.query?.['fieldSelector']?.split('=') ?? []
    this.asked.push(`${call.namespace}/${name}`)
    if (!this.granted.has(name)) throw new ApiError(call, { status: 403 })
    return this.#events(call, name, signal)
  }

  async *#events(call: ApiCall, name: string, signal: AbortSignal): AsyncIterable<unknown> {
    this.open.push(name)
    try {
      if (this.secrets.has(name)) yield event('ADDED', secret(name))
      yield bookmark(10, 'end')
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      throw new ApiError(call, { status: 0, reason: 'AbortError' })
    } finally {
      this.open.splice(this.open.indexOf(name), 1)
    }
  }

  request = () => Promise.reject(new Error('a named watch asks for nothing else'))
  list = () => Promise.reject(new Error('a named watch asks for nothing else'))
  serverVersion = () => Promise.reject(new Error('a named watch asks for nothing else'))
  close = () => Promise.resolve()
}

function secret(name: string) {
  const metadata = { namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: '7' }
  return { metadata, data: { password: Buffer.from('a password').toString('base64') } }
}

let server: Server
let store: Store
let watches: SecretWatches
let ended: Promise<void>
const end = { now: new AbortController() }

beforeEach(() => {
  server = new Server()
  end.now = new AbortController()
  store = new Store({
    digester: createDigester(Buffer.alloc(32, 1)),
    now: () => 0,
    defaults,
    namespace: 'sluice-system',
    unread: (ref) => watches.unread(ref),
  })
  const scopes = secretScopes('named', store)
  if (!scopes) throw new Error('expected scopes of named watches')
  watches = new SecretWatches({
    ...scopes,
    fieldSelector: 'type!=helm.sh/release.v1',
    client: server,
    store,
    log: pino({ level: 'silent' }),
    changed() {},
    sleep: async () => {
      await turn()
    },
  })
  for (const name of ['shop', 'sluice-system']) store.applyNamespace({ metadata: { name } })
  ended = watches.run(end.now.signal)
})
afterEach(async () => {
  end.now.abort()
  await ended
  expect(server.open).toEqual([])
})

/** A Deployment that uses Secrets by environment variables, or another version of it. */
function deploy(name: string, uses: readonly string[], optIn = true): void {
  const env = uses.map((each) => ({
    name: each,
    valueFrom: { secretKeyRef: { name: each, key: 'password' } },
  }))
  store.applyWorkload('Deployment', {
    metadata: {
      namespace: 'shop',
      name,
      uid: `uid-${name}`,
      generation: 1,
      resourceVersion: '1',
      annotations: { [RESTART_ON_CHANGE]: String(optIn) },
    },
    spec: { replicas: 1, template: { spec: { containers: [{ name: 'app', env }] } } },
  })
  watches.look()
}

/** Waits until exactly these are watched. */
async function watched(...names: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect([...server.open].sort()).toEqual(names), WAIT)
}

/** What is known of a Secret: `known`, `missing`, or why it is not known. */
function state(name: string): string {
  const { unread, uid } = store.source({ kind: 'Secret', namespace: 'shop', name })
  if (unread) return `${unread.kind}: ${unread.message}`
  return uid === '' ? 'missing' : 'known'
}

async function isIn(name: string, expected: string): Promise<void> {
  await vi.waitFor(() => expect(state(name)).toBe(expected), WAIT)
}

const WAIT = { timeout: 20_000, interval: 5 }

test('a watch is added for each Secret that who opted in is judged by', async () => {
  for (const name of ['db', 'mail', 'idle']) server.granted.add(name)
  deploy('web', ['db'])
  await watched('db')
  deploy('mailer', ['db', 'mail'])
  deploy('bystander', ['idle'], false)
  await watched('db', 'mail')
  // Those that two share are asked for once.
  expect(server.asked.sort()).toEqual(['shop/db', 'shop/mail'])
})

test('a watch that nobody needs any more is dropped, and its Secret forgotten', async () => {
  for (const name of ['db', 'mail']) {
    server.granted.add(name)
    server.secrets.add(name)
  }
  deploy('web', ['db'])
  deploy('mailer', ['db', 'mail'])
  await watched('db', 'mail')
  await vi.waitFor(() => expect(store.sources.sizes.secrets).toBe(2), WAIT)
  store.removeWorkload('uid-mailer')
  watches.look()
  await watched('db')
  expect(store.sources.sizes.secrets).toBe(1)
  expect(state('mail')).toMatch(/^Awaited/)
  deploy('web', ['db'], false)
  await watched()
  expect(store.sources.sizes.secrets).toBe(0)
})

test('a Secret that may not be watched holds those who need it, and nobody else', async () => {
  server.granted.add('db')
  server.secrets.add('db')
  deploy('web', ['db'])
  deploy('mailer', ['mail'])
  deploy('both', ['db', 'mail'])
  await isIn('db', 'known')
  await isIn(
    'mail',
    'Unreadable: Sluice may not watch Secret mail: a Role of namespace shop must grant apiGroups [""], resources [secrets], resourceNames [mail], verbs [watch]',
  )
  const { workloads } = plan(
    store.snapshot(() => nothingPending),
    policy,
    0,
  )
  const held = workloads.map(({ workload, hold }) => [workload.name, hold?.reason])
  expect(Object.fromEntries(held)).toEqual({
    web: undefined,
    mailer: 'SourceUnreadable',
    both: 'SourceUnreadable',
  })
  // What is known not to be had is nothing to wait for.
  expect(watches.synced).toEqual({ ok: true, reasons: [] })
  expect(watches.active.ok).toBe(true)
})

test('a Secret is known as soon as the right to it is granted', async () => {
  server.secrets.add('mail')
  deploy('mailer', ['mail'])
  await vi.waitFor(() => expect(state('mail')).toMatch(/^Unreadable/), WAIT)
  server.granted.add('mail')
  watches.relist()
  await isIn('mail', 'known')
})

test('a Secret that does not exist is missing, not awaited', async () => {
  server.granted.add('db')
  deploy('web', ['db'])
  await isIn('db', 'missing')
})

test('when all is asked for anew each Secret is awaited until it has been delivered once more', async () => {
  for (const name of ['db', 'mail']) {
    server.granted.add(name)
    server.secrets.add(name)
  }
  deploy('web', ['db', 'mail'])
  await isIn('db', 'known')
  await isIn('mail', 'known')
  server.granted.delete('mail')
  watches.relist()
  for (const name of ['db', 'mail']) expect(state(name)).toMatch(/^Awaited/)
  expect(watches.synced).toEqual({
    ok: false,
    reasons: ['not synced yet: 2 of 2 watches of secrets'],
  })
  await isIn('db', 'known')
  await vi.waitFor(() => expect(state('mail')).toMatch(/^Unreadable/), WAIT)
})

test('more watches than may be asked for at a time come one after another, all of them', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `secret-${String(i).padStart(3, '0')}`)
  for (const name of names) server.granted.add(name)
  deploy('web', names)
  await watched(...names)
  expect(server.mostAwaited).toBe(32)
})
