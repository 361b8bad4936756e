import { SECRET } from '../../src/sources/kinds/secret.ts'
import { describe, expect, test } from 'vitest'
import { createDigester } from '../../src/sources/digest.ts'
import {
  MOST_KEYS,
  rekey,
  timelineOf,
  timelinesOf,
  type RecordedSource,
} from '../../src/sources/recorded.ts'
import { missingSource, readSource, type SourceRecord } from '../../src/sources/source.ts'
import type { Entry, Timeline } from '../../src/sources/timeline.ts'
import { apiTime, at, base64, digester, source, type Written } from '../plan/cluster-builder.ts'

const ref = { kind: 'Secret', namespace: 'shop', name: 'db' } as const

function digestOf(password: string, by = digester): string {
  const { keys } = by.digest(ref, base64({ password }))
  return keys.get('password') ?? 'absent'
}

const [A, B, C] = ['a', 'b', 'c'].map((password) => digestOf(password)) as [string, string, string]

const write = (second: number, password: string, more: Partial<Written> = {}): Written => ({
  at: at(second - 0.5),
  data: { password },
  ...more,
})

/** What was recorded when `known` was all that Sluice had seen. */
function recordOf(known: SourceRecord, ...entries: [Entry, ...Entry[]]): RecordedSource {
  const { uid, resourceVersion, writtenAt, seenAt } = known
  return { uid, resourceVersion, writtenAt, seenAt, timelines: new Map([['password', entries]]) }
}

/** A process that was started later finds the Secret so, written by nobody else since. */
function found(
  data: Readonly<Record<string, string>>,
  { written, seen, version = '200' }: { written: number; seen: number; version?: string },
): SourceRecord {
  const metadata = {
    ...ref,
    uid: 'uid-of-db',
    resourceVersion: version,
    creationTimestamp: apiTime(at(-1)),
    managedFields: [{ time: apiTime(at(written - 0.5)), fieldsV1: { 'f:data': {} } }],
  }
  return readSource(SECRET, { metadata, data: base64(data) }, undefined, digester, at(seen))
}

const appliedA: Entry = { digest: A, since: -Infinity }

/** Digests by letter, and the second since when they are current. */
function told(timeline: Timeline | undefined): string | undefined {
  const letters = new Map([
    [A, 'A'],
    [B, 'B'],
    [C, 'C'],
  ])
  return timeline
    ?.map(({ digest, since, notBefore }) => {
      const second = since === -Infinity ? '' : ` since ${(since - at(0)) / 1000}`
      const before = notBefore === undefined ? '' : ` or since ${(notBefore - at(0)) / 1000}`
      return `${letters.get(digest) ?? digest}${second}${before}`
    })
    .join(', ')
}

const first = source('db', write(0, 'a'))
const known = recordOf(first, appliedA)
const gone: Written = { at: at(59.5), data: null }

describe('a timeline of a key', () => {
  test('without a record begins with what was first seen', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'))
    expect(told(timelineOf(undefined, now, 'password'))).toBe('A since 0, B since 60')
    expect(told(timelineOf(undefined, first, 'password'))).toBe('A since 0')
  })

  test('of a key that was not recorded begins with what was first seen', () => {
    expect(told(timelineOf({ ...known, timelines: new Map() }, first, 'password'))).toBe(
      'A since 0',
    )
  })

  test('stays as it was recorded while nothing changes', () => {
    const now = source('db', write(0, 'a'), write(60, 'a'))
    expect(timelineOf(known, now, 'password')).toEqual([appliedA])
  })

  test('goes on with every change since the record', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'), write(90, 'c'))
    expect(told(timelineOf(known, now, 'password'))).toBe('A, B since 60, C since 90')
  })

  test('tells A → B → A in full', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'), write(90, 'a'))
    expect(told(timelineOf(known, now, 'password'))).toBe('A, B since 60, A since 90')
  })

  test('passes over changes of other keys', () => {
    const now = source('db', write(0, 'a'), {
      at: at(59.5),
      data: { password: 'a', user: 'x' },
    })
    expect(timelineOf(known, now, 'password')).toEqual([appliedA])
    expect(timelineOf(undefined, now, 'user')).toMatchObject([
      { digest: 'absent' },
      { since: at(60) },
    ])
  })

  test('does not tell again what is recorded', () => {
    const both = source('db', write(0, 'a'), write(60, 'b'))
    const record = recordOf(both, appliedA, { digest: B, since: at(60) })
    expect(told(timelineOf(record, both, 'password'))).toBe('A, B since 60')
  })

  test('ends with today’s content whatever the versions say: an etcd that was restored goes back in them', () => {
    const restored = found({ password: 'b' }, { written: -60, seen: 500, version: '7' })
    expect(told(timelineOf(known, restored, 'password'))).toBe('A, B since 501 or since -0.5')
  })

  test('has an absence, and goes on when the source is back', () => {
    const deleted = source('db', write(0, 'a'), gone)
    expect(told(timelineOf(known, deleted, 'password'))).toBe('A, absent since 60')
    expect(timelineOf(known, deleted, 'password')?.[1]?.missing).toBe(true)
    const other = source('db', write(0, 'a'), gone, write(90, 'b', { uid: 'u2' }))
    expect(told(timelineOf(known, other, 'password'))).toBe('A, absent since 60, B since 90')
  })

  test('tells a key that is missing by itself from one whose source is missing', () => {
    const back = source('db', write(0, 'a'), gone, { at: at(90), data: { user: 'x' }, uid: 'u2' })
    const absent = { digest: 'absent', since: at(60) }
    expect(timelineOf(known, back, 'password')).toEqual([appliedA, absent])
    const afterwards = recordOf(source('db', write(0, 'a'), gone), appliedA, {
      ...absent,
      missing: true,
    })
    expect(timelineOf(afterwards, back, 'password')).toEqual([appliedA, absent])
    const again = found({ user: 'x' }, { written: 90, seen: 120 })
    expect(timelineOf(afterwards, again, 'password')).toEqual([appliedA, absent])
  })

  test('goes on after a source that was recorded as absent', () => {
    const deleted = source('db', write(0, 'a'), gone)
    const record = recordOf(deleted, appliedA, { digest: 'absent', since: at(60) })
    const back = source('db', write(0, 'a'), gone, write(90, 'b', { uid: 'u2' }))
    expect(told(timelineOf(record, back, 'password'))).toBe('A, absent since 60, B since 90')
  })

  test('of a source that cannot be read stays as it was recorded', () => {
    const unread = { ...missingSource(ref, undefined, at(0)), content: undefined, first: undefined }
    expect(timelineOf(known, unread, 'password')).toEqual([appliedA])
    expect(timelineOf(undefined, unread, 'password')).toBeUndefined()
  })
})

describe('after a restart of Sluice', () => {
  test('what it finds came after the record was known to be right, and by its date', () => {
    const later = found({ password: 'b' }, { written: 60, seen: 500 })
    expect(told(timelineOf(known, later, 'password'))).toBe('A, B since 60 or since -0.5')
  })

  test('a change that left no newer time is dated by when it was seen', () => {
    const later = found({ password: 'b' }, { written: 0, seen: 500 })
    expect(told(timelineOf(known, later, 'password'))).toBe('A, B since 501 or since -0.5')
  })

  test('a key that was removed is dated by when that was seen, whatever else was written', () => {
    const later = found({ user: 'x' }, { written: 60, seen: 500 })
    expect(told(timelineOf(known, later, 'password'))).toBe('A, absent since 501 or since -0.5')
  })

  test('it never goes back before what was recorded', () => {
    const record = recordOf(first, appliedA, { digest: B, since: at(100) })
    const later = found({ password: 'c' }, { written: 60, seen: 500 })
    expect(told(timelineOf(record, later, 'password'))).toBe(
      'A, B since 100, C since 100 or since -0.5',
    )
  })
})

describe('a use of all keys', () => {
  const all = new Set(['*'])
  const many = (count: number, value = 'x') =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]))
  const recordAll = (now: SourceRecord, since = -Infinity): RecordedSource => ({
    ...now,
    timelines: new Map(
      [...timelinesOf(undefined, now, all)].map(([key, timeline]) => [
        key,
        [{ digest: timeline.at(-1)?.digest ?? '', since }],
      ]),
    ),
  })

  test('has a timeline for each key, and says of every other that it was not there', () => {
    const now = source('db', { at: at(0), data: { a: '1', b: '2' } })
    const timelines = timelinesOf(undefined, now, all)
    expect([...timelines.keys()].sort()).toEqual(['*', 'a', 'b'])
    expect(timelines.get('*')).toEqual([{ digest: 'absent', since: at(1) }])
  })

  test('knows of a key that is added after the record that it was not there', () => {
    const before = source('db', { at: at(0), data: { a: '1' } })
    const now = source(
      'db',
      { at: at(0), data: { a: '1' } },
      { at: at(60), data: { a: '1', b: '2' } },
    )
    const timelines = timelinesOf(recordAll(before), now, all)
    expect(timelines.get('b')).toMatchObject([
      { digest: 'absent', since: -Infinity },
      { since: at(61) },
    ])
    expect(timelines.get('a')).toHaveLength(1)
  })

  test('remembers a key that was removed, which may come back', () => {
    const now = source(
      'db',
      { at: at(0), data: { a: '1', b: '2' } },
      { at: at(60), data: { a: '1' } },
    )
    expect(timelinesOf(undefined, now, all).get('b')).toHaveLength(2)
  })

  test(`of more than ${MOST_KEYS} keys is one content`, () => {
    const now = source('db', { at: at(0), data: many(MOST_KEYS + 1) })
    expect([...timelinesOf(undefined, now, all).keys()]).toEqual(['*'])
    expect(timelinesOf(undefined, now, new Set(['*', 'k0'])).size).toBe(2)
  })

  test('that becomes too many is other content than before, once', () => {
    const before = source('db', { at: at(0), data: many(MOST_KEYS) })
    const now = source('db', { at: at(0), data: many(MOST_KEYS) }, { at: at(60), data: many(201) })
    const timelines = timelinesOf(recordAll(before), now, all)
    expect([...timelines.keys()]).toEqual(['*'])
    expect(timelines.get('*')).toMatchObject([{ digest: 'absent' }, { since: at(61) }])
  })

  test('that is few again is judged whole until every pod holds it, and by key from then on', () => {
    const before = source('db', { at: at(0), data: many(201) })
    const now = source('db', { at: at(0), data: many(201) }, { at: at(60), data: many(3) })
    expect([...timelinesOf(recordAll(before), now, all).keys()]).toEqual(['*'])
    const settled = timelinesOf(
      {
        ...recordAll(before),
        ...now,
        timelines: new Map([
          ['*', [{ digest: now.whole?.at(-1)?.digest ?? '', since: -Infinity }]],
        ]),
      },
      now,
      all,
    )
    expect([...settled.keys()].sort()).toEqual(['*', 'k0', 'k1', 'k2'])
    expect([...settled.values()].every(([{ since }]) => since === -Infinity)).toBe(true)
  })

  test(`never has more than ${MOST_KEYS} timelines for ever new keys`, () => {
    const writes = Array.from({ length: 60 }, (_, n) => ({
      at: at(n * 10),
      data: Object.fromEntries(Array.from({ length: 9 }, (_, k) => [`k${n}-${k}`, 'x'])),
    }))
    const timelines = timelinesOf(undefined, source('db', ...writes), all)
    expect(timelines.size).toBe(MOST_KEYS + 1)
    expect(timelines.has('k59-0') && timelines.has('k58-0') && !timelines.has('k0-0')).toBe(true)
  })
})

describe('a record under a new HMAC key', () => {
  const other = createDigester(Buffer.from('a new key'))
  const [oldA, oldB] = [digestOf('a', other), digestOf('b', other)]
  const now = source('db', write(0, 'a'))

  test('goes on where the Secret is the very object that was recorded', () => {
    const record = rekey(recordOf(now, { digest: oldA, since: -Infinity }), now)
    expect(told(timelineOf(record, now, 'password'))).toBe('A')
  })

  test('goes on with a rotation under way by its recorded time', () => {
    const written = source('db', write(0, 'a'), write(60, 'b'))
    const entries: [Entry, Entry] = [
      { digest: oldA, since: -Infinity },
      { digest: oldB, since: at(60) },
    ]
    const labelled: SourceRecord = { ...written, resourceVersion: '300' }
    const record = rekey(recordOf(written, ...entries), labelled)
    expect(told(timelineOf(record, labelled, 'password'))).toBe(`${oldA}, B since 60`)
  })

  test('keeps A → B → A apart from A → B', () => {
    const entries: [Entry, Entry, Entry] = [
      { digest: oldA, since: -Infinity },
      { digest: oldB, since: at(60) },
      { digest: oldA, since: at(90) },
    ]
    const record = rekey(recordOf(now, ...entries), now)
    expect(told(timelineOf(record, now, 'password'))).toBe(`A, ${oldB} since 60, A since 90`)
  })

  test('is adopted anew where the Secret was written since and nothing is under way', () => {
    const written = source('db', write(0, 'a'), write(60, 'b'))
    const record = rekey(recordOf(now, { digest: oldA, since: -Infinity }), written)
    expect(record.timelines.size).toBe(0)
    expect(told(timelineOf(record, written, 'password'))).toBe('A since 0, B since 60')
  })

  test('is adopted anew where the Secret is another one of the same name', () => {
    const again = source('db', write(0, 'a', { uid: 'u2' }))
    const record = rekey(recordOf(now, { digest: oldA, since: -Infinity }), again)
    expect(record.timelines.size).toBe(0)
  })

  test('does not take content that came after the record for the one under way', () => {
    const before = source('db', write(0, 'a'), write(60, 'b'))
    const after = source('db', write(90, 'c'))
    const changed: SourceRecord = { ...after, resourceVersion: '300' }
    const entries: [Entry, Entry] = [
      { digest: oldA, since: -Infinity },
      { digest: oldB, since: at(60) },
    ]
    const record = rekey(recordOf(before, ...entries), changed)
    expect(told(timelineOf(record, changed, 'password'))).toBe(
      `${oldA}, ${oldB} since 60, C since 90 or since 59.5`,
    )
  })
})
