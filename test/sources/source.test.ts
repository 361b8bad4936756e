import type { RawSource } from '../../src/sources/kinds/kind.ts'
import { SECRET } from '../../src/sources/kinds/secret.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeFault } from '../../src/model/fault.ts'
import { endOfSecond, newestManagedTime } from '../../src/model/managed-time.ts'
import {
  changedAt,
  digestOf,
  historyOf,
  missingSource,
  MOST_REMOVED_KEYS,
  readSource,
  type SourceRecord,
} from '../../src/sources/source.ts'
import { MOST_ENTRIES } from '../../src/sources/timeline.ts'
import { apiTime, at, base64, digester } from '../plan/cluster-builder.ts'

const ref = { kind: 'Secret', namespace: 'shop', name: 'db' } as const

interface Shown {
  readonly data?: Readonly<Record<string, string>>
  readonly uid?: string
  readonly version?: number
  /** The time in managedFields, null for no such entry. */
  readonly managed?: number | null
  readonly annotations?: Readonly<Record<string, string>>
}

function secret({ data, uid = 'u1', version = 1, managed = at(0), annotations }: Shown): RawSource {
  return {
    metadata: {
      ...ref,
      uid,
      resourceVersion: String(version),
      creationTimestamp: apiTime(at(-0.5)),
      ...(annotations && { annotations }),
      ...(managed !== null && {
        managedFields: [
          { time: apiTime(managed - 5_000), manager: 'helm', fieldsV1: { 'f:data': {} } },
          {
            time: apiTime(managed),
            manager: 'vault',
            fieldsV1: { 'f:data': { 'f:password': {} } },
          },
          { time: apiTime(managed + 50_000), fieldsV1: { 'f:metadata': {} } },
        ],
      }),
    },
    ...(data && { data: base64(data) }),
  }
}

const read = (shown: Shown, seen: number, previous?: SourceRecord) =>
  readSource(SECRET, secret(shown), previous, digester, seen)

const newest = (record: SourceRecord) => {
  const entry = record.whole?.at(-1)
  if (!entry) throw new Error('the source is read')
  return entry
}

/** Digests in the order in which they came, as numbers, and since which second. */
const told = (record: SourceRecord, key: string) => {
  const digests = new Map<string, string>([['absent', 'absent']])
  return historyOf(record, key)
    ?.map(({ digest, since }) => {
      if (!digests.has(digest)) digests.set(digest, `v${digests.size}`)
      return `${digests.get(digest)} since ${(since - at(0)) / 1000}`
    })
    .join(', ')
}

const A = { password: 'old', user: 'app' }
const B = { password: 'new', user: 'app' }

describe('a Secret', () => {
  test('that is seen for the first time is dated by who wrote its data', () => {
    const record = read({ data: A, managed: at(0.3) }, at(100))
    expect(told(record, '*')).toBe('v1 since 1')
    expect(told(record, 'password')).toBe('v1 since 1')
    expect(newest(record).version).toBe('1')
    // Nobody knows when a key that is not there went, so only the first sight dates that.
    expect(told(record, 'none')).toBe('absent since 101')
  })

  test('that was applied as stringData is dated as well', () => {
    const raw = secret({ data: A, managed: null })
    const managedFields = [
      { time: apiTime(at(7)), manager: 'kubectl', fieldsV1: { 'f:stringData': { 'f:user': {} } } },
    ]
    const applied = { ...raw, metadata: { ...raw.metadata, managedFields } }
    const record = readSource(SECRET, applied, undefined, digester, at(100))
    expect(newest(record)).toMatchObject({ since: at(8), changedBy: 'kubectl' })
  })

  test('without data is content too', () => {
    expect(digestOf(read({}, at(0)), '*')).toMatch(/^[0-9a-f]{32}$/)
    expect(digestOf(read({}, at(0)), 'password')).toBe('absent')
  })

  test.each<[string, Shown]>([
    ['that is written again with equal data', { data: { ...A }, version: 2, managed: at(50) }],
    ['whose labels change', { data: A, version: 3 }],
    ['whose annotations change', { data: A, version: 4, annotations: { x: 'y' } }],
    ['that is created again with equal data', { data: A, uid: 'u2', version: 5 }],
  ])('%s has no new content', (_, shown) => {
    const before = read({ data: A }, at(1))
    const after = read(shown, at(51), before)
    expect(after.whole).toBe(before.whole)
    expect(after.changed).toBe(before.changed)
    expect(after.seenAt).toBe(at(51))
    expect(after).toMatchObject({
      uid: shown.uid ?? 'u1',
      resourceVersion: String(shown.version),
    })
  })

  test('that changes knows what, and when', () => {
    const record = read(
      { data: B, version: 2, managed: at(60) },
      at(60.5),
      read({ data: A }, at(1)),
    )
    expect(told(record, 'password')).toBe('v1 since 1, v2 since 61')
    expect(told(record, 'user')).toBe('v1 since 1')
    expect(newest(record).notBefore).toBeUndefined()
  })

  test('keeps what the annotations of Sluice say and nothing of others', () => {
    const annotations = { 'sluice.dev/urgent': 'true', 'kubectl/last-applied': 'password: old' }
    const record = read({ data: A, annotations }, at(0))
    expect(record.settings).toEqual({ urgent: true, group: undefined, ignore: false, faults: [] })
    expect(JSON.stringify(record)).not.toContain('password: old')
  })

  test('tells an annotation with a typing error', () => {
    const { settings } = read({ data: A, annotations: { 'sluice.dev/urgnet': 'true' } }, at(0))
    expect(settings.faults.map(describeFault)).toEqual([
      'an annotation of Secret db: expected the name of a setting, perhaps sluice.dev/urgent, found "sluice.dev/urgnet"',
    ])
  })

  test('tells whether it is immutable', () => {
    expect(read({ data: A }, at(0)).immutable).toBe(false)
    const raw = { ...secret({ data: A }), immutable: true }
    expect(readSource(SECRET, raw, undefined, digester, at(0)).immutable).toBe(true)
  })

  test('that is deleted and created again shows all three contents', () => {
    const gone = missingSource(ref, read({ data: A }, at(1)), at(10.2))
    expect(gone).toMatchObject({ uid: '', immutable: false })
    const back = read({ data: B, uid: 'u2', version: 9, managed: at(20) }, at(20.1), gone)
    expect(told(back, 'user')).toBe('v1 since 1, absent since 11, v1 since 21')
    expect(told(back, 'password')).toBe('v1 since 1, absent since 11, v2 since 21')
    expect(historyOf(back, 'user')?.[1]?.missing).toBe(true)
  })

  test('that is seen to come into being was not there before', () => {
    const sight = { live: true, absentSince: at(-60) }
    const record = readSource(SECRET, secret({ data: A }), undefined, digester, at(1), sight)
    expect(told(record, 'user')).toBe('absent since -60, v1 since 1')
    expect(told(record, 'none')).toBe('absent since -60')
  })

  test('that was created with what it holds when it was first seen is known to be as old as that', () => {
    expect(historyOf(read({ data: A, managed: at(-0.5) }, at(100)), 'user')?.[0].created).toBe(true)
    const later = read({ data: A, managed: at(1) }, at(100))
    expect(historyOf(later, 'user')?.[0].created).toBeUndefined()
  })

  test('that does not exist is missing once, however often that is seen', () => {
    const gone = missingSource(ref, undefined, at(1))
    expect(missingSource(ref, gone, at(9)).whole).toBe(gone.whole)
    expect(told(gone, '*')).toBe('absent since 2')
  })
})

describe('a change', () => {
  const first = read({ data: A, managed: at(0) }, at(1))

  test('that is dated later than it was seen counts from when it was seen', () => {
    const record = read({ data: B, version: 2, managed: at(60) }, at(30.5), first)
    expect(newest(record)).toMatchObject({ since: at(31) })
  })

  test('tells who made it, where a write of data dates it', () => {
    const by = (shown: Shown) => newest(read({ version: 2, ...shown }, at(30.5), first)).changedBy
    expect(by({ data: B, managed: at(20) })).toBe('vault')
    expect(by({ data: B, managed: null })).toBeUndefined()
    // A removed key leaves the entry of the write before, whoever made that.
    expect(by({ data: { password: 'old' }, managed: at(0) })).toBeUndefined()
  })

  test('that only removes a key, and so moves no time, counts from when it was seen', () => {
    const record = read({ data: { password: 'old' }, version: 2, managed: at(0) }, at(30.5), first)
    expect(newest(record)).toMatchObject({ since: at(31) })
  })

  test('in the same second as the one before it counts from that second, however late it is seen', () => {
    const record = read({ data: B, version: 2, managed: at(0.7) }, at(20), first)
    expect(newest(record)).toMatchObject({ since: at(1), changedBy: 'vault' })
  })

  test('of a Secret without managedFields counts from when it was seen', () => {
    const record = read({ data: B, version: 2, managed: null }, at(30.5), first)
    expect(newest(record)).toMatchObject({ since: at(31) })
  })

  test('of a Secret that was restored with an older time is never earlier than what came before', () => {
    const record = read({ data: B, version: 2, uid: 'u2', managed: at(-900) }, at(30.5), first)
    expect(newest(record)).toMatchObject({ since: at(1) })
  })

  test('that nobody saw happen came since what was there before was last seen', () => {
    const again = read({ data: A, version: 2, managed: at(0) }, at(50), first)
    const raw = secret({ data: B, version: 3, managed: at(60) })
    const record = readSource(SECRET, raw, again, digester, at(100), { live: false })
    expect(newest(record)).toMatchObject({ since: at(61), notBefore: at(50) })
  })

  test('is never later than seen', () => {
    const time = fc.integer({ min: 0, max: 100 }).map(at)
    fc.assert(
      fc.property(fc.oneof(fc.constant(-Infinity), time), time, (managed, seen) => {
        const since = changedAt({ managed, seen })
        expect(since).toBeLessThanOrEqual(endOfSecond(seen))
        if (managed > -Infinity) expect(since).toBeLessThanOrEqual(managed)
      }),
    )
  })
})

describe('the timelines of a Secret', () => {
  const play = (all: readonly Readonly<Record<string, string>>[]) => {
    let record: SourceRecord | undefined
    for (const [n, data] of all.entries())
      record = read({ data, version: n + 1, managed: at(n * 10) }, at(n * 10 + 0.5), record)
    if (!record) throw new Error('expected a write')
    return record
  }
  const passwords = (count: number) =>
    play(Array.from({ length: count }, (_, n) => ({ password: `p${n}`, user: 'app' })))

  test('are short however often a key changes, and tell nothing of those that do not', () => {
    const record = passwords(50)
    expect(record.whole).toHaveLength(MOST_ENTRIES)
    expect(historyOf(record, 'password')).toHaveLength(MOST_ENTRIES)
    expect(historyOf(record, 'password')?.[1]?.digest).toBe('lost')
    expect([...record.changed.keys()]).toEqual(['password'])
    expect(told(record, 'user')).toBe('v1 since 1')
  })

  test('keep the last change of a key whatever the others do', () => {
    const all = [A, B, ...Array.from({ length: 40 }, (_, n) => ({ ...B, busy: `${n}` }))]
    expect(told(play(all), 'password')).toBe('v1 since 1, v2 since 11')
  })

  test('tell of a key what became of it since, though nobody used it then', () => {
    const record = play([A, { user: 'app' }, A, B])
    expect(told(record, 'password')).toBe('v1 since 1, absent since 11, v1 since 21, v2 since 31')
  })

  test('do not grow with ever new names of keys', () => {
    const all = Array.from({ length: 15 }, (_, n) =>
      Object.fromEntries(Array.from({ length: 300 }, (_, k) => [`k${n}-${k}`, 'x'])),
    )
    const record = play(all)
    expect(record.changed.size).toBeLessThanOrEqual(MOST_REMOVED_KEYS + 300)
    const entries = [...record.changed.values()].reduce((sum, { length }) => sum + length, 0)
    expect(entries).toBeLessThanOrEqual((MOST_REMOVED_KEYS + 300) * 3)
    expect(told(record, 'k14-0')).toBe('absent since 1, v1 since 141')
    expect(told(record, 'k13-0')).toContain('absent since 141')
  })
})

describe('the newest time in managedFields', () => {
  const all = () => true

  test('is the end of its second', () => {
    expect(newestManagedTime([{ time: '2026-03-01T12:00:00Z' }], all)).toBe(at(1))
  })

  test('is the newest of those selected', () => {
    const fields = [
      { time: apiTime(at(5)), subresource: 'status' },
      { time: apiTime(at(3)) },
      { time: apiTime(at(2)) },
    ]
    expect(newestManagedTime(fields, ({ subresource }) => subresource !== 'status')).toBe(at(4))
  })

  test.each([[undefined], [[]], [[{}]], [[{ time: 'yesterday' }]]])(
    'of %j is unknown',
    (fields) => {
      expect(newestManagedTime(fields, all)).toBeUndefined()
    },
  )
})
