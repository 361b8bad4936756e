import { ABSENT } from '../../src/sources/digest.ts'
import { describe, expect, test } from 'vitest'
import type { ContainerRecord } from '../../src/workloads/pod.ts'
import type { Use } from '../../src/workloads/uses.ts'
import {
  judge,
  judgePod,
  judgedUses,
  type Verdict,
  type Window,
} from '../../src/plan/judge/staleness.ts'
import type { Entry, Timeline } from '../../src/sources/timeline.ts'
import {
  appUses,
  at,
  container,
  password,
  pod,
  type PodChange,
  defaults,
} from './cluster-builder.ts'

const margins = { margin: 2000, nodeMargin: 60_000 }

const HOUR = 3600

/** What every pod was known to hold. */
const applied = (digest: string): Entry => ({ digest, since: -Infinity })
/** A change that the API server dates by the end of this second. */
const since = (second: number, digest: string): Entry => ({ digest, since: at(second) })

/** A → B at 12:00:00; the change itself lies up to a second before that. */
const ROTATED: Timeline = [applied('A'), since(0, 'B')]
/** A → B → A, one hour apart. */
const THERE_AND_BACK: Timeline = [applied('A'), since(-HOUR, 'B'), since(0, 'A')]
/** First seen: A since 12:00:00, and nothing known from before. */
const ADOPTED: Timeline = [since(0, 'A')]

interface Case {
  readonly is: string
  readonly timeline: Timeline
  readonly pod: PodChange
  readonly mode?: Use['mode']
  readonly optional?: boolean
  readonly verdict: Verdict
}

const cases: readonly Case[] = [
  {
    is: 'created an hour before the change',
    timeline: ROTATED,
    pod: { createdAt: at(-HOUR) },
    verdict: 'stale',
  },
  {
    is: 'created a second more than the margin before the change',
    timeline: ROTATED,
    pod: { createdAt: at(-3) },
    verdict: 'stale',
  },
  {
    is: 'created within the margin before the change',
    timeline: ROTATED,
    pod: { createdAt: at(-2) },
    verdict: 'unproven',
  },
  {
    is: 'created within the margin after the change',
    timeline: ROTATED,
    pod: { createdAt: at(1) },
    verdict: 'unproven',
  },
  {
    is: 'created the margin after the change',
    timeline: ROTATED,
    pod: { createdAt: at(2) },
    verdict: 'fresh',
  },
  {
    is: 'old, its container restarted a minute and the margin after the change by the node’s clock',
    timeline: ROTATED,
    pod: { container: { startedAt: at(62) } },
    verdict: 'fresh',
  },
  {
    is: 'old, its container restarted less than a minute after the change by the node’s clock',
    timeline: ROTATED,
    pod: { container: { startedAt: at(61) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container restarted long after the change, on a node whose clock is two minutes ahead',
    timeline: ROTATED,
    pod: { clockSkew: 120_000, container: { startedAt: at(100) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container started later than the status that showed it, so the clock is off by now',
    timeline: ROTATED,
    pod: { container: { startedAt: at(100), presentAt: at(-60) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container restarted long after the change, on a node that tells no startTime',
    timeline: ROTATED,
    pod: { clockSkew: undefined, container: { startedAt: at(1000) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container seen to appear the margin after the change',
    timeline: ROTATED,
    pod: { container: { startedAt: at(5), absentAt: at(2), presentAt: at(6) } },
    verdict: 'fresh',
  },
  {
    is: 'old, its container seen to appear less than the margin after the change',
    timeline: ROTATED,
    pod: { container: { startedAt: at(2), absentAt: at(1), presentAt: at(3) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container restarted after the change, but mounts by subPath',
    timeline: ROTATED,
    mode: 'subPath',
    pod: { container: { startedAt: at(1000), absentAt: at(999), presentAt: at(1001) } },
    verdict: 'stale',
  },
  {
    is: 'created after the change and mounts by subPath',
    timeline: ROTATED,
    mode: 'subPath',
    pod: { createdAt: at(2) },
    verdict: 'fresh',
  },
  {
    is: 'old and mounts a plain volume that is asked for',
    timeline: ROTATED,
    mode: 'volume',
    pod: { container: { startedAt: at(1000), absentAt: at(999), presentAt: at(1001) } },
    verdict: 'stale',
  },
  {
    is: 'started under A, of A → B → A',
    timeline: THERE_AND_BACK,
    pod: { createdAt: at(-2 * HOUR), container: { startedAt: at(-2 * HOUR) } },
    verdict: 'fresh',
  },
  {
    is: 'started under B, of A → B → A',
    timeline: THERE_AND_BACK,
    pod: { createdAt: at(-HOUR / 2), container: { startedAt: at(-HOUR / 2) } },
    verdict: 'stale',
  },
  {
    is: 'started under A, its container restarted under B, of A → B → A',
    timeline: THERE_AND_BACK,
    pod: {
      createdAt: at(-2 * HOUR),
      container: { startedAt: at(-HOUR / 2), absentAt: at(-HOUR / 2), presentAt: at(-HOUR / 2) },
    },
    verdict: 'stale',
  },
  {
    is: 'started under A, last seen before B, of A → B → A by subPath',
    timeline: THERE_AND_BACK,
    mode: 'subPath',
    pod: { createdAt: at(-2 * HOUR) },
    verdict: 'fresh',
  },
  {
    is: 'started under A, of A → B → A, where B may have come before that',
    timeline: [applied('A'), { ...since(-HOUR, 'B'), notBefore: at(-3 * HOUR) }, since(0, 'A')],
    pod: { createdAt: at(-2 * HOUR) },
    verdict: 'stale',
  },
  {
    is: 'started under A, of A → B → A, where A was known to be current after that',
    timeline: [applied('A'), { ...since(-HOUR, 'B'), notBefore: at(-1.5 * HOUR) }, since(0, 'A')],
    pod: { createdAt: at(-2 * HOUR) },
    verdict: 'fresh',
  },
  {
    is: 'started under B, of A → B → C',
    timeline: [applied('A'), since(-HOUR, 'B'), since(0, 'C')],
    pod: { createdAt: at(-HOUR / 2) },
    verdict: 'stale',
  },
  {
    is: 'started under content that is no longer known',
    timeline: [applied('A'), since(-HOUR, 'lost'), since(0, 'A')],
    pod: { createdAt: at(-HOUR / 2) },
    verdict: 'stale',
  },
  {
    is: 'started before an optional Secret appeared',
    timeline: [applied('absent'), since(0, 'A')],
    optional: true,
    pod: { createdAt: at(-HOUR) },
    verdict: 'stale',
  },
  {
    is: 'created before a required Secret appeared, and waited for it',
    timeline: [applied('absent'), since(0, 'A')],
    pod: { createdAt: at(-HOUR), container: { startedAt: at(1), presentAt: at(3) } },
    verdict: 'fresh',
  },
  {
    is: 'old, of an optional Secret that was deleted',
    timeline: [applied('A'), since(0, 'absent')],
    optional: true,
    pod: { createdAt: at(-HOUR) },
    verdict: 'fresh',
  },
  {
    is: 'old, of a required Secret that was deleted',
    timeline: [applied('A'), since(0, 'absent')],
    pod: { createdAt: at(-HOUR) },
    verdict: 'fresh',
  },
  {
    is: 'old, of an optional key that was removed and came back as it was',
    timeline: [applied('A'), since(-2, 'absent'), since(0, 'A')],
    optional: true,
    pod: { createdAt: at(-HOUR) },
    verdict: 'fresh',
  },
  {
    is: 'old, of an optional key that was removed and came back with other content',
    timeline: [applied('A'), since(-2, 'absent'), since(0, 'B')],
    optional: true,
    pod: { createdAt: at(-HOUR) },
    verdict: 'stale',
  },
  {
    is: 'started while an optional key was removed, that is back as it was',
    timeline: [applied('A'), since(-HOUR, 'absent'), since(0, 'A')],
    optional: true,
    pod: { createdAt: at(-HOUR / 2) },
    verdict: 'stale',
  },
  {
    is: 'created within the margin after the change, and after it by etcd’s order',
    timeline: [applied('A'), { ...since(0, 'B'), version: '99' }],
    pod: { createdAt: at(-1), createdVersion: '100' },
    verdict: 'fresh',
  },
  {
    is: 'created within the margin after the change by its time, before it by etcd’s order',
    timeline: [applied('A'), { ...since(0, 'B'), version: '99' }],
    pod: { createdAt: at(0), createdVersion: '98' },
    verdict: 'unproven',
  },
  {
    is: 'created after the change by etcd’s order, in a second before it',
    timeline: [applied('A'), { ...since(0, 'B'), version: '99' }],
    pod: { createdAt: at(-2), createdVersion: '100' },
    verdict: 'unproven',
  },
  {
    is: 'created after the second change by etcd’s order, of A → B → C within a second',
    timeline: [
      applied('A'),
      { ...since(0, 'B'), version: '8' },
      { ...since(0, 'C'), version: '9' },
    ],
    pod: { createdAt: at(-1), createdVersion: '10' },
    verdict: 'fresh',
  },
  {
    is: 'created by etcd’s order after the Secret was deleted and created again within a second',
    timeline: [
      applied('A'),
      { ...since(-60, 'B'), version: '8' },
      { ...since(0, 'absent'), missing: true },
      { ...since(0, 'A'), version: '9' },
    ],
    pod: { createdAt: at(-1), createdVersion: '10' },
    verdict: 'fresh',
  },
  {
    is: 'created between two changes by etcd’s order',
    timeline: [
      applied('A'),
      { ...since(0, 'B'), version: '8' },
      { ...since(0, 'C'), version: '10' },
    ],
    pod: { createdAt: at(-1), createdVersion: '9' },
    verdict: 'unproven',
  },
  {
    is: 'young, its mount by subPath after the change by etcd’s order',
    timeline: [applied('A'), { ...since(0, 'B'), version: '99' }],
    mode: 'subPath',
    pod: { createdAt: at(-1), createdVersion: '100' },
    verdict: 'fresh',
  },
  {
    is: 'created in the second in which the Secret of its adopted baseline was',
    timeline: [{ ...since(0, 'A'), created: true }],
    pod: { createdAt: at(-1) },
    verdict: 'fresh',
  },
  {
    is: 'older than the Secret of its adopted baseline, and waited for it',
    timeline: [{ ...since(0, 'A'), created: true }],
    pod: { createdAt: at(-HOUR), container: { startedAt: at(5), presentAt: at(6) } },
    verdict: 'fresh',
  },
  {
    is: 'older than the Secret of its adopted baseline, and ran before it was there',
    timeline: [{ ...since(0, 'A'), created: true }],
    pod: { createdAt: at(-HOUR) },
    verdict: 'unknown',
  },
  {
    is: 'created in the second in which an optional Secret was',
    timeline: [{ ...since(0, 'A'), created: true }],
    optional: true,
    pod: { createdAt: at(-1) },
    verdict: 'unknown',
  },
  {
    is: 'created after its adopted baseline by etcd’s order',
    timeline: [{ ...since(0, 'A'), version: '99' }],
    optional: true,
    pod: { createdAt: at(-1), createdVersion: '100' },
    verdict: 'fresh',
  },
  ...(
    [
      ['and waited for it', { startedAt: at(5), presentAt: at(6) }, false, 'fresh'],
      ['and ran before it was there', {}, false, 'unknown'],
      ['and need not have waited', { startedAt: at(5), presentAt: at(6) }, true, 'stale'],
    ] as const
  ).map(([how, of, optional, verdict]) => ({
    is: `older than a Secret that was missing at first sight, ${how}`,
    timeline: [
      { digest: ABSENT, since: at(-1), missing: true },
      { ...since(0, 'A'), version: '99' },
    ] as const,
    optional,
    pod: { createdAt: at(-HOUR), container: of },
    verdict,
  })),
  {
    is: 'created after its Secret by etcd’s order, within the margin of the first list',
    timeline: [
      { digest: ABSENT, since: at(0), missing: true },
      { ...since(0, 'A'), version: '99' },
    ],
    pod: { createdAt: at(-1), createdVersion: '100' },
    verdict: 'fresh',
  },
  {
    is: 'old, its container shown by a status that was written long after it started',
    timeline: ROTATED,
    pod: { container: { startedAt: at(-4), absentAt: at(20), presentAt: at(30) } },
    verdict: 'stale',
  },
  {
    is: 'old, its container seen to appear after the change on a node whose clock is ahead by as much as it is later',
    timeline: ROTATED,
    pod: {
      clockSkew: 30_000,
      container: { startedAt: at(25), absentAt: at(20), presentAt: at(30) },
    },
    verdict: 'stale',
  },
  {
    is: 'older than an adopted baseline',
    timeline: ADOPTED,
    pod: { createdAt: at(-HOUR) },
    verdict: 'unknown',
  },
  {
    is: 'created together with an adopted baseline',
    timeline: ADOPTED,
    pod: { createdAt: at(1) },
    verdict: 'unknown',
  },
  {
    is: 'younger than an adopted baseline',
    timeline: ADOPTED,
    pod: { createdAt: at(2) },
    verdict: 'fresh',
  },
  {
    is: 'older than an adopted baseline, and that has changed since',
    timeline: [since(-HOUR, 'A'), since(0, 'B')],
    pod: { createdAt: at(-2 * HOUR) },
    verdict: 'stale',
  },
  {
    is: 'old, its container waiting to start again',
    timeline: ROTATED,
    pod: { container: { state: 'waiting', waitingReason: 'CrashLoopBackOff' } },
    verdict: 'pending',
  },
  {
    is: 'old, its container ended',
    timeline: ROTATED,
    pod: { container: { state: 'terminated' } },
    verdict: 'pending',
  },
  {
    is: 'old, without any status yet',
    timeline: ROTATED,
    pod: { containers: [] },
    verdict: 'pending',
  },
  {
    is: 'new, its container waiting to start',
    timeline: ROTATED,
    pod: { createdAt: at(5), containers: [] },
    verdict: 'fresh',
  },
  {
    is: 'old, of a Secret that never changed',
    timeline: [applied('A')],
    pod: { clockSkew: undefined, container: { startedAt: undefined } },
    verdict: 'fresh',
  },
]

function verdictOf({ timeline, pod: change, mode = 'env', optional = false }: Case): Verdict {
  const uses = [{ ...password, mode, optional }]
  return judgePod(
    pod('web-1', { ...change, uses: appUses(...uses) }),
    () => uses,
    () => [timeline],
    margins,
  ).verdict
}

describe('a pod', () => {
  test.each(cases)('$is, is $verdict', (row) => {
    expect(verdictOf(row)).toBe(row.verdict)
  })
})

describe('an init container', () => {
  const init = (change: Partial<ContainerRecord>) =>
    judgePod(
      pod('web-1', {
        uses: [{ container: 'app', init: true, uses: [password] }],
        containers: [container(at(-HOUR), { state: 'terminated', ...change })],
      }),
      () => [password],
      () => [ROTATED],
      margins,
    ).verdict

  test('that ran to its end may have left the old content to the others', () => {
    expect(init({ startedAt: at(-HOUR) })).toBe('stale')
  })

  test('without a start counts from the creation of the pod', () => {
    expect(init({ startedAt: undefined })).toBe('stale')
  })

  test('that has yet to run is pending', () => {
    expect(init({ state: 'waiting' })).toBe('pending')
  })
})

describe('the verdict on a pod', () => {
  const other: Use = { ...password, selector: 'user' }
  const verdict = (timelines: Record<string, readonly Timeline[]>) =>
    judgePod(
      pod('web-1', { uses: appUses(password, other) }),
      () => [password, other],
      ({ selector }) => timelines[selector] ?? [],
      margins,
    )

  test('is the worst over its uses', () => {
    const applied: Timeline = [{ digest: 'U', since: -Infinity }]
    expect(verdict({ password: [ROTATED], user: [applied] }).verdict).toBe('stale')
    expect(verdict({ password: [applied], user: [ROTATED] }).verdict).toBe('stale')
    expect(verdict({ password: [ADOPTED], user: [ROTATED] }).verdict).toBe('stale')
    expect(verdict({ password: [applied], user: [ADOPTED] }).verdict).toBe('unknown')
  })

  test('passes over a source that never had any content', () => {
    expect(verdict({ password: [], user: [] }).verdict).toBe('fresh')
  })

  test('says since when the oldest content that it holds is not current any more', () => {
    const earlier: Timeline = [applied('A'), since(-60, 'B')]
    expect(verdict({ password: [ROTATED], user: [earlier] })).toEqual({
      verdict: 'stale',
      since: at(-60),
    })
  })

  test('of one container does not depend on the uses of another', () => {
    const judged = judgePod(
      pod('web-1', {
        uses: [
          { container: 'app', init: false, uses: [other] },
          { container: 'proxy', init: false, uses: [password] },
        ],
        containers: [
          container(at(-HOUR)),
          container(at(-HOUR), { name: 'proxy', startedAt: at(600), presentAt: at(601) }),
        ],
      }),
      (name) => (name === 'app' ? [other] : [password]),
      ({ selector }) => [selector === 'password' ? ROTATED : [applied('U')]],
      margins,
    )
    expect(judged.verdict).toBe('fresh')
  })
})

/** The window of a use of which nothing is known. */
const anyTime: Window = {
  begin: -Infinity,
  doubtFrom: -Infinity,
  doubtUntil: -Infinity,
  end: Infinity,
  requires: 'key',
  createdAt: at(-2 * HOUR),
  createdVersion: undefined,
  startedFrom: undefined,
}

describe('content that ended exactly when the window begins', () => {
  const window = (begin: number): Window => ({ ...anyTime, begin })

  test('is not held', () => expect(judge(ROTATED, window(at(0))).verdict).toBe('fresh'))

  test('a millisecond earlier, it is', () =>
    expect(judge(ROTATED, window(at(0) - 1)).verdict).toBe('stale'))
})

test('content counts from the beginning of the second that its change is dated by', () => {
  const judged = (end: number) => judge(THERE_AND_BACK, { ...anyTime, end }).verdict
  expect(judged(at(-HOUR) - 1000)).toBe('stale')
  expect(judged(at(-HOUR) - 1001)).toBe('fresh')
})

describe('the uses that are judged', () => {
  const uses: readonly Use[] = [
    password,
    { ...password, selector: 'user' },
    { ...password, source: 'secret/mail', selector: '*', mode: 'envFrom' },
    { ...password, source: 'secret/tls', selector: '*', mode: 'volume' },
    { ...password, source: 'secret/tls', selector: 'ca.crt', mode: 'subPath' },
  ]
  const judged = (ignore: string[], volumes: 'ignore' | 'restart' = 'ignore') =>
    judgedUses(uses, { sources: defaults.sources, ignore: new Set(ignore), volumes }).map(
      ({ source, selector, mode }) => `${source}/${selector} ${mode}`,
    )

  test('are all but plain volumes', () => {
    expect(judged([])).toEqual([
      'secret/db/password env',
      'secret/db/user env',
      'secret/mail/* envFrom',
      'secret/tls/ca.crt subPath',
    ])
  })

  test('are plain volumes too where that is asked for', () => {
    expect(judged([], 'restart')).toContain('secret/tls/* volume')
  })

  test('are not those of an ignored source', () => {
    expect(judged(['secret/db', 'secret/tls'], 'restart')).toEqual(['secret/mail/* envFrom'])
  })

  test('are not an ignored key', () => {
    expect(judged(['secret/db/user', 'secret/mail/x', 'secret/tls/ca.crt'])).toEqual([
      'secret/db/password env',
      'secret/mail/* envFrom',
    ])
  })
})
