import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consumerName,
  readConsumer,
  STRATEGIES,
  writeStatus,
  type ConsumerStatus,
} from '../../src/records/consumer.ts'
import { STATES } from '../../src/model/state.ts'
import type { RecordedSource } from '../../src/sources/recorded.ts'
import type { Entry, Timeline } from '../../src/sources/timeline.ts'

const raw = (status: unknown, ownerReferences?: readonly { kind: string; uid: string }[]) =>
  readConsumer({
    metadata: {
      namespace: 'shop',
      name: 'deployment-web',
      uid: 'c1',
      resourceVersion: '7',
      ...(ownerReferences && {
        ownerReferences: ownerReferences.map((owner) => ({ ...owner, name: 'web' })),
      }),
    },
    ...(status !== undefined && { status }),
  })

const hex = fc.uuid().map((uuid) => uuid.replaceAll('-', ''))
const digest = fc.oneof(
  hex,
  fc.tuple(hex, fc.integer({ min: 1, max: 999 })).map(([text, empty]) => `${text}-${empty}`),
  fc.constantFrom('absent', 'lost'),
)
const time = fc.integer({ min: 0, max: 4_102_444_800_000 })
const timeline = fc
  .tuple(
    fc.record({ digest, since: fc.oneof(time, fc.constant(-Infinity)) }),
    fc.array(fc.record({ digest, since: time, notBefore: fc.option(time, { nil: undefined }) }), {
      maxLength: 4,
    }),
  )
  .map(([first, rest]): Timeline => {
    const since = [first.since, ...rest.map((each) => each.since)].sort((a, b) => a - b)
    const entries = rest.map(({ digest: text, notBefore }, index): Entry => ({
      digest: text,
      since: since[index + 1] ?? 0,
      ...(notBefore !== undefined && { notBefore, version: '7', missing: true }),
    }))
    return [{ digest: first.digest, since: since[0] ?? 0, created: true }, ...entries]
  })
const key = fc.constantFrom('*', 'password', 'user', 'ca.crt')
const recorded: fc.Arbitrary<RecordedSource> = fc.record({
  uid: fc.oneof(fc.uuid(), fc.constant('')),
  resourceVersion: fc.nat().map(String),
  writtenAt: fc.oneof(time, fc.constant(-Infinity)),
  seenAt: fc.oneof(time, fc.constant(-Infinity)),
  timelines: fc.array(fc.tuple(key, timeline)).map((entries) => new Map(entries)),
})
const restart = fc.record({
  id: fc.string({ minLength: 1 }),
  strategy: fc.constantFrom(...STRATEGIES),
  startedAt: time,
})
const statuses: fc.Arbitrary<ConsumerStatus> = fc.record({
  ledger: fc.record({
    keyFingerprint: hex,
    sources: fc
      .array(
        fc.tuple(
          fc.constantFrom('secret/db' as const, 'secret/mail' as const, 'configmap/db' as const),
          recorded,
        ),
      )
      .map((entries) => new Map(entries)),
    restart: fc.option(restart, { nil: undefined }),
    lastRestart: fc.option(fc.record({ id: fc.string(), finishedAt: time }), { nil: undefined }),
  }),
  report: fc.record({
    state: fc.constantFrom(...STATES),
    reason: fc.string(),
    message: fc.string(),
    stalePods: fc.nat(),
    unknownPods: fc.nat(),
    unprovenPods: fc.nat(),
    pendingPods: fc.nat(),
  }),
  since: time,
})

/** Through JSON, as the API server gives it back. */
const wire = (status: ConsumerStatus): unknown => JSON.parse(JSON.stringify(writeStatus(status)))

describe('the status of a Consumer', () => {
  test('reads back as it was written', () => {
    fc.assert(
      fc.property(statuses, (status) => {
        const { status: back, fault } = raw(wire(status))
        expect(fault).toBeUndefined()
        expect(back).toEqual(status)
      }),
    )
  })

  test('is written in one order, whatever the order in memory', () => {
    fc.assert(
      fc.property(statuses, (status) => {
        const { ledger } = status
        const reversed = new Map([...ledger.sources].reverse())
        const other = { ...status, ledger: { ...ledger, sources: reversed } }
        expect(JSON.stringify(writeStatus(other))).toBe(JSON.stringify(writeStatus(status)))
      }),
    )
  })

  test('of a newer version is read, its unknown fields passed over', () => {
    fc.assert(
      fc.property(statuses, (status) => {
        const known = wire(status) as Record<string, unknown>
        const sources = known.sources as readonly Record<string, unknown>[]
        const newer = {
          ...known,
          halts: [{ id: 'x' }],
          sources: sources.map((each) => ({ ...each, group: 'db' })),
        }
        expect(raw(newer)).toEqual(raw(known))
      }),
      { numRuns: 30 },
    )
  })

  test('is absent on a Consumer that was only just created', () => {
    expect(raw(undefined)).toMatchObject({ status: undefined, fault: undefined })
  })
})

const good = {
  state: 'Fresh',
  since: '2026-03-01T12:00:00.000Z',
  keyFingerprint: '0123456789abcdef0123456789abcdef',
  sources: [
    {
      kind: 'Secret',
      name: 'db',
      uid: 'u',
      resourceVersion: '5',
      writtenAt: '2026-03-01T12:00:00Z',
      contents: [{ key: 'password', timeline: [{ digest: 'absent' }] }],
    },
  ],
  restart: { id: 'x', strategy: 'evict', startedAt: '2026-03-01T12:00:00Z' },
  lastRestart: { id: 'x', finishedAt: '2026-03-01T12:00:00+02:00' },
}

/** The status with one value replaced, by its path. */
function withValue(path: string, value: unknown): unknown {
  const [head = '', ...rest] = path.split('.')
  const set = (target: unknown, [name, ...more]: readonly string[]): unknown => {
    if (name === undefined) return value
    const copy = Array.isArray(target)
      ? (target as unknown[]).slice()
      : { ...(target as Record<string, unknown>) }
    const slot = copy as Record<string, unknown>
    slot[name] = set(slot[name], more)
    return copy
  }
  return set(good, [head, ...rest])
}

describe('a malformed status', () => {
  test('is not this one', () => {
    expect(raw(good).fault).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['state', 'Happy'],
    ['state', undefined],
    ['reason', 7],
    ['message', null],
    ['since', undefined],
    ['since', 'yesterday'],
    ['since', '2026-03-01'],
    ['stalePods', -1],
    ['unknownPods', 1.5],
    ['unprovenPods', '3'],
    ['keyFingerprint', ''],
    ['keyFingerprint', 'XYZ'],
    ['sources', 'db'],
    ['sources.0', null],
    ['sources.0.kind', 'Service'],
    ['sources.0.name', undefined],
    ['sources.0.uid', 5],
    ['sources.0.resourceVersion', '5a'],
    ['sources.0.writtenAt', 'x'],
    ['sources.0.contents', undefined],
    ['sources.0.contents.0', 'password'],
    ['sources.0.contents.0.key', 1],
    ['sources.0.contents.0.timeline', []],
    ['sources.0.contents.0.timeline.0.digest', 'hunter2'],
    ['sources.0.contents.0.timeline.0.digest', 'ABCDEF'],
    ['sources.0.contents.0.timeline.0.since', 5],
    ['sources.0.contents.0.timeline.0.missing', 'no'],
    ['restart', 'now'],
    ['restart.id', undefined],
    ['restart.strategy', 'delete'],
    ['restart.startedAt', undefined],
    ['lastRestart', []],
    ['lastRestart.finishedAt', ''],
  ])('names the field: %s = %j', (path, value) => {
    const { status, fault } = raw(withValue(path, value))
    expect(status).toBeUndefined()
    expect(fault).toMatch(new RegExp(`(^|; )status\\.${path.replaceAll('.', '\\.')}`))
  })

  test('with times that go backwards says so', () => {
    const timeline = [
      { digest: 'absent', since: '2026-03-01T12:00:01Z' },
      { digest: 'lost', since: '2026-03-01T12:00:00Z' },
    ]
    const { fault } = raw(withValue('sources.0.contents.0.timeline', timeline))
    expect(fault).toBe(
      'status.sources.0.contents.0.timeline: expected times that do not go backwards, found 2026-03-01T12:00:00.000Z after 2026-03-01T12:00:01.000Z',
    )
  })

  test('with only one of its times missing is malformed, since a gap has no place in an order', () => {
    const timeline = [{ digest: 'absent', since: '2026-03-01T12:00:01Z' }, { digest: 'lost' }]
    expect(raw(withValue('sources.0.contents.0.timeline', timeline)).fault).toContain('backwards')
  })

  test('never throws and never repeats what it found, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (status) => {
        const { status: read, fault } = raw(status)
        expect(read === undefined).toBe(fault !== undefined)
      }),
    )
    expect(raw(withValue('keyFingerprint', 'hunter2')).fault).not.toContain('hunter2')
  })
})

describe('the owner of a Consumer', () => {
  test('is its Deployment, by UID', () => {
    const owners = [
      { kind: 'ReplicaSet', uid: 'r' },
      { kind: 'Deployment', uid: 'd' },
    ]
    expect(raw(good, owners).ownerUid).toBe('d')
  })

  test('is nobody where there is no such reference', () => {
    expect(raw(good).ownerUid).toBeUndefined()
    expect(raw(good, [{ kind: 'StatefulSet', uid: 's' }]).ownerUid).toBeUndefined()
  })
})

test('a Consumer is named for its Deployment, within the length of a name', () => {
  expect(consumerName({ kind: 'Deployment', name: 'web' })).toBe('deployment-web')
  expect(consumerName({ kind: 'StatefulSet', name: 'x'.repeat(253) })).toHaveLength(253)
})
