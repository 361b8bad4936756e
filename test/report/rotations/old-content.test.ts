// Who still holds old content, whoever restarts it or not: the moment to revoke a password.
import { describe, expect, test } from 'vitest'
import type { PodRecord } from '../../../src/workloads/pod.ts'
import type { Use } from '../../../src/workloads/uses.ts'
import { RotationTracker } from '../../../src/report/rotations/rotation-tracker.ts'
import type { SourceUsers } from '../../../src/report/rotations/holders.ts'
import { describeHolders } from '../../../src/report/rotations/condition.ts'
import { FILES_LAG, type UserPod } from '../../../src/report/rotations/old-content.ts'
import {
  readRotation,
  writeRotation,
  writeRotationStatus,
  type RawRotation,
  type Rotation,
} from '../../../src/records/rotation.ts'
import { unreadSource, type SourceRecord } from '../../../src/sources/source.ts'
import {
  appUses,
  at,
  container,
  password,
  pod,
  policy,
  source,
} from '../../plan/cluster-builder.ts'
import { calm, rotated, told } from '../../plan/planning.ts'
import { book, picture, unmanaged } from './following.ts'

/** `Succeeded; OldContentUnused=False StillInUse: …` */
function claim({ phase, conditions }: Rotation): string {
  const condition = conditions.find(({ type }) => type === 'OldContentUnused')
  return `${phase}; ${condition?.status ?? ''} ${condition?.reason ?? ''}: ${condition?.message ?? ''}`
}

/** web has opted in, and all of its pods were replaced after the change. */
const web = told('web', { pods: [1, 2, 3].map((n) => pod(`web-${n}`, { createdAt: at(8) })) })
const stale = (name: string, change: Partial<PodRecord> = {}) => pod(name, change)

/** What is said at second 20 of a rotation that began at second 10, when web was stale. */
function said(...others: readonly UserPod[]): string[] {
  const follow = book()
  follow.follow(picture(10, [told('web')], new Map(), {}, others))
  return follow.follow(picture(20, [web], new Map(), {}, others)).map(claim)
}

const volume: Use = { ...password, mode: 'volume' }
const onVolume = (createdAt = at(-3600)) => pod('files', { createdAt, uses: appUses(volume) })

describe('after the restarts of the workloads that opted in', () => {
  test('old content is unused if no other pod uses the Secret', () => {
    expect(said()).toEqual(['Succeeded; True NoHolders: no running pod holds old content'])
  })

  test.each<[string, UserPod, string]>([
    [
      'a pod of a Deployment without opt-in',
      unmanaged('Deployment/batch', stale('batch-1')),
      'False StillInUse: running pods: 1 with old content: Deployment/batch (1 stale)',
    ],
    [
      'a bare pod',
      unmanaged('Pod/debug', stale('debug')),
      'False StillInUse: running pods: 1 with old content: Pod/debug (1 stale)',
    ],
    [
      'an ephemeral container',
      unmanaged(
        'Pod/debugged',
        pod('debugged', {
          uses: [{ container: 'debugger', init: false, ephemeral: true, uses: [password] }],
          containers: [container(at(-60), { name: 'debugger' })],
        }),
      ),
      'False StillInUse: running pods: 1 with old content: Pod/debugged (1 stale)',
    ],
    [
      'a pod that is terminating',
      unmanaged('Job/backup', stale('backup', { terminating: true })),
      'False StillInUse: running pods: 1 with old content: Job/backup (1 stale)',
    ],
    [
      'a pod of web itself that is terminating',
      {
        ...unmanaged('Deployment/web', stale('web-old', { terminating: true })),
        workload: web.workload.ref.uid,
      },
      'False StillInUse: running pods: 1 with old content: Deployment/web (1 stale)',
    ],
    [
      'a pod that has not started since before the change',
      unmanaged('Job/backup', stale('backup', { containers: [] })),
      'False NotProven: running pods: 1 not started or updated yet: Job/backup (1 pending)',
    ],
    [
      'a pod created so close to the change that nobody can tell',
      unmanaged('Job/backup', stale('backup', { createdAt: at(0) })),
      'False NotProven: running pods: 1 created too close to the change to tell: Job/backup (1 unproven)',
    ],
    [
      'files that only the process knows about',
      unmanaged('Deployment/files', onVolume()),
      'Unknown ProcessDecides: running pods: 1 with changed files that only the process knows about: Deployment/files (1 files)',
    ],
    [
      'files that are to be restarted for, by a workload that did not opt in',
      unmanaged('Deployment/files', onVolume(), { volumes: 'restart' }),
      'False StillInUse: running pods: 1 with old content: Deployment/files (1 stale)',
    ],
    [
      'files of a live process, two minutes not being over',
      unmanaged('Deployment/files', onVolume(), { volumes: 'live' }),
      'False NotProven: running pods: 1 not started or updated yet: Deployment/files (1 pending)',
    ],
    [
      'files of a pod from after the change',
      unmanaged('Deployment/files', onVolume(at(9))),
      'True NoHolders: no running pod holds old content',
    ],
    [
      'a container that started again after the change',
      unmanaged(
        'Pod/debug',
        stale('debug', { containers: [container(at(8), { absentAt: at(6) })] }),
      ),
      'True NoHolders: no running pod holds old content',
    ],
  ])('%s', (_, other, expected) => {
    expect(said(other)).toEqual([`Succeeded; ${expected}`])
  })

  test('a workload that ignores the Secret holds old content all the same', () => {
    const deaf = told('deaf', { annotations: { ignore: 'secret/db' } })
    const follow = book()
    follow.follow(picture(10, [told('web'), deaf]))
    expect(follow.follow(picture(20, [web, deaf])).map(claim)).toEqual([
      'Succeeded; False StillInUse: running pods: 3 with old content: Deployment/deaf (3 stale)',
    ])
  })

  test('ten holders are named, those with most old content first, and the others counted', () => {
    const holders = Array.from({ length: 12 }, (_, n) => ({
      owner: `Pod/p-${n}`,
      counts: { stale: 1, unproven: 0, unknown: 0, pending: 0, files: 0 },
    }))
    const counts = { stale: 12, unproven: 0, unknown: 0, pending: 0, files: 0 }
    const text = describeHolders({ counts, holders })
    expect(text).toMatch(/^running pods: 12 with old content: Pod\/p-0 \(1 stale\), .* and 2 more$/)
    expect(text.match(/Pod\//g)).toHaveLength(10)
  })

  test('files of a live process count two minutes after the change, though nothing else happens', () => {
    const files = [unmanaged('Deployment/files', onVolume(), { volumes: 'live' })]
    const follow = book()
    follow.follow(picture(10, [told('web')], new Map(), {}, files))
    follow.follow(picture(20, [web], new Map(), {}, files))
    expect(follow.nextAt).toBe(at(0) + FILES_LAG)
    const later = (follow.nextAt - at(0)) / 1000
    expect(follow.follow(picture(later, [web], new Map(), {}, files)).map(claim)).toEqual([
      'Succeeded; True NoHolders: no running pod holds old content',
    ])
  })

  test('it is followed until the last holder is gone, and then said once', () => {
    const batch = [unmanaged('Deployment/batch', stale('batch-1'))]
    const follow = book()
    follow.follow(picture(10, [told('web')], new Map(), {}, batch))
    follow.follow(picture(20, [web], new Map(), {}, batch))
    expect(follow.follow(picture(30, [web], new Map(), {}, batch))).toEqual([])
    expect(follow.inUse).toEqual([
      { source: { kind: 'Secret', namespace: 'shop', name: 'db' }, pods: 1 },
    ])
    expect(follow.follow(picture(40, [web])).map(claim)).toEqual([
      'Succeeded; True NoHolders: no running pod holds old content',
    ])
    expect(follow.follow(picture(50, [web]))).toEqual([])
  })
})

/** As it is read after a restart of Sluice. */
function written(rotation: Rotation | undefined): Rotation {
  if (!rotation) throw new Error('expected a rotation')
  const raw = JSON.stringify({
    ...writeRotation(rotation),
    status: writeRotationStatus(rotation),
  })
  const read = readRotation(JSON.parse(raw) as RawRotation)
  if (!read) throw new Error('expected a readable rotation')
  return read
}

/** The Secret as a Sluice sees it that starts now: its newest content alone. */
function seenFirst({ ref, whole }: SourceRecord): SourceRecord {
  const { since: changedAt } = whole?.at(-1) ?? { since: 0 }
  return {
    ...source(ref.name, { at: changedAt - 500, data: { password: 'as of 0' } }),
    resourceVersion: '101',
  }
}

test('a restart of Sluice forgets no pod with old content, nor that another is proven fresh', () => {
  const batch = [
    unmanaged('Deployment/batch', stale('batch-1')),
    unmanaged('Job/new', pod('new', { createdAt: at(9) })),
  ]
  const before = book()
  before.follow(picture(10, [told('web')], new Map(), {}, batch))
  const [rotation] = before.follow(picture(20, [web], new Map(), {}, batch))
  const after = book()
  after.adopt([written(rotation)], at(30))
  const secret = seenFirst(rotated('db'))
  const again = { ...web, source: () => secret }
  const [next] = after.follow(picture(31, [again], new Map(), {}, batch))
  expect(next).toBeUndefined()
  expect(after.inUse).toEqual([
    { source: { kind: 'Secret', namespace: 'shop', name: 'db' }, pods: 1 },
  ])
  expect(after.follow(picture(40, [again], new Map(), {}, batch.slice(1))).map(claim)).toEqual([
    'Succeeded; True NoHolders: no running pod holds old content',
  ])
})

test('a restart of Sluice that finds no record calls the pods unknown, and says so', () => {
  const batch = [unmanaged('Deployment/batch', stale('batch-1'))]
  const before = book()
  before.follow(picture(10, [told('web')], new Map(), {}, batch))
  const [rotation] = before.follow(picture(20, [web], new Map(), {}, batch))
  const after = book()
  after.adopt([{ ...written(rotation), record: undefined }], at(30))
  const secret = seenFirst(rotated('db'))
  const again = { ...web, source: () => secret }
  expect(after.follow(picture(31, [again], new Map(), {}, batch)).map(claim)).toEqual([
    'Succeeded; False NotProven: running pods: 1 from before the source was first seen: Deployment/batch (1 unknown)',
  ])
})

test('a rotation whose Secret cannot be read after a restart of Sluice has not succeeded', () => {
  const before = book()
  const [rotation] = before.follow(picture(10, [told('web')]))
  const after = book()
  after.adopt([written(rotation)], at(30))
  const { ref } = rotated('db')
  const unread = unreadSource(ref, {
    kind: 'Unreadable',
    message: 'the right to get it is missing',
  })
  const fresh = { ...told('web', { sources: [calm('db')] }), source: () => unread }
  expect(after.follow(picture(31, [fresh])).map(claim)).toEqual([
    'Waiting; Unknown NotRead: the right to get it is missing',
  ])
})

test('a change that its owner takes back at once is no rotation that succeeded', () => {
  const at0 = { at: at(-0.5), data: { password: 'edited' } }
  const old = { at: at(-7200), data: { password: 'old' } }
  const edited = source('db', old, at0)
  const putBack = source('db', old, at0, { at: at(-0.3), data: { password: 'old' } })
  const follow = book()
  const [open] = follow.follow(picture(0.2, [told('web', { sources: [edited] })]))
  expect(open?.phase).toBe('Waiting')
  const [end] = follow.follow(picture(1, [told('web', { sources: [putBack] })]))
  expect(end && claim(end)).toBe(
    'TakenBack; False TakenBack: the content from before the change is in use again',
  )
})

test.each([true, false])(
  'a Secret that is deleted after its change proves nothing of the pods that hold older content (optional: %s)',
  (optional) => {
    const uses = appUses({ ...password, optional })
    const pods = [1, 2, 3].map((n) => pod(`web-${n}`, { uses }))
    const batch = [
      unmanaged('Deployment/batch', pod('batch-1', { uses })),
      unmanaged('Job/later', pod('later', { uses, createdAt: at(9) })),
    ]
    const writes = [
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-0.5), data: { password: 'new' } },
    ]
    const web = (db: SourceRecord) => told('web', { sources: [db], pods, of: { uses } })
    const follow = book()
    follow.follow(picture(10, [web(source('db', ...writes))], new Map(), {}, batch))
    const gone = source('db', ...writes, { at: at(12), data: null })
    const [end] = follow.follow(picture(20, [web(gone)], new Map(), {}, batch))
    expect(end && claim(end)).toBe(
      `${optional ? 'Abandoned' : 'Held'}; False StillInUse: running pods: 4 with old content: Deployment/web (3 stale), Deployment/batch (1 stale)`,
    )
  },
)

test('a workload that begins to ignore the Secret is not counted as done', () => {
  const follow = book()
  follow.follow(picture(10, [told('web'), told('api')]))
  const deaf = told('web', { annotations: { ignore: 'secret/db' } })
  const [left] = follow.follow(picture(20, [deaf, told('api')]))
  expect(left?.workloads).toMatchObject({ total: 1, done: 0 })
  const [end] = follow.follow(picture(30, [deaf]))
  expect(end && claim(end)).toBe(
    'Abandoned; False StillInUse: running pods: 3 with old content: Deployment/web (3 stale)',
  )
})

test('only the newest rotation of a Secret says that old content is unused', () => {
  const follow = book()
  follow.follow(picture(10, [told('web')]))
  follow.follow(picture(20, [web]))
  const next = told('web', { sources: [rotated('db', {}, 25)], pods: web.pods })
  const seen = follow.follow(picture(30, [next]))
  expect(seen.map(claim)).toEqual([
    'Succeeded; Unknown Superseded: the source changed again: see Rotation secret-db-20260301t120025z',
    expect.stringContaining('Waiting; False StillInUse'),
  ])
})

test('where nothing is to be restarted, though a workload that opted in uses the Secret, a rotation names who holds it', () => {
  const idle = told('web', { pods: [], of: { replicas: 0 } })
  const batch = [unmanaged('Deployment/batch', stale('batch-1'))]
  expect(
    book()
      .follow(picture(10, [idle], new Map(), {}, batch))
      .map(claim),
  ).toEqual([
    'Succeeded; False StillInUse: running pods: 1 with old content: Deployment/batch (1 stale)',
  ])
})

test('of a Secret that no workload which opted in uses there is no rotation, only a count', () => {
  const changed = rotated('mail')
  const uses = appUses({ ...password, source: 'secret/mail' })
  const user = unmanaged('Deployment/batch', pod('batch-1', { uses }))
  const sources: SourceUsers = {
    keyFingerprint: 'key',
    changed: () => [changed.ref],
    unused: () => {},
    source: () => changed,
    podsUsing: () => [user],
  }
  const follow = new RotationTracker(policy)
  const plain = told('web', { sources: [calm('db')] })
  expect(follow.follow({ ...picture(10, [plain]), sources })).toEqual([])
  expect(follow.inUse).toEqual([{ source: changed.ref, pods: 1 }])
})
