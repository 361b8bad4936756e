// The schema of the Consumer against the code that writes and reads it: what one refuses, the other must refuse too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  readConsumer,
  writeStatus,
  type ConsumerStatus,
  type RawConsumer,
} from '../../src/records/consumer.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', `--filename=${INSTALL_FILE}`])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/consumers.sluice.dev'])
  await cluster.kubectl(['create', '--filename=-'], { input: consumer() })
})
afterAll(async () => {
  await cluster.stop()
})

/** A Consumer on the wire. */
function consumer(status?: object): string {
  return JSON.stringify({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Consumer',
    metadata: { name: 'deployment-web', namespace: 'default' },
    ...(status && { status }),
  })
}

/** Writes the status as Sluice does, and reads what the API server kept of it. */
async function write(status: object): Promise<RawConsumer> {
  const args = ['replace', '--subresource=status', '--filename=-', '--output=json']
  const answer = await cluster.kubectl([...args, '--validate=strict'], { input: consumer(status) })
  return JSON.parse(answer) as RawConsumer
}

// One moment for all: a status is made more than once, and must come out equal.
const START = Math.floor(Date.now() / 1000) * 1000
const minutesAgo = (minutes: number): number => START - minutes * 60_000

/** A status with something in every field. */
function fullStatus(): ConsumerStatus {
  const old = { digest: '0123456789abcdef0123456789abcdef-1', since: -Infinity }
  const lost = { digest: 'lost', since: minutesAgo(170), notBefore: minutesAgo(175), version: '12' }
  const today = { digest: 'fedcba9876543210fedcba9876543210', since: minutesAgo(160) }
  return {
    ledger: {
      keyFingerprint: '00112233445566778899aabbccddeeff',
      sources: new Map([
        [
          'secret/db',
          {
            uid: '5f0b0b5c-9c0e-4a58-9d7a-6a3b1f2c4d5e',
            resourceVersion: '18446744073709551616',
            writtenAt: minutesAgo(160),
            seenAt: minutesAgo(150),
            timelines: new Map([
              ['*', [old, lost, today] as const],
              ['tls.crt', [{ ...today, created: true }] as const],
            ]),
          },
        ],
        [
          'secret/not-there.yet',
          {
            uid: '',
            resourceVersion: '',
            writtenAt: -Infinity,
            seenAt: -Infinity,
            timelines: new Map([['key', [{ digest: 'absent', since: minutesAgo(1) }] as const]]),
          },
        ],
      ]),
      restart: { id: 'mhe8w3k0', strategy: 'evict', startedAt: minutesAgo(151) },
      lastRestart: { id: 'mhe8w3jz', finishedAt: minutesAgo(1000) },
      replicaSets: ['0f5b0b5c-9c0e-4a58-9d7a-6a3b1f2c4d5e'],
    },
    report: {
      state: 'Held',
      reason: 'PodDisruptionBudget',
      message: '“web” allows no pod to be away',
      stalePods: 3,
      unknownPods: 2,
      unprovenPods: 1,
      pendingPods: 0,
    },
    since: minutesAgo(150) - 20_000,
  }
}

/** A status as on the wire, loose enough to be spoilt. */
interface Wire extends Record<string, unknown> {
  sources: [
    { contents: [{ timeline: Record<string, unknown>[] } & Record<string, unknown>] } & Record<
      string,
      unknown
    >,
    ...object[],
  ]
  restart: Record<string, unknown>
  lastRestart: Record<string, unknown>
}

function spoilt(spoil: (status: Wire) => void): Wire {
  const wire = writeStatus(fullStatus()) as Wire
  spoil(wire)
  return wire
}

describe('the API server', () => {
  test('keeps every field of a status', async () => {
    const answer = await write(writeStatus(fullStatus()))
    expect(answer.status).toEqual(writeStatus(fullStatus()))
    expect(readConsumer(answer)).toMatchObject({ status: fullStatus(), fault: undefined })
  })

  test('keeps the least that a status can be', async () => {
    const status: ConsumerStatus = {
      ledger: {
        keyFingerprint: '00112233445566778899aabbccddeeff',
        sources: new Map(),
        restart: undefined,
        lastRestart: undefined,
      },
      report: {
        state: 'Fresh',
        reason: '',
        message: '',
        stalePods: 0,
        unknownPods: 0,
        unprovenPods: 0,
        pendingPods: 0,
      },
      since: minutesAgo(0),
    }
    const answer = await write(writeStatus(status))
    expect(answer.status).toEqual(writeStatus(status))
    expect(readConsumer(answer)).toMatchObject({ status, fault: undefined })
  })

  test.each<[string, (status: Wire) => void]>([
    ['no state', (status) => delete status['state']],
    ['an unknown state', (status) => (status['state'] = 'Foo')],
    ['fewer than no stale pods', (status) => (status['stalePods'] = -1)],
    ['half a pod', (status) => (status['unknownPods'] = 0.5)],
    ['a number in words', (status) => (status['unprovenPods'] = 'one')],
    ['a time that is none', (status) => (status['since'] = 'yesterday')],
    ['no fingerprint', (status) => delete status['keyFingerprint']],
    ['a foreign fingerprint', (status) => (status['keyFingerprint'] = 'sha256:0123456789abcdef')],
    ['a source of another kind', ({ sources: [source] }) => (source['kind'] = 'Service')],
    ['a source without a UID', ({ sources: [source] }) => delete source['uid']],
    ['a version in words', ({ sources: [source] }) => (source['resourceVersion'] = 'latest')],
    ['a write at no time', ({ sources: [source] }) => (source['writtenAt'] = '25:00')],
    ['a content without a key', ({ sources: [source] }) => delete source.contents[0]['key']],
    ['an empty timeline', ({ sources: [source] }) => (source.contents[0].timeline = [])],
    [
      'a value in place of its digest',
      ({ sources: [source] }) => (source.contents[0].timeline = [{ digest: 'hunter2' }]),
    ],
    ['a restart without an id', ({ restart }) => delete restart['id']],
    ['a restart by other means', ({ restart }) => (restart['strategy'] = 'delete')],
    ['a restart that ended at no time', ({ lastRestart }) => (lastRestart['finishedAt'] = '')],
  ])('refuses %s, and so does Sluice', async (_, spoil) => {
    const status = spoilt(spoil)
    const metadata = { namespace: 'default', name: 'web', uid: '1', resourceVersion: '1' }
    expect(readConsumer({ metadata, status }).fault).toMatch(/^status\./)
    await expect(write(status)).rejects.toThrow('The Consumer "deployment-web" is invalid')
  })

  test.each<[string, (status: Wire) => void]>([
    ['two records of one source', ({ sources }) => sources.push(sources[0])],
    ['a reason of many words', (status) => (status['reason'] = 'Out of Order')],
    ['a message of any length', (status) => (status['message'] = 'x'.repeat(32_769))],
    ['an id that no annotation should hold', ({ restart }) => (restart['id'] = '\n')],
    ['a key that no Secret can have', ({ sources: [source] }) => (source.contents[0]['key'] = '/')],
  ])('refuses %s', async (_, spoil) => {
    await expect(write(spoilt(spoil))).rejects.toThrow('The Consumer "deployment-web" is invalid')
  })

  test('refuses a spec: a Consumer is a record, not a wish', async () => {
    const input = JSON.stringify({ ...(JSON.parse(consumer()) as object), spec: {} })
    await expect(
      cluster.kubectl(['replace', '--filename=-', '--validate=strict'], { input }),
    ).rejects.toThrow('unknown field "spec"')
  })
})

describe('kubectl get consumers', () => {
  const print = async (...flags: string[]): Promise<string> => {
    await write(writeStatus(fullStatus()))
    const table = await cluster.kubectl(['get', 'consumers', '--namespace=default', ...flags])
    return `\n${table.replaceAll(/ +$/gm, '')}`
  }

  test('prints what a person sees first', async () => {
    expect(await print()).toBe(`
NAME             STATE   STALE   REASON                SINCE
deployment-web   Held    3       PodDisruptionBudget   150m
`)
  })

  test('prints more where it is asked to', async () => {
    const table = await print('--output=wide')
    expect(table.replace(/\d+s\n$/, '9s\n')).toBe(`
NAME             STATE   STALE   REASON                SINCE   UNKNOWN   UNPROVEN   MESSAGE                          AGE
deployment-web   Held    3       PodDisruptionBudget   150m    2         1          “web” allows no pod to be away   9s
`)
  })
})
