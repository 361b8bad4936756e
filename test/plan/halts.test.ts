import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { settings } from '../../src/config/settings.ts'
import { readConsumer, writeStatus } from '../../src/consumers/consumer.ts'
import { readHalt, writeHalt, type HaltRecord, type HaltSpec } from '../../src/consumers/halt.ts'
import { massChange } from '../../src/plan/breakers.ts'
import type { Action, HaltAction } from '../../src/plan/action.ts'
import type { Workload } from '../../src/plan/workload.ts'
import {
  appUses,
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
  passwordOf,
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
function failed(name: string, change: Told = {}): Workload {
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
      workload: 'web',
      workloadUid: 'uid-of-shop-web',
      keyFingerprint: digester.fingerprint,
      contents: [{ source: 'db' }, { source: 'cache' }],
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
      deployment: { ...deployment('web'), ref: { ...deployment('web').ref, uid: 'another' } },
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

  test.each<[string, Workload[], number]>([
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
      'that cannot be read, in the namespace of Sluice, halts everything',
      halt(undefined, { namespace: 'sluice-system' }),
      { a: true, z: true, far: true },
    ],
    [
      'without a group halts its namespace',
      halt({ reason: 'RestartFailed', message: 'm' }),
      { a: true, z: true, far: false },
    ],
    [
      'of a tenant that claims a mass change halts its namespace alone',
      halt({ reason: 'MassChange', message: 'm' }),
      { a: true, z: true, far: false },
    ],
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
    ['with a time that is none', { reason: 'SourceFlapping', until: 'soon' }],
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

describe('a Secret that changes too often', () => {
  const times = [60, 120, 180, 240, 300]
  const flapping = rotated('db', {}, ...times)
  const often = rotated('db', {}, ...Array.from({ length: 20 }, (_, n) => 10 * (n + 1)))
  const now = at(320)
  const name = 'sourceflapping-secret-db'

  test('is halted, until the change that is one too many is an hour old', () => {
    const made = planned([told('a', { sources: [flapping] })], { now })
    expect(made.lines).toContain(
      `halt shop/${name}: Secret shop/db changed 6 times within an hour, at most 5 are taken for rotations`,
    )
    expect(haltsIn(made)[0]?.spec.until).toBe(at(3600))
    expect(made.reasons.a).toBe('SourceFlapping')
  })

  test('is not, as long as it changed five times', () => {
    const five = rotated('db', {}, ...times.slice(0, 4))
    expect(planned([told('a', { sources: [five] })], { now }).lines).toEqual([
      'record shop/a: started',
    ])
  })

  test('is not, if the changes are an hour apart', () => {
    const slow = rotated('db', {}, 1000, 2000, 3000, 3400, 3700)
    expect(haltsIn(planned([told('a', { sources: [slow] })], { now: at(3720) }))).toEqual([])
  })

  test('is not for changes of a key that nobody consumes', () => {
    const tokens = [0, ...times].map((second) => ({
      at: at(second - 0.5),
      data: { password: 'same', token: `as of ${second}` },
    }))
    const db = source('db', { at: at(-7200), data: { password: 'same', token: 'old' } }, ...tokens)
    const of = { uses: appUses(passwordOf('db')) }
    expect(planned([told('a', { sources: [db], of })], { now }).lines).toEqual([])
    const both = { uses: appUses(passwordOf('db'), { ...passwordOf('db'), selector: 'token' }) }
    expect(planned([told('a', { sources: [db], of: both })], { now }).lines).toEqual([
      expect.stringContaining('halt shop/sourceflapping-secret-db'),
    ])
  })

  test('is halted though another key changes far more often', () => {
    const writes = Array.from({ length: 56 }, (_, minute) => ({
      at: at(minute * 60 - 0.5),
      data: { password: `as of ${Math.floor(minute / 4)}`, beat: `${minute}` },
    }))
    const db = source('db', { at: at(-7200), data: { password: 'old', beat: 'x' } }, ...writes)
    const last = at(55 * 60)
    expect(planned([told('a', { sources: [db] })], { now: last }).reasons.a).toBe('SourceFlapping')
  })

  test('is halted by its own number of changes', () => {
    const made = planned([told('a', { sources: [rotated('db', {}, 60)] })], {
      now,
      flappingChanges: 1,
    })
    expect(made.reasons.a).toBe('SourceFlapping')
  })

  test('is halted by the greatest number that can be set, however often it changed', () => {
    const all = Array.from({ length: 1000 }, (_, n) => n + 1)
    const allowed = all.filter((n) => settings.flappingChanges.kind.schema.safeParse(n).success)
    for (const flappingChanges of allowed) {
      const made = planned([told('a', { sources: [often] })], { now, flappingChanges })
      expect(made.reasons.a, `at most ${flappingChanges}`).toBe('SourceFlapping')
    }
  })

  test('is not, where none is set', () => {
    const made = planned([told('a', { sources: [often] })], { now, flappingChanges: Infinity })
    expect(made.lines).toEqual(['record shop/a: started'])
  })

  test('halts its own consumers alone', () => {
    const other = told('z', { sources: [rotated('cache')] })
    const made = planned([told('a', { sources: [flapping] }), other], { now })
    expect(done(made)).toContain('record shop/z: started')
  })

  test('is released by time alone, and Sluice looks again then', () => {
    const halts = asWatched(planned([told('a', { sources: [flapping] })], { now }))
    const seen = [told('a', { sources: [flapping] })]
    const before = planned(seen, { now: at(3599.9) }, { halts })
    expect(before.reasons.a).toBe('SourceFlapping')
    expect(before.wakeAt).toBe(at(3600))
    expect(planned(seen, { now: at(3600) }, { halts }).lines).toContain(`release shop/${name}`)
  })

  test('again while it is halted is halted for longer, and Sluice looks again then', () => {
    const halts = asWatched(planned([told('a', { sources: [flapping] })], { now }))
    const seen = [told('a', { sources: [rotated('db', {}, ...times, 1000)] })]
    const after = planned(seen, { now: at(3600) }, { halts })
    expect(after.lines).toEqual([])
    expect(after.reasons.a).toBe('SourceFlapping')
    expect(after.wakeAt).toBe(at(3660))
    expect(planned(seen, { now: at(3660) }, { halts }).lines).toContain(`release shop/${name}`)
  })

  test('stays halted after a restart of Sluice, which forgets the changes', () => {
    const halts = asWatched(planned([told('a', { sources: [flapping] })], { now }))
    const made = planned([told('a')], { now: at(3000) }, { halts })
    expect(made.reasons.a).toBe('SourceFlapping')
    expect(made.lines).toEqual([])
  })
})

describe('a change of many Secrets at once', () => {
  /** So many workloads, each with a Secret of its own, the first of which changed at second 0. */
  const fleet = (changed: number, all: number, inTurn = 7, at = 0) =>
    Array.from({ length: all }, (_, n) => {
      const namespace = `ns${n % inTurn}`
      const record = n < changed ? rotated(`s${n}`, {}, at) : calm(`s${n}`)
      return told(`w${n}`, {
        namespace,
        sources: [{ ...record, ref: { ...record.ref, namespace } }],
      })
    })
  const halted = ({ lines }: Planned) =>
    lines.filter((each) => each.startsWith('halt sluice-system/masschange'))

  test.each([
    [24, 99, true],
    [24, 120, false],
    [19, 19, false],
    [24, 24, true],
    [210, 999, true],
  ])('%i of %i halts everything: %s', (changed, all, expected) => {
    expect(halted(planned(fleet(changed, all)))).toHaveLength(expected ? 1 : 0)
  })

  test('says how many, and how it ends', () => {
    expect(halted(planned(fleet(25, 50)))).toEqual([
      'halt sluice-system/masschange: 25 of 50 consumed Secrets changed within 10 minutes; delete this Halt to let the restarts begin',
    ])
  })

  test('starts nothing from that moment on', () => {
    const made = planned(fleet(25, 50))
    expect(made.lines).toEqual(halted(made))
    expect(new Set(Object.values(made.reasons))).toEqual(new Set(['MassChange']))
  })

  test('does not count those of which nobody consumes what changed', () => {
    const many = Array.from({ length: 60 }, (_, n) =>
      told(`w${n}`, {
        sources: [
          source(
            `s${n}`,
            { at: at(-7200), data: { password: 'same', token: 'old' } },
            { at: at(-0.5), data: { password: 'same', token: 'new' } },
          ),
        ],
      }),
    )
    expect(planned(many).lines).toEqual([])
  })

  test('of which each is used by several workloads counts each once', () => {
    const many = Array.from({ length: 60 }, (_, n) =>
      told(`w${n}`, { sources: [rotated(`s${n % 15}`)] }),
    )
    expect(halted(planned(many))).toEqual([])
  })

  test('is over for the breaker after ten minutes, but the Halt stays until a person deletes it', () => {
    const halts = asWatched(planned(fleet(25, 50)))
    const later = planned(fleet(25, 50), { now: at(9000) }, { halts })
    expect(later.lines).toEqual([])
    expect(new Set(Object.values(later.reasons))).toEqual(new Set(['MassChange']))
  })

  test('does not halt again for the same changes after a person released it', () => {
    const released = planned(
      fleet(25, 50),
      { now: at(100) },
      { massChangeReleasedAt: new Map([['sluice-system', at(90)]]) },
    )
    expect(halted(released)).toEqual([])
    expect(released.lines).toHaveLength(1)
  })

  test('after a release halts again', () => {
    const made = planned(
      fleet(25, 25, 7, 95),
      { now: at(100) },
      { massChangeReleasedAt: new Map([['sluice-system', at(90)]]) },
    )
    expect(halted(made)).toHaveLength(1)
  })

  test('by its own share and minimum', () => {
    const made = planned(fleet(4, 6), { massChangeShare: 50, massChangeMinimum: 3 })
    expect(halted(made)).toHaveLength(1)
  })

  test('halts one namespace alone where without it few changed', () => {
    const tenant = fleet(90, 90, 1)
    const others = [told('z', { namespace: 'mail', sources: [rotated('cache')] })]
    const made = planned([...tenant, ...others])
    expect(made.lines).toEqual([
      'record mail/z: started',
      'halt ns0/masschange: 90 of 91 consumed Secrets changed, all in this namespace, within 10 minutes; delete this Halt to let its restarts begin',
    ])
    expect(made.reasons.w0).toBe('MassChange')
    // The Halt as it is seen then halts no more than that.
    const seen = planned([...tenant, ...others], {}, { halts: asWatched(made) })
    expect(seen.lines).toEqual(['record mail/z: started'])
  })

  test('is released by its namespace for that namespace alone', () => {
    const released = (where: string) =>
      planned(
        [...fleet(90, 90, 1), told('z', { namespace: 'mail', sources: [rotated('cache')] })],
        { now: at(100) },
        { massChangeReleasedAt: new Map([[where, at(90)]]) },
      )
    expect(released('ns0').reasons.w0).not.toBe('MassChange')
    expect(released('mail').reasons.w0).toBe('MassChange')
    expect(released('sluice-system').reasons.w0).not.toBe('MassChange')
  })

  test('by one namespace, whatever it does, halts no other, nor all', () => {
    const [one, other] = [rotated('s'), calm('s')]
    const counts = fc.tuple(fc.nat(60), fc.nat(60)).map(([changed, calm]) => ({ changed, calm }))
    const others = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), counts), {
      selector: ([name]) => name,
    })
    const haltedIn = (
      namespaces: readonly (readonly [string, { changed: number; calm: number }])[],
    ) =>
      massChange(
        {
          sources: new Map(
            namespaces.flatMap(([namespace, { changed, calm: still }]) =>
              Array.from({ length: changed + still }, (_, n) => {
                const record = n < changed ? one : other
                return [
                  `${namespace}/${n}`,
                  { ...record, ref: { namespace, name: `${n}` } },
                ] as const
              }),
            ),
          ),
          changesOf: ({ versions }) => versions.slice(1).map(({ changedAt: time }) => time),
        },
        { massChangeShare: 20, massChangeMinimum: 20 },
        { namespace: 'sluice-system', massChangeReleasedAt: new Map() },
        NOW,
      )
    fc.assert(
      fc.property(others, counts, (namespaces, tenant) => {
        const most = Math.max(0, ...namespaces.map(([, { changed }]) => changed))
        const halted = haltedIn([...namespaces, ['tenant', tenant]])
        // Where the tenant changed more than anybody, all that is halted of others is what they did themselves.
        if (tenant.changed > most && halted?.namespace === undefined && halted)
          expect(namespaces.reduce((sum, [, { changed }]) => sum + changed, 0)).toBeGreaterThan(19)
        // Nobody is halted by himself for less than would halt him were he alone in the cluster.
        if (halted?.namespace !== undefined && halted.namespace !== 'tenant') {
          const own = namespaces.find(([name]) => name === halted.namespace)?.[1].changed ?? 0
          expect(own).toBeGreaterThan(19)
        }
      }),
      { numRuns: 300 },
    )
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
