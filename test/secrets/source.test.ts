import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeFault } from '../../src/config/fault.ts'
import { endOfSecond, newestManagedTime } from '../../src/secrets/managed-time.ts'
import {
  changedAt,
  digestIn,
  missingSource,
  MOST_VERSIONS,
  readSecret,
  type RawSecret,
  type SourceRecord,
} from '../../src/secrets/source.ts'
import { apiTime, at, base64, digester } from '../plan/cluster-builder.ts'

const ref = { namespace: 'shop', name: 'db' }

interface Shown {
  readonly data?: Readonly<Record<string, string>>
  readonly uid?: string
  readonly version?: number
  /** The time in managedFields, null for no such entry. */
  readonly managed?: number | null
  readonly annotations?: Readonly<Record<string, string>>
}

function secret({ data, uid = 'u1', version = 1, managed = at(0), annotations }: Shown): RawSecret {
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
  readSecret(secret(shown), previous, digester, seen)

const newest = (record: SourceRecord) => {
  const version = record.versions.at(-1)
  if (!version) throw new Error('a source has at least one version')
  return version
}

const A = { password: 'old', user: 'app' }
const B = { password: 'new', user: 'app' }

describe('a Secret', () => {
  test('that is seen for the first time has one version, dated by who wrote its data', () => {
    const record = read({ data: A, managed: at(0.3) }, at(100))
    expect(record.versions).toHaveLength(1)
    expect(newest(record)).toMatchObject({ uid: 'u1', resourceVersion: '1', changedAt: at(1) })
    expect(newest(record).mayBeEarlier).toBe(true)
  })

  test('that was applied as stringData is dated as well', () => {
    const raw = secret({ data: A, managed: null })
    const managedFields = [
      { time: apiTime(at(7)), manager: 'kubectl', fieldsV1: { 'f:stringData': { 'f:user': {} } } },
    ]
    const applied = { ...raw, metadata: { ...raw.metadata, managedFields } }
    const record = readSecret(applied, undefined, digester, at(100))
    expect(newest(record)).toMatchObject({ changedAt: at(8), changedBy: 'kubectl' })
  })

  test('without data is content too', () => {
    expect(digestIn(newest(read({}, at(0))), '*')).toMatch(/^[0-9a-f]{32}$/)
    expect(digestIn(newest(read({}, at(0))), 'password')).toBe('absent')
  })

  test.each<[string, Shown]>([
    ['that is written again with equal data', { data: { ...A }, version: 2, managed: at(50) }],
    ['whose labels change', { data: A, version: 3 }],
    ['whose annotations change', { data: A, version: 4, annotations: { x: 'y' } }],
    ['that is created again with equal data', { data: A, uid: 'u2', version: 5 }],
  ])('%s has no new version', (_, shown) => {
    const before = read({ data: A }, at(1))
    const after = read(shown, at(51), before)
    expect(after.versions).toBe(before.versions)
    expect(after).toMatchObject({
      uid: shown.uid ?? 'u1',
      resourceVersion: String(shown.version),
    })
  })

  test('that changes has a new version, and knows when', () => {
    const record = read(
      { data: B, version: 2, managed: at(60) },
      at(60.5),
      read({ data: A }, at(1)),
    )
    expect(record.versions).toHaveLength(2)
    expect(newest(record)).toMatchObject({ changedAt: at(61), mayBeEarlier: false })
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
    expect(readSecret(raw, undefined, digester, at(0)).immutable).toBe(true)
  })

  test('that is deleted and created again shows all three contents', () => {
    const gone = missingSource(ref, read({ data: A }, at(1)), at(10.2))
    expect(gone).toMatchObject({ uid: '', immutable: false })
    const back = read({ data: B, uid: 'u2', version: 9, managed: at(20) }, at(20.1), gone)
    expect(back.versions.map((version) => [digestIn(version, 'user'), version.changedAt])).toEqual([
      [expect.stringMatching(/^[0-9a-f]{32}$/), at(1)],
      ['absent', at(11)],
      [expect.stringMatching(/^[0-9a-f]{32}$/), at(21)],
    ])
  })

  test('that does not exist is missing once, however often that is seen', () => {
    const gone = missingSource(ref, undefined, at(1))
    expect(gone.versions).toHaveLength(1)
    expect(newest(gone).content).toBe('absent')
  })
})

describe('a change', () => {
  const first = read({ data: A, managed: at(0) }, at(1))

  test('that is dated later than it was seen counts from when it was seen', () => {
    const record = read({ data: B, version: 2, managed: at(60) }, at(30.5), first)
    expect(newest(record)).toMatchObject({ changedAt: at(31), mayBeEarlier: true })
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
    expect(newest(record)).toMatchObject({ changedAt: at(31), mayBeEarlier: true })
  })

  test('in the same second as the one before it counts from when it was seen', () => {
    const record = read({ data: B, version: 2, managed: at(0.7) }, at(0.8), first)
    expect(newest(record).changedAt).toBe(at(1))
  })

  test('of a Secret without managedFields counts from when it was seen', () => {
    const record = read({ data: B, version: 2, managed: null }, at(30.5), first)
    expect(newest(record)).toMatchObject({ changedAt: at(31), mayBeEarlier: true })
  })

  test('of a Secret that was restored with an older time is never earlier than what came before', () => {
    const record = read({ data: B, version: 2, uid: 'u2', managed: at(-900) }, at(30.5), first)
    expect(newest(record)).toMatchObject({ changedAt: at(1), mayBeEarlier: true })
  })

  test('is never earlier than the one before, and never later than seen unless that is', () => {
    const time = fc.integer({ min: 0, max: 100 }).map(at)
    fc.assert(
      fc.property(fc.option(time, { nil: undefined }), time, time, (managed, seen, lastOther) => {
        const since = changedAt({ managed, seen, lastOther })
        expect(since).toBeGreaterThanOrEqual(lastOther)
        expect(since).toBeLessThanOrEqual(Math.max(endOfSecond(seen), lastOther))
      }),
    )
  })
})

describe('the versions of a Secret', () => {
  const passwords = (count: number) => {
    let record: SourceRecord | undefined
    for (let n = 0; n < count; n++) {
      const data = { password: `p${n}`, user: 'app' }
      record = read({ data, version: n + 1, managed: at(n * 10) }, at(n * 10 + 0.5), record)
    }
    return record?.versions ?? []
  }

  test('are kept up to a number', () => {
    expect(passwords(MOST_VERSIONS)).toHaveLength(MOST_VERSIONS)
    expect(passwords(MOST_VERSIONS).every(({ content }) => typeof content === 'object')).toBe(true)
  })

  test('beyond that are lost from the second on, since when that came', () => {
    for (const more of [1, 2, 5]) {
      const [first, lost, ...rest] = passwords(MOST_VERSIONS + more)
      expect(first).toEqual(passwords(1)[0])
      expect(lost?.changedAt).toBe(at(11))
      expect(lost && [digestIn(lost, 'password'), digestIn(lost, '*')]).toEqual(['lost', 'lost'])
      expect(rest).toEqual(passwords(MOST_VERSIONS + more).slice(2))
      expect(rest.every((each) => digestIn(each, 'password') !== 'lost')).toBe(true)
    }
  })

  test('that are lost still tell the keys that stayed the same, and those that never were', () => {
    const [first, lost] = passwords(MOST_VERSIONS + 3)
    if (!first || !lost) throw new Error('there are versions')
    expect(digestIn(lost, 'user')).toBe(digestIn(first, 'user'))
    expect(digestIn(lost, 'none')).toBe('absent')
  })

  test('do not grow with ever new names of keys', () => {
    let record: SourceRecord | undefined
    for (let n = 0; n < MOST_VERSIONS + 5; n++) {
      const data = Object.fromEntries(Array.from({ length: 300 }, (_, k) => [`k${n}-${k}`, 'x']))
      record = read({ data, version: n + 1, managed: at(n * 10) }, at(n * 10 + 0.5), record)
    }
    expect(record?.versions[1]?.content).toBe('lost')
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
