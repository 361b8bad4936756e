// The contract of the list+watch loop, as test/kube/list-watch.test.ts states it, on a real API server.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createClient, type CallReport } from '../../src/kube/client.ts'
import { loadCredentials } from '../../src/kube/credentials.ts'
import { ListWatch, type ListWatchOptions, type RawObject } from '../../src/kube/list-watch.ts'
import { ServerClock } from '../../src/kube/server-clock.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { deployment, namespace, secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { openGate, type Gate } from './gate.ts'

let cluster: TestCluster
let gate: Gate

const now = () => performance.timeOrigin + performance.now()
const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

/** The kubeconfig of `path`, with the gate in the way. */
function throughGate(path: string): string {
  const text = readFileSync(path, 'utf8')
  const through = join(cluster.dir, 'gate.kubeconfig')
  writeFileSync(through, text.replaceAll(cluster.server, gate.server))
  return through
}

/** A loop on what `target` says, with everything that reaches its sink and the wire. */
async function follow(
  target: ListWatchOptions['target'],
  options: Partial<ListWatchOptions> & { readonly kubeconfig?: string } = {},
) {
  const path = throughGate(options.kubeconfig ?? cluster.kubeconfig)
  const reports: CallReport[] = []
  const onCall = (report: CallReport) => reports.push(report)
  const client = createClient(await loadCredentials(now, path), { now, onCall })
  const objects = new Map<string, RawObject>()
  const seen: string[] = []
  const loop = new ListWatch({
    client,
    target,
    sink: {
      apply(object) {
        objects.set(object.metadata.name, object)
        seen.push(`apply ${object.metadata.name}`)
      },
      remove({ name }) {
        objects.delete(name)
        seen.push(`remove ${name}`)
      },
      synced: () => seen.push('synced'),
    },
    now,
    sleep,
    random: Math.random,
    onMalformed: ({ name }, error) => seen.push(`malformed ${name}: ${String(error)}`),
    onError: () => {},
    ...options,
  })
  const end = new AbortController()
  const running = loop.run(end.signal)
  onTestFinished(async () => {
    end.abort()
    await running
    await client.close()
  })
  const until = (what: string, holds: () => boolean) =>
    waitUntil(what, () =>
      Promise.resolve(
        holds()
          ? { value: true }
          : { instead: `${seen.slice(-5).join(', ')}; ${loop.sight.lastError?.message ?? ''}` },
      ),
    )
  /** How often the whole was asked for. */
  const lists = () =>
    reports.filter(
      ({ call: { verb, query }, status }) =>
        status === 200 && (verb === 'list' ? !query?.['continue'] : query?.['sendInitialEvents']),
    ).length
  return { loop, client, reports, objects, seen, until, lists }
}

function secretsOf(name: string): ListWatchOptions['target'] {
  return { group: '', version: 'v1', resource: 'secrets', namespace: name }
}

async function freshNamespace(name: string, ...objects: KubernetesObject[]): Promise<string> {
  await cluster.apply(namespace({ name }), ...objects)
  return name
}

describe.each([
  { how: 'as a stream', featureGates: { WatchList: true } },
  { how: 'in pages', featureGates: { WatchList: false } },
])('with lists that come $how', ({ how, featureGates }) => {
  beforeAll(async () => {
    cluster = await startCluster({ audit: false, featureGates })
    gate = await openGate(cluster.server)
  })
  afterAll(async () => {
    await gate.close()
    await cluster.stop()
  })

  test('2,000 objects are all there, and then their changes', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) =>
      secret({ name: `s-${index}`, namespace: 'many', data: { password: 'old' } }),
    )
    await freshNamespace('many', ...many)
    const { objects, seen, until, reports } = await follow(secretsOf('many'))
    await until('the first picture', () => seen.includes('synced'))
    expect(objects.size).toBe(2_000)
    const [first] = reports
    expect(first?.call.verb).toBe('watch')
    expect(first?.status).toBe(how === 'as a stream' ? 200 : 422)

    const before = seen.length
    await cluster.apply(secret({ name: 's-7', namespace: 'many', data: { password: 'new' } }))
    await cluster.kubectl(['delete', 'secret', 's-8', '--namespace=many'])
    await cluster.apply(secret({ name: 'made', namespace: 'many' }))
    await until('three changes', () => seen.length === before + 3)
    expect(seen.slice(before)).toEqual(['apply s-7', 'remove s-8', 'apply made'])
  })

  test('a cut is bridged without a list', async () => {
    const kept = secret({ name: 'kept', namespace: 'cut' })
    await freshNamespace('cut', kept, secret({ name: 'gone', namespace: 'cut' }))
    const { seen, until, lists, loop } = await follow(secretsOf('cut'))
    await until('the first picture', () => seen.includes('synced'))
    gate.cut()
    await until('the cut to be noticed', () => loop.sight.lastError !== undefined)
    await cluster.kubectl(['delete', 'secret', 'gone', '--namespace=cut'])
    await cluster.apply(secret({ name: 'made', namespace: 'cut' }))
    const before = seen.length
    gate.mend()
    await until('what happened meanwhile', () => seen.length === before + 2)
    expect(seen.slice(before)).toEqual(['remove gone', 'apply made'])
    expect(lists()).toBe(1)
    expect(loop.sight.lastError).toBeUndefined()
  })

  test('what was deleted or made anew during a cut is found by a new list, if the version is gone', async () => {
    const first = ['gone', 'anew'].map((name) => secret({ name, namespace: 'gone' }))
    await freshNamespace('gone', ...first)
    const { seen, until, lists, loop } = await follow(secretsOf('gone'))
    await until('the first picture', () => seen.includes('synced'))
    gate.cut()
    await until('the cut to be noticed', () => loop.sight.lastError !== undefined)
    await cluster.kubectl(['delete', 'secret', 'gone', 'anew', '--namespace=gone'])
    await cluster.apply(secret({ name: 'anew', namespace: 'gone' }))
    // A new server knows nothing of what was before its own start.
    await cluster.restartApiServer()
    const before = seen.length
    gate.mend()
    await until('a new list', () => seen.slice(before).includes('synced'))
    const news = seen.slice(before)
    expect(news.toSorted()).toEqual(['apply anew', 'remove anew', 'remove gone', 'synced'])
    expect(news.indexOf('remove anew')).toBeLessThan(news.indexOf('apply anew'))
    expect(news.at(-1)).toBe('synced')
    expect(lists()).toBe(2)
  })

  test('metadata alone comes of ReplicaSets where no more is asked for', async () => {
    await freshNamespace('meta', deployment({ name: 'web', namespace: 'meta' }))
    const { objects, until } = await follow(
      { group: 'apps', version: 'v1', resource: 'replicasets', namespace: 'meta' },
      { metadataOnly: true },
    )
    await until('a ReplicaSet', () => objects.size === 1)
    const [replicaSet] = objects.values()
    expect(replicaSet).not.toHaveProperty('spec')
    expect(replicaSet).toHaveProperty('metadata.ownerReferences')
  })

  test('a Secret of nearly a MiB comes whole, whatever the bytes', async () => {
    await freshNamespace('large')
    const { objects, until, seen } = await follow(secretsOf('large'))
    await until('the first picture', () => seen.includes('synced'))
    const annotations = { note: 'größe 🗝 '.repeat(5_000) }
    const large = 'x'.repeat(700_000)
    const object = secret({ name: 'large', namespace: 'large', data: { large }, annotations })
    await cluster.apply(object)
    await until('the Secret', () => objects.has('large'))
    const { metadata, data } = objects.get('large') as typeof object & RawObject
    expect(data).toEqual(object.data)
    expect(metadata.annotations).toEqual(annotations)
  })

  test('what is forbidden is shown, and begins as soon as it is allowed', async () => {
    await freshNamespace('rights', secret({ name: 'db', namespace: 'rights' }))
    await cluster.kubectl(['create', 'serviceaccount', 'reader', '--namespace=rights'])
    const kubeconfig = await cluster.kubeconfigFor('rights', 'reader')
    const { loop, until, objects } = await follow(secretsOf('rights'), { kubeconfig })
    await until('a refusal', () => loop.sight.lastError?.status === 403)
    expect(loop.sight.lastError?.message).toBe('watch secrets rights: 403 Forbidden')
    expect(loop.synced).toBe(false)
    await cluster.apply(
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'reader', namespace: 'rights' },
        rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }],
      } as KubernetesObject,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'reader', namespace: 'rights' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'rights' }],
      } as KubernetesObject,
    )
    await until('the Secret', () => objects.has('db'))
    expect(loop.sight.lastError).toBeUndefined()
  })
})

describe('the wire', () => {
  beforeAll(async () => {
    cluster = await startCluster({ audit: false })
    gate = await openGate(cluster.server)
  })
  afterAll(async () => {
    await gate.close()
    await cluster.stop()
  })

  test('watches and many parallel calls share few connections', async () => {
    const { client, until, loop } = await follow(secretsOf('default'))
    await until('the first picture', () => loop.synced)
    await Promise.all(Array.from({ length: 300 }, () => client.serverVersion()))
    expect(gate.connections).toBeLessThan(10)
  })

  test('a connection that is silently dead is noticed by a request, and all watches on it go on', async () => {
    await freshNamespace('dead')
    const { client, until, seen, loop } = await follow(secretsOf('dead'))
    await until('the first picture', () => loop.synced)
    gate.freeze()
    await cluster.apply(secret({ name: 'made', namespace: 'dead' }))
    const call = { verb: 'list', ...secretsOf('dead'), timeout: 1_000 } as const
    await expect(client.request(call)).rejects.toMatchObject({ status: 0 })
    await until('the change of meanwhile', () => seen.includes('apply made'))
    expect(await client.request({ ...call, timeout: 10_000 })).toHaveProperty('items')
  })

  test('a watch that falls silent on an open connection is opened anew by itself, with nothing lost', async () => {
    await freshNamespace('silent')
    const { loop, reports, until, seen } = await follow(secretsOf('silent'), { silence: 3_000 })
    await until('the first picture', () => loop.synced)
    gate.freeze()
    const before = reports.length
    await cluster.apply(secret({ name: 'made', namespace: 'silent' }))
    await until('the change of meanwhile', () => seen.includes('apply made'))
    expect(loop.sight.restarts).toBeGreaterThan(0)
    // No other request helped to find the connection dead.
    expect(new Set(reports.slice(before).map(({ call: { verb } }) => verb))).toEqual(
      new Set(['watch']),
    )
    await until('sight again', () => loop.sight.blindSince === undefined)
  })

  test('the clock of the server is known after some answers', async () => {
    const clock = new ServerClock(now)
    const { client, reports } = await follow(secretsOf('default'))
    await client.serverVersion()
    for (const report of reports) clock.observeDate(report)
    // Server and test share a machine, and its clock.
    expect(clock.now()).toBeLessThanOrEqual(Date.now() + 5)
    expect(clock.now() + clock.uncertainty).toBeGreaterThanOrEqual(Date.now() - 5)
  })
})
