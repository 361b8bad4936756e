/** What was changed and taken back, removed and put back: pods that always held today's content are left alone. */
import { assess } from '../../src/plan/judge/assessment.ts'
import { SECRET } from '../../src/sources/kinds/secret.ts'
import { describe, expect, test } from 'vitest'
import type { Use } from '../../src/workloads/uses.ts'
import { writeStatus } from '../../src/records/consumer.ts'
import type { PodRecord } from '../../src/workloads/pod.ts'
import { missingSource, readSource, type SourceRecord } from '../../src/sources/source.ts'
import { plan } from '../../src/plan/plan.ts'
import {
  apiTime,
  appliedLedger,
  appUses,
  at,
  base64,
  consumer,
  deployment,
  digester,
  password,
  pod,
  policy,
  snapshot,
  workload,
  type PodChange,
} from './cluster-builder.ts'

interface Write {
  /** null where the Secret is deleted. */
  readonly data: Readonly<Record<string, string>> | null
  /** The time that the write leaves in the Secret, by the clock of the server that took it. */
  readonly time: number
  /** When Sluice hears of it, by the clock of the server that it asks. */
  readonly seen: number
}

/** A Secret that is watched live. */
function watched(...writes: readonly Write[]): SourceRecord {
  const ref = { kind: 'Secret', namespace: 'shop', name: 'db' } as const
  let record: SourceRecord | undefined
  let uid = 1
  for (const [n, { data, time, seen }] of writes.entries()) {
    if (data === null) {
      record = missingSource(ref, record, seen)
      uid++
      continue
    }
    const metadata = {
      ...ref,
      uid: `uid-${uid}`,
      resourceVersion: String(100 + n),
      creationTimestamp: apiTime(uid === 1 ? at(-7200) : time),
      managedFields: [{ manager: 'kubectl', time: apiTime(time), fieldsV1: { 'f:data': {} } }],
    }
    record = readSource(SECRET, { metadata, data: base64(data) }, record, digester, seen)
  }
  if (!record) throw new Error('expected a write')
  return record
}

const env: Use = password
const optional: Use = { ...password, optional: true }
const envFrom: Use = { ...password, selector: '*', mode: 'envFrom' }
const optionalEnvFrom: Use = { ...envFrom, optional: true }
const subPath: Use = { ...password, mode: 'subPath' }

/** How the pods of a workload are judged two minutes after the change; it was recorded before it. */
function judged(db: SourceRecord, use: Use, changes: readonly PodChange[] = [{}, {}]) {
  const uses = appUses(use)
  const of = deployment('web', { uses, replicas: changes.length })
  const pods = changes.map((change, n): PodRecord => pod(`web-${n}`, { uses, ...change }))
  const ledger = appliedLedger([db], {}, [use.selector])
  const managed = workload({ workload: of, pods, sources: [db], consumer: consumer(of, ledger) })
  const made = plan(snapshot([managed]), policy, at(120))
  const [planned] = made.workloads
  const assessment = assess(managed, digester.fingerprint, policy)
  return {
    verdicts: assessment.judged.map(({ verdict }) => verdict),
    hold: planned?.hold?.reason,
    starts: made.actions.some((each) => each.kind === 'record' && each.cause === 'started'),
  }
}

const OLD = { password: 'old', extra: 'x' }
const first: Write = { data: OLD, time: at(-7200), seen: at(-7100) }
const bad = (time: number, seen = time + 0.01, value = 'bad'): Write => ({
  data: { ...OLD, password: value },
  time: at(time),
  seen: at(seen),
})
const back: Write = { data: OLD, time: at(40.5), seen: at(40.6) }
const deleted: Write = { data: null, time: at(10), seen: at(10) }

describe('pods that always held what is back are left alone', () => {
  test.each<[string, readonly Write[]]>([
    ['a bad password is taken back', [first, bad(9.8), back]],
    ['a server with a clock 0.3 s ahead took the bad one', [first, bad(10.1, 9.81), back]],
    ['a server with a clock 0.3 s behind took the bad one', [first, bad(9.8, 10.11), back]],
    ['two bad ones came within a second', [first, bad(9.2), bad(9.8, 9.81, 'worse'), back]],
    ['all of it was within a second', [first, bad(40.1), { ...back, seen: at(40.51) }]],
    ['the Secret is deleted and created again', [first, deleted, back]],
    [
      'the Secret was empty for a while',
      [first, { data: {}, time: at(-7200), seen: at(10) }, back],
    ],
    [
      'a key is removed, which leaves no time, and put back',
      [first, { data: { extra: 'x' }, time: at(-7200), seen: at(10) }, back],
    ],
  ])('%s', (_, writes) => {
    for (const use of [env, optional, envFrom, optionalEnvFrom, subPath]) {
      expect(judged(watched(...writes), use).verdicts, JSON.stringify(use)).toEqual([
        'fresh',
        'fresh',
      ])
    }
  })

  test('and those that started in between are replaced', () => {
    const between = { createdAt: at(25) }
    expect(judged(watched(first, bad(9.8), back), env, [{}, between]).verdicts).toEqual([
      'fresh',
      'stale',
    ])
    const removed = { data: { extra: 'x' }, time: at(-7200), seen: at(10) }
    expect(judged(watched(first, removed, back), envFrom, [{}, between]).verdicts).toEqual([
      'fresh',
      'stale',
    ])
    const missing = watched(first, deleted, back)
    expect(judged(missing, optionalEnvFrom, [{}, between]).verdicts).toEqual(['fresh', 'stale'])
    // What requires the Secret had to wait for it.
    const waited = { ...between, container: { startedAt: at(42), presentAt: at(43) } }
    expect(judged(missing, envFrom, [{}, waited]).verdicts).toEqual(['fresh', 'fresh'])
    expect(judged(missing, env, [{}, waited]).verdicts).toEqual(['fresh', 'fresh'])
  })

  test('and those that started without the file that their subPath names: they hold an empty folder', () => {
    const removed = { data: { extra: 'x' }, time: at(-7200), seen: at(10) }
    const file: Use = { ...subPath, emptyFolder: true }
    const between = { createdAt: at(25) }
    const late = { createdAt: at(55) }
    expect(judged(watched(first, removed, back), file, [{}, between, late]).verdicts).toEqual([
      'fresh',
      'stale',
      'fresh',
    ])
    // With `items` the kubelet does not mount the volume without the key.
    expect(judged(watched(first, removed, back), subPath, [{}, between]).verdicts).toEqual([
      'fresh',
      'fresh',
    ])
    expect(judged(watched(first, removed), file, [{}, between]).starts).toBe(false)
    // Nor does it without the Secret.
    expect(judged(watched(first, deleted, back), file, [{}, between]).verdicts).toEqual([
      'fresh',
      'fresh',
    ])
    const changed = judged(watched(first, bad(9.8), { ...removed, seen: at(60) }), file)
    expect(changed).toMatchObject({ verdicts: ['stale', 'stale'], hold: 'KeyMissing' })
  })

  test('but not when it comes back with other content', () => {
    const other: Write = { ...back, data: { ...OLD, password: 'new' } }
    for (const use of [env, optional, envFrom, optionalEnvFrom, subPath]) {
      expect(judged(watched(first, deleted, other), use).verdicts).toEqual(['stale', 'stale'])
    }
  })
})

test('what is recorded of many keys that all changed often fits into one object', () => {
  const all = (n: number): Write => ({
    data: Object.fromEntries(Array.from({ length: 200 }, (_, k) => [`KEY_NUMBER_${k}`, `${n}`])),
    time: at(n * 10),
    seen: at(n * 10),
  })
  const often = watched(...Array.from({ length: 20 }, (_, n) => all(n - 30)))
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const sources = names.map((name) => ({
    ...often,
    ref: { kind: 'Secret', namespace: 'shop', name } as const,
  }))
  const uses = appUses(...names.map((name) => ({ ...envFrom, source: `secret/${name}` as const })))
  const of = deployment('web', { uses })
  const pods = [pod('web-1', { uses, createdAt: at(-295) }), pod('web-2', { uses })]
  const planned = workload({ workload: of, pods, sources, consumer: undefined })
  const made = plan(snapshot([planned]), policy, at(0))
  const written = made.actions.find((each) => each.kind === 'record')
  if (written?.kind !== 'record') throw new Error('expected a record')
  expect(JSON.stringify(writeStatus(written.status)).length).toBeLessThan(1024 * 1024)
  expect(made.workloads[0]?.counts.stale).toBe(2)
})

test('a container that started between two changes of one second and what followed is stale, however late they are seen', () => {
  const data = (password: string) => ({ ...OLD, password })
  const late = { seen: at(30) }
  const db = watched(
    first,
    { data: data('new'), time: at(10), ...late },
    { data: OLD, time: at(10.9), ...late },
    { data: data('new'), time: at(13.7), ...late },
  )
  const started = { startedAt: at(14), absentAt: at(13), presentAt: at(15), restarts: 2 }
  expect(judged(db, env, [{ container: started }]).verdicts).toEqual(['stale'])
})

describe('absence restarts nothing', () => {
  const without = (data: Write['data']): Write => ({ data, time: at(-7200), seen: at(10) })

  test.each<[string, Write, readonly Use[]]>([
    ['a key that nobody names is removed', without({ password: 'old' }), [envFrom]],
    ['a key that somebody names is removed', without({ extra: 'x' }), [env, optional, subPath]],
    ['every key is removed', without({}), [env, optional, envFrom, optionalEnvFrom, subPath]],
    ['the Secret is deleted', deleted, [env, optional, envFrom, optionalEnvFrom, subPath]],
  ])('%s', (_, write, uses) => {
    for (const use of uses) {
      const { verdicts, starts } = judged(watched(first, write), use)
      expect(verdicts, JSON.stringify(use)).toEqual(['fresh', 'fresh'])
      expect(starts).toBe(false)
    }
  })

  test('but a key that is added or changed at the same time does, by all keys', () => {
    const added = { data: { password: 'old', more: 'y' }, time: at(10), seen: at(10) }
    expect(judged(watched(first, added), envFrom).verdicts).toEqual(['stale', 'stale'])
    expect(judged(watched(first, added), env).verdicts).toEqual(['fresh', 'fresh'])
    const changed = { data: { password: 'new' }, time: at(10), seen: at(10) }
    expect(judged(watched(first, changed), envFrom).verdicts).toEqual(['stale', 'stale'])
  })

  test.each<[string, Write, Use, string]>([
    ['a Secret is missing', { ...deleted, seen: at(60) }, env, 'SourceMissing'],
    [
      'a Secret of which all is used is missing',
      { ...deleted, seen: at(60) },
      envFrom,
      'SourceMissing',
    ],
    ['a key is missing', { ...without({ extra: 'x' }), seen: at(60) }, env, 'KeyMissing'],
  ])(
    'what is stale by another change is held while %s that it requires',
    (_, write, use, reason) => {
      const { verdicts, hold, starts } = judged(watched(first, bad(9.8), write), use)
      expect(verdicts).toEqual(['stale', 'stale'])
      expect(hold).toBe(reason)
      expect(starts).toBe(false)
    },
  )

  test('a Secret without any data holds what is stale by another one', () => {
    const uses = appUses(envFrom, { ...password, source: 'secret/mail' })
    const db = watched(first, without({}))
    const mail = { ...watched(first, bad(9.8)), ref: { ...db.ref, name: 'mail' } }
    const of = deployment('web', { uses })
    const pods = [1, 2, 3].map((n) => pod(`web-${n}`, { uses }))
    const ledger = appliedLedger([db, mail], {}, ['*', 'password'])
    const known = workload({
      workload: of,
      pods,
      sources: [db, mail],
      consumer: consumer(of, ledger),
    })
    const [planned] = plan(snapshot([known]), policy, at(120)).workloads
    expect(planned?.counts.stale).toBe(3)
    expect(planned?.hold?.reason).toBe('ValueEmpty')
    expect(planned?.hold?.message).toContain('db')
  })

  test('where nothing was, what comes is a change', () => {
    const missing: Write = { data: null, time: 0, seen: at(-7100) }
    for (const use of [optional, optionalEnvFrom]) {
      expect(judged(watched(missing, bad(9.8)), use).verdicts).toEqual(['stale', 'stale'])
    }
    const waited = { container: { startedAt: at(12), presentAt: at(13) } }
    for (const use of [env, envFrom]) {
      expect(judged(watched(missing, bad(9.8)), use, [waited, waited]).verdicts).toEqual([
        'fresh',
        'fresh',
      ])
    }
  })
})
