import { describe, expect, test } from 'vitest'
import { readConsumer, writeStatus } from '../../src/records/consumer.ts'
import { readHalt, writeHalt, type HaltRecord, type HaltSpec } from '../../src/records/halt.ts'
import type { Action, HaltAction } from '../../src/plan/action.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import {
  at,
  container,
  deployment,
  digester,
  pod,
  source,
  type PodChange,
} from './cluster-builder.ts'
import {
  calm,
  changedAt,
  evicting,
  halt,
  NOW,
  oneAway,
  planned,
  replacement,
  restarting,
  rotated,
  told,
  type Planned,
  type Told,
} from './planning.ts'

const crashing: PodChange = {
  containers: [container(NOW, { state: 'waiting', waitingReason: 'CrashLoopBackOff' })],
}
const wide = { maxConcurrentRestarts: 9, maxConcurrentPerGroup: 9 }

/** A restart whose new pod crashes; nobody has found out yet. */
const failing = (name: string, change: Told = {}) =>
  restarting(name, { pods: [...oneAway(name), replacement('new', crashing)], ...change })

/** The same after the failure was recorded. */
function failed(name: string, change: Told = {}): ManagedWorkload {
  const before = failing(name, change)
  const record = planned([before]).actions.find((action) => action.kind === 'record')
  if (record?.cause !== 'failed' || !before.consumer) throw new Error('it did not fail')
  return { ...before, consumer: { ...before.consumer, status: record.status } }
}

const haltsIn = ({ actions }: Planned): readonly HaltAction[] =>
  actions.filter((action: Action) => action.kind === 'halt')

/** The Halts as the watch shows them after they were written. */
const asWatched = (made: Planned): readonly HaltRecord[] =>
  haltsIn(made).map(({ namespace, name, spec }) => {
    const raw = JSON.parse(JSON.stringify(writeHalt(namespace, name, spec))) as { spec: unknown }
    return readHalt({ metadata: { namespace, name, uid: `uid-of-${name}` }, spec: raw.spec })
  })

const done = ({ lines }: Planned) => lines.filter((each) => !each.startsWith('halt'))

describe('a failure because of suspect content', () => {
  test('halts each of its groups', () => {
    const made = planned([
      failed('web', {
        sources: [rotated('db', { group: 'postgres' }), rotated('cache'), calm('other')],
        annotations: { group: 'shop-web' },
      }),
    ])
    expect(made.lines).toEqual(
      [
        'restartfailed-secret-db',
        'restartfailed-secret-cache',
        'restartfailed-group-shop-web',
        'restartfailed-group-postgres',
      ].map(
        (name) => `halt shop/${name}: the restart of web failed: pod new crashes again and again`,
      ),
    )
    expect(haltsIn(made)[0]?.spec.failure).toMatchObject({
      id: 'r1',
      workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-of-shop-web' },
      keyFingerprint: digester.fingerprint,
      contents: [{ source: 'secret/db' }, { source: 'secret/cache' }],
    })
  })

  test('halts them though every pod has the new content', () => {
    const single = failed('web', {
      of: { replicas: 1 },
      pods: [replacement('new', crashing)],
    })
    expect(haltsIn(planned([single], { now: at(30) })).map(({ name }) => name)).toEqual([
      'restartfailed-secret-db',
    ])
  })

  test('halts nothing where it only cannot start', () => {
    const unwell = failed('web', { ledger: { restart: { ...evicting, wasUnwell: true } } })
    expect(haltsIn(planned([unwell]))).toEqual([])
  })

  test('is written down once', () => {
    const halts = asWatched(planned([failed('web')]))
    expect(haltsIn(planned([failed('web')], {}, { halts }))).toEqual([])
  })

  test('of a second workload of the group asks for no second Halt', () => {
    const both = [failed('a'), failed('b')]
    expect(haltsIn(planned(both))).toHaveLength(1)
  })
})

/** As it was written while another digest key was in use. */
function underKey(keyFingerprint: string, halt: HaltRecord): HaltRecord {
  const { spec } = halt
  if (!spec?.failure) throw new Error('it is not the Halt of a failure')
  return { ...halt, spec: { ...spec, failure: { ...spec.failure, keyFingerprint } } }
}

describe('a halted group', () => {
  const halts = asWatched(planned([failed('web')]))
  const held =
    'GroupHalted: Halt shop/restartfailed-secret-db: the restart of web failed: pod new crashes again and again'

  test('starts nothing, and goes on with nothing', () => {
    const begun = told('b', { ledger: { restart: evicting } })
    const away = restarting('c', { annotations: { 'max-unavailable': '3' } })
    const made = planned([failed('web'), told('a'), begun, away], wide, { halts })
    expect(made.lines).toEqual(['record shop/web: halted'])
    expect(made.holds).toMatchObject({ a: held, b: held, c: held })
    expect(made.reasons.web).toBe('RestartFailed')
  })

  test('lets other groups go on', () => {
    const other = told('z', { sources: [rotated('cache')] })
    const elsewhere = told('far', { namespace: 'mail' })
    const made = planned([failed('web'), told('a'), other, elsewhere], wide, { halts })
    expect(made.lines).toContain('record mail/far: started')
    expect(made.lines).toContain('record shop/z: started')
    expect(made.reasons.a).toBe('GroupHalted')
  })

  test('is halted from the moment on in which the failure is found', () => {
    const begun = told('b', { ledger: { restart: evicting } })
    const made = planned([told('a'), begun, failing('web')], wide)
    expect(done(made)).toEqual(['record shop/web: failed'])
    expect(made.reasons).toMatchObject({ a: 'GroupHalted', b: 'GroupHalted' })
  })

  test('stays halted until its Halt is seen', () => {
    const made = planned([failed('web'), told('a')], wide)
    expect(done(made)).toEqual([])
    expect(made.reasons.a).toBe('GroupHalted')
  })

  test('is halted by the Halt alone: after a restart of Sluice, and with the workload gone', () => {
    expect(planned([told('a')], {}, { halts }).lines).toEqual([])
    expect(planned([told('a')], { now: at(99_999) }, { halts }).holds.a).toBe(held)
  })

  test('stays halted when a successor of the same name is well', () => {
    const successor = told('web', { sources: [calm('db')] })
    const renewed = {
      ...successor,
      workload: { ...deployment('web'), ref: { ...deployment('web').ref, uid: 'another' } },
      consumer: undefined,
    }
    expect(planned([renewed, told('a')], {}, { halts }).reasons.a).toBe('GroupHalted')
  })

  test('stays halted when the workload that failed opts out', () => {
    expect(planned([told('a')], { now: at(5000) }, { halts }).lines).toEqual([])
  })

  test('stays halted when the workload that failed is gone and its Secret is deleted', () => {
    const gone = told('a', { sources: [source('db', { at: at(60), data: null })] })
    expect(planned([gone], { now: at(100) }, { halts }).lines).toEqual([])
  })

  test('stays halted when the workload that failed is gone and the digest key is replaced', () => {
    const digested = halts.map((each) => underKey('f'.repeat(32), each))
    expect(planned([told('a')], {}, { halts: digested }).reasons.a).toBe('GroupHalted')
    expect(
      planned(
        [told('a', { sources: [rotated('db', {}, 60)] })],
        { now: at(100) },
        { halts: digested },
      ).lines,
    ).toEqual([])
  })

  test('stays halted when a Secret changes that the failure was not about', () => {
    const before = failed('web', { sources: [rotated('db'), calm('cache')] })
    const later = changedAt('cache', 60)
    const after = {
      ...before,
      source: (name: string) => (name === 'cache' ? later : rotated('db')),
    }
    const made = planned([after, told('a')], { now: at(100) }, { halts })
    expect(made.lines.filter((each) => each.startsWith('release'))).toEqual([])
    expect(made.reasons.a).toBe('GroupHalted')
  })

  test.each<[string, ManagedWorkload[], number]>([
    [
      'the content changes',
      [failed('web'), told('a', { sources: [rotated('db', {}, 60)] })].map((each) => ({
        ...each,
        source: () => rotated('db', {}, 60),
      })),
      at(100),
    ],
    [
      'the content changes and the workload is gone',
      [told('a', { sources: [rotated('db', {}, 60)] })],
      at(100),
    ],
    ['its failure is over', [told('web'), told('a')], NOW],
  ])('is released when %s', (_, workloads, now) => {
    expect(planned(workloads, { now }, { halts }).lines).toContain(
      'release shop/restartfailed-secret-db',
    )
  })

  test('is released when the failed restart is resumed', () => {
    const resumed = failed('web', { annotations: { resume: 'r1' } })
    expect(planned([resumed], {}, { halts }).lines).toContain('record shop/web: recovered')
    const after = told('web')
    expect(planned([after], {}, { halts }).lines).toContain('release shop/restartfailed-secret-db')
  })

  test('that a person releases by deleting the Halt goes on, the failed workload aside', () => {
    const seen = planned([failed('web')], {}, { halts })
    expect(seen.lines).toEqual(['record shop/web: halted'])
    const [record] = seen.actions
    if (record?.kind !== 'record') throw new Error('that the Halt is there was not recorded')
    const before = failed('web')
    if (!before.consumer) throw new Error('it has a Consumer')
    const { namespace, name, uid, resourceVersion } = before.consumer
    const ownerReferences = [{ kind: 'Deployment', name: 'web', uid: 'uid-of-shop-web' }]
    const metadata = { namespace, name, uid, resourceVersion, ownerReferences }
    const known = {
      ...before,
      consumer: readConsumer({ metadata, status: writeStatus(record.status) }),
    }
    expect(known.consumer.status?.ledger.failure?.halts).toEqual(['restartfailed-secret-db'])
    expect(planned([known], {}, { halts }).lines).toEqual([])
    const released = planned([known, told('a')])
    expect(released.lines).toEqual(['record shop/a: started'])
    expect(released.reasons.web).toBe('RestartFailed')
  })

  test('of which the Halt is deleted before it was seen is halted again', () => {
    expect(haltsIn(planned([failed('web')]))).toHaveLength(1)
  })
})

describe('a Halt', () => {
  const spec: HaltSpec = {
    reason: 'RestartFailed',
    group: { kind: 'Secret', name: 'db' },
    message: 'm',
  }

  test.each<[string, HaltRecord, Record<string, boolean>]>([
    ['of a Secret halts its consumers', halt(spec), { a: true, z: false, far: false }],
    [
      'of a group halts who names it',
      halt({ ...spec, group: { kind: 'Group', name: 'pg' } }),
      { a: false, z: true, far: false },
    ],
    [
      'of a Secret does not halt a group of the same name',
      halt({ ...spec, group: { kind: 'Secret', name: 'pg' } }),
      { a: false, z: false, far: false },
    ],
    ['that cannot be read halts its namespace', halt(undefined), { a: true, z: true, far: false }],
    [
      'of a Secret of another namespace halts nothing here',
      halt(spec, { namespace: 'mail' }),
      { a: false, z: false, far: true },
    ],
  ])('%s', (_, only, expected) => {
    const all = [
      told('a'),
      told('z', { sources: [rotated('cache')], annotations: { group: 'pg' } }),
      told('far', { namespace: 'mail' }),
    ]
    const { reasons } = planned(all, wide, { halts: [only] })
    expect(
      Object.fromEntries(Object.keys(expected).map((name) => [name, reasons[name] !== undefined])),
    ).toEqual(expected)
  })

  test.each([
    ['without a reason', { message: 'x' }],
    ['with an unknown reason', { reason: 'Whim' }],
    [
      'with a group of an unknown kind',
      { reason: 'RestartFailed', group: { kind: 'X', name: 'y' } },
    ],
    ['without a group', { reason: 'RestartFailed', message: 'x' }],
    ['that is empty', undefined],
  ])('%s cannot be read', (_, raw) => {
    const metadata = { namespace: 'shop', name: 'x', uid: 'u' }
    expect(readHalt({ metadata, spec: raw }).spec).toBeUndefined()
  })

  test('that cannot be read says so in the hold', () => {
    expect(planned([told('a')], {}, { halts: [halt(undefined)] }).holds.a).toBe(
      'GroupHalted: Halt shop/halt: it cannot be read',
    )
  })

  test('that a person made is left to that person', () => {
    const made = planned([told('a')], { now: at(99_999) }, { halts: [halt(spec)] })
    expect(made.lines).toEqual([])
  })
})

describe('changes alone halt nothing', () => {
  test('of one Secret, however often it changes', () => {
    const often = rotated('db', {}, ...Array.from({ length: 20 }, (_, n) => 10 * (n + 1)))
    const made = planned([told('a', { sources: [often] })], { now: at(320) })
    expect(made.lines).toEqual(['record shop/a: started'])
  })

  test('of many Secrets at once, which are restarted one by one', () => {
    const many = Array.from({ length: 60 }, (_, n) =>
      told(`w${n}`, { sources: [rotated(`s${n}`)] }),
    )
    const { lines, reasons } = planned(many)
    expect(lines).toEqual(['record shop/w0: started'])
    expect(Object.values(reasons)).toEqual(Array.from({ length: 59 }, () => 'ClusterBudget'))
  })
})

test('pods that a halt left alone are as they were', () => {
  const halts = [
    halt({ reason: 'RestartFailed', group: { kind: 'Secret', name: 'db' }, message: 'm' }),
  ]
  const away = restarting('c', { pods: [pod('c-2'), pod('c-3')] })
  const made = planned([away, told('z', { sources: [rotated('cache')] })], {}, { halts })
  // Its slot stays taken until the pod that is away is back.
  expect(made.reasons).toEqual({ c: 'GroupHalted', z: 'ClusterBudget' })
})
