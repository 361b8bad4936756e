import { describe, expect, test } from 'vitest'
import { createDigester, LOST } from '../../src/secrets/digest.ts'
import { MOST_VERSIONS, type SourceRecord } from '../../src/secrets/source.ts'
import {
  applied,
  isNewer,
  MOST_ENTRIES,
  rekey,
  timelineOf,
  today,
  type Entry,
  type RecordedSource,
  type Timeline,
} from '../../src/secrets/timeline.ts'
import { at, base64, digester, source, type Written } from '../plan/cluster-builder.ts'

const ref = { namespace: 'shop', name: 'db' }

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
  const { uid, resourceVersion, writtenAt } = known
  return { uid, resourceVersion, writtenAt, timelines: new Map([['password', entries]]) }
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
    ?.map(({ digest, since, mayBeEarlier }) => {
      const second = since === -Infinity ? '' : ` since ${(since - at(0)) / 1000}`
      return `${letters.get(digest) ?? digest}${second}${mayBeEarlier ? ' or before' : ''}`
    })
    .join(', ')
}

describe('a timeline', () => {
  const first = source('db', write(0, 'a'))
  const known = recordOf(first, appliedA)

  test('stays short however often the content changes while it is held', () => {
    let recorded = known
    for (let second = 60; second < 60 + 40 * 60; second += 60) {
      const password = second % 120 === 0 ? 'b' : 'c'
      const timeline = timelineOf(
        recorded,
        source('db', write(second, password)),
        'password',
        false,
      )
      if (!timeline) throw new Error('expected a timeline')
      expect(timeline.length).toBeLessThanOrEqual(MOST_ENTRIES)
      recorded = { ...recorded, resourceVersion: '', timelines: new Map([['password', timeline]]) }
    }
    const timeline = recorded.timelines.get('password') ?? [appliedA]
    expect(timeline).toHaveLength(MOST_ENTRIES)
    // Who started right after the first entry holds content that is no longer known.
    expect(timeline[0]).toEqual(appliedA)
    expect(timeline[1]?.digest).toBe(LOST)
    expect(today(timeline).digest).toBe(B)
  })

  test('without a record begins with today’s content, adopted', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'))
    expect(told(timelineOf(undefined, now, 'password', false))).toBe('B since 60')
  })

  test('of a key that was not recorded begins with today’s content, adopted', () => {
    expect(told(timelineOf({ ...known, timelines: new Map() }, first, 'password', false))).toBe(
      'A since 0',
    )
  })

  test('stays as it was recorded while nothing changes', () => {
    const now = source('db', write(0, 'a'), write(60, 'a'))
    expect(timelineOf(known, now, 'password', false)).toEqual([appliedA])
  })

  test('goes on with every change since the record', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'), write(90, 'c'))
    expect(told(timelineOf(known, now, 'password', false))).toBe('A, B since 60, C since 90')
  })

  test('tells A → B → A in full', () => {
    const now = source('db', write(0, 'a'), write(60, 'b'), write(90, 'a'))
    expect(told(timelineOf(known, now, 'password', false))).toBe('A, B since 60, A since 90')
  })

  test('passes over changes of other keys', () => {
    const now = source('db', write(0, 'a'), {
      at: at(59.5),
      data: { password: 'a', user: 'x' },
    })
    expect(timelineOf(known, now, 'password', false)).toEqual([appliedA])
    expect(timelineOf(known, now, 'user', true)).toHaveLength(1)
  })

  test('does not tell again what is recorded', () => {
    const both = source('db', write(0, 'a'), write(60, 'b'))
    const record = recordOf(both, appliedA, { digest: B, since: at(60) })
    expect(told(timelineOf(record, both, 'password', false))).toBe('A, B since 60')
  })

  test('after a restart of Sluice goes on with what it finds, which may have come before its date', () => {
    const found = source('db', write(60, 'b'))
    const later = {
      ...found,
      versions: found.versions.map((v) => ({ ...v, resourceVersion: '200' })),
    }
    expect(told(timelineOf(known, later, 'password', false))).toBe('A, B since 60 or before')
  })

  test('after a restart of Sluice dates a change that left no newer time by when it was seen', () => {
    const found = source('db', write(60, 'b'))
    const later = {
      ...found,
      versions: found.versions.map((version) => ({
        ...version,
        resourceVersion: '200',
        writtenAt: known.writtenAt,
        seenAt: at(500),
      })),
    }
    expect(told(timelineOf(known, later, 'password', false))).toBe('A, B since 500 or before')
  })

  test('never has a required content that is absent', () => {
    const gone = source('db', write(0, 'a'), { at: at(59.5), data: null })
    expect(timelineOf(known, gone, 'password', false)).toEqual([appliedA])
    const withoutKey = source('db', write(0, 'a'), { at: at(59.5), data: { user: 'x' } })
    expect(timelineOf(known, withoutKey, 'password', false)).toEqual([appliedA])
    expect(timelineOf(undefined, gone, 'password', false)).toBeUndefined()
  })

  test('has an optional content that is absent', () => {
    const gone = source('db', write(0, 'a'), { at: at(59.5), data: null })
    expect(told(timelineOf(known, gone, 'password', true))).toBe('A, absent since 60 or before')
    expect(told(timelineOf(undefined, gone, 'password', true))).toBe('absent since 60')
  })

  test('goes on when a required source is back, with the same content or another', () => {
    const gone: Written = { at: at(59.5), data: null }
    const same = source('db', write(0, 'a'), gone, write(90, 'a', { uid: 'u2' }))
    expect(timelineOf(known, same, 'password', false)).toEqual([appliedA])
    const other = source('db', write(0, 'a'), gone, write(90, 'b', { uid: 'u2' }))
    expect(told(timelineOf(known, other, 'password', false))).toBe('A, B since 90')
  })

  test('goes on after a source that was recorded as absent', () => {
    const gone = source('db', write(0, 'a'), { at: at(59.5), data: null })
    const record = recordOf(gone, appliedA, { digest: 'absent', since: at(60) })
    const back = source(
      'db',
      write(0, 'a'),
      { at: at(59.5), data: null },
      write(90, 'b', { uid: 'u2' }),
    )
    expect(told(timelineOf(record, back, 'password', true))).toBe('A, absent since 60, B since 90')
  })

  test('says lost for what was forgotten since the record', () => {
    const many = Array.from({ length: MOST_VERSIONS + 3 }, (_, n) => write(10 * (n + 1), `p${n}`))
    const now = source('db', write(-60, 'a'), ...many)
    const timeline = timelineOf(known, now, 'password', false)
    expect(told(timeline)?.split(', ').slice(0, 2)).toEqual(['A', 'lost since 10'])
    expect(timeline).toHaveLength(MOST_VERSIONS)
  })

  test('never goes backwards in time', () => {
    const record = recordOf(first, appliedA, { digest: B, since: at(100) })
    const now = source('db', write(0, 'a'), write(60, 'c'))
    expect(told(timelineOf(record, now, 'password', false))).toBe(
      'A, B since 100, C since 100 or before',
    )
  })

  test('that every pod is up to date with is today’s content and nothing else', () => {
    const timeline: Timeline = [appliedA, { digest: B, since: at(60) }]
    expect(today(timeline).digest).toBe(B)
    expect(told(applied(timeline))).toBe('B')
  })
})

describe('a record under a new HMAC key', () => {
  const other = createDigester(Buffer.from('a new key'))
  const [oldA, oldB] = [digestOf('a', other), digestOf('b', other)]
  const now = source('db', write(0, 'a'))

  test('goes on where the Secret is the very object that was recorded', () => {
    const record = rekey(recordOf(now, { digest: oldA, since: -Infinity }), now)
    expect(told(timelineOf(record, now, 'password', false))).toBe('A')
  })

  test('goes on with a rotation under way by its recorded time', () => {
    const written = source('db', write(0, 'a'), write(60, 'b'))
    const entries: [Entry, Entry] = [
      { digest: oldA, since: -Infinity },
      { digest: oldB, since: at(60) },
    ]
    const labelled: SourceRecord = { ...written, resourceVersion: '300' }
    const record = rekey(recordOf(written, ...entries), labelled)
    expect(told(timelineOf(record, labelled, 'password', false))).toBe(`${oldA}, B since 60`)
  })

  test('keeps A → B → A apart from A → B', () => {
    const entries: [Entry, Entry, Entry] = [
      { digest: oldA, since: -Infinity },
      { digest: oldB, since: at(60) },
      { digest: oldA, since: at(90) },
    ]
    const record = rekey(recordOf(now, ...entries), now)
    expect(told(timelineOf(record, now, 'password', false))).toBe(`A, ${oldB} since 60, A since 90`)
  })

  test('is adopted anew where the Secret was written since and nothing is under way', () => {
    const written = source('db', write(0, 'a'), write(60, 'b'))
    const record = rekey(recordOf(now, { digest: oldA, since: -Infinity }), written)
    expect(record.timelines.size).toBe(0)
    expect(told(timelineOf(record, written, 'password', false))).toBe('B since 60')
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
    expect(told(timelineOf(record, changed, 'password', false))).toBe(
      `${oldA}, ${oldB} since 60, C since 90 or before`,
    )
  })
})

describe('resourceVersions', () => {
  test.each([
    ['2', '1', true],
    ['10', '9', true],
    ['9', '10', false],
    ['5', '5', false],
    ['1', '', true],
    ['', '', false],
    ['18446744073709551615', '18446744073709551614', true],
  ])('%j is newer than %j: %s', (a, b, newer) => {
    expect(isNewer(a, b)).toBe(newer)
  })
})
