import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../src/sources/source.ts'
import type { ManagedWorkload } from '../../../src/plan/snapshot.ts'
import { MOST_OPEN } from '../../../src/report/rotations/rotation-tracker.ts'
import { isFinished, type Rotation } from '../../../src/records/rotation.ts'
import { at, pod } from '../../plan/cluster-builder.ts'
import {
  calm,
  changedAt,
  evicting,
  halt,
  oneAway,
  replacement,
  restarting,
  rotated,
  told,
} from '../../plan/planning.ts'
import { book, line, picture } from './following.ts'

/** What is said of one picture by a book that knows nothing. */
function said(workloads: readonly ManagedWorkload[], second = 10): string[] {
  return book().follow(picture(second, workloads)).map(line)
}

/** All pods hold today's content. */
function fresh(name: string): ManagedWorkload {
  const pods = [1, 2, 3].map((n) => pod(`${name}-new-${n}`, { createdAt: at(8) }))
  return told(name, { pods, ledger: { lastRestart: { id: 'r1', finishedAt: at(9) } } })
}

const failure = {
  id: 'r1',
  kind: 'Unfit',
  failedAt: at(9),
  message: 'pod web-new crashes again and again',
  contents: [{ source: 'secret/db', key: 'password', digest: today(rotated('db')) }],
} as const

function today(source: ReturnType<typeof rotated>): string {
  return digestOf(source, 'password') ?? ''
}

describe('of one picture', () => {
  test('nobody is stale: there is no rotation', () => {
    expect(said([told('web', { sources: [calm('db')] }), fresh('api')])).toEqual([])
  })

  test.each<[string, readonly ManagedWorkload[], string[]]>([
    [
      'two wait, since the change has just come',
      [
        told('api', { sources: [rotated('db', {}, 9)] }),
        told('web', { sources: [rotated('db', {}, 9)] }),
      ],
      ['db@9 Waiting: workloads 0/2 (2 waiting), pods 0/6 (6 waiting); QuietPeriod 2'],
    ],
    [
      'one is being restarted, with a pod away, and the other one waits for it',
      [restarting('api'), told('web')],
      [
        'db@0 Restarting: workloads 0/2 (1 restarting, 1 waiting), pods 0/6 (1 restarting, 5 waiting); ClusterBudget 1, MaxUnavailable 1',
      ],
    ],
    [
      'a replacement is there, and starting',
      [restarting('web', { pods: [...oneAway('web'), replacement('web-new')] })],
      [
        'db@0 Restarting: workloads 0/1 (1 restarting), pods 0/3 (1 restarting, 2 waiting); MaxUnavailable 1',
      ],
    ],
    [
      'paused by a person',
      [told('web', { annotations: { paused: 'true' } })],
      ['db@0 Held: workloads 0/1 (1 held), pods 0/3 (3 held); Paused 1'],
    ],
    [
      'failed, and the other one is stopped by it',
      [
        told('api', {
          pods: [...oneAway('api'), replacement('api-new')],
          ledger: { failure },
        }),
        told('web'),
      ],
      [
        'db@0 Failed: workloads 0/2 (1 held, 1 failed), pods 0/6 (3 held, 3 failed); GroupHalted 1, RestartFailed 1',
      ],
    ],
    [
      'a workload that consumes two Secrets is in the rotation of the one that changed alone',
      [told('web', { sources: [rotated('db'), calm('mail')] })],
      ['db@0 Waiting: workloads 0/1 (1 waiting), pods 0/3 (3 waiting)'],
    ],
    [
      'a pod that is newer than one of two changes is stale for the other one alone',
      [
        told('web', {
          sources: [changedAt('db', 7), rotated('mail')],
          pods: [1, 2, 3].map((n) => pod(`web-${n}`, { createdAt: at(4) })),
        }),
      ],
      ['db@7 Waiting: workloads 0/1 (1 waiting), pods 0/3 (3 waiting); QuietPeriod 1'],
    ],
  ])('%s', (_, workloads, expected) => {
    expect(said(workloads)).toEqual(expected)
  })

  test('a Halt of something else that failed halts it', () => {
    const group = { kind: 'Secret', name: 'db' } as const
    const stopped = halt({ reason: 'RestartFailed', group, message: 'another one failed' })
    const seen = book().follow(picture(10, [told('web')], new Map(), { halts: [stopped] }))
    expect(seen.map(line)).toEqual([
      'db@0 Halted: workloads 0/1 (1 held), pods 0/3 (3 held); GroupHalted 1',
    ])
  })

  test('the Secret tells the fingerprint and who changed it; the forecast tells the end', () => {
    const [rotation] = book().follow(picture(10, [told('web')]))
    expect(rotation?.fingerprint).toMatch(/^[0-9a-f]{12}$/)
    expect(rotation?.eta).toBe(at(40))
    const [held] = book().follow(picture(10, [told('web', { annotations: { paused: 'true' } })]))
    expect(held?.eta).toBeUndefined()
  })
})

describe('from picture to picture', () => {
  test('it starts with the first restart, and ends when nobody is stale', () => {
    const follow = book()
    expect(follow.follow(picture(1, [told('api'), told('web')]))).toMatchObject([
      { phase: 'Waiting', startedAt: undefined },
    ])
    expect(follow.follow(picture(10, [restarting('api'), told('web')]))).toMatchObject([
      { phase: 'Restarting', startedAt: evicting.startedAt },
    ])
    const [half] = follow.follow(picture(20, [fresh('api'), told('web')]))
    expect(half && line(half)).toMatch(/^db@0 Waiting: workloads 1\/2 \(1 waiting\), pods 3\/6/)
    const [end] = follow.follow(picture(30, [fresh('api'), fresh('web')]))
    expect(end && line(end)).toBe('db@0 Succeeded: workloads 2/2, pods 6/6')
    expect(end).toMatchObject({ startedAt: evicting.startedAt, finishedAt: at(30) })
    expect(end?.eta).toBeUndefined()
    expect(follow.follow(picture(31, [fresh('api'), fresh('web')]))).toEqual([])
  })

  test('a restart that begins and ends between two pictures has its start', () => {
    const follow = book()
    follow.follow(picture(1, [told('web')]))
    const began = new Map([[told('web').workload.ref.uid, at(7)]])
    expect(follow.follow(picture(10, [fresh('web')], began))).toMatchObject([
      { phase: 'Succeeded', startedAt: at(7) },
    ])
  })

  test('a newer change takes its place, and tells so', () => {
    const follow = book()
    follow.follow(picture(10, [told('web')]))
    const next = follow.follow(picture(20, [told('web', { sources: [rotated('db', {}, 15)] })]))
    expect(next.map(line)).toEqual([
      'db@0 Superseded: workloads 0/1 (1 waiting), pods 0/3 (3 waiting)',
      'db@15 Waiting: workloads 0/1 (1 waiting), pods 0/3 (3 waiting)',
    ])
    expect(next[0]).toMatchObject({
      finishedAt: at(20),
      supersededBy: 'secret-db-20260301t120015z',
    })
  })

  test('where every consumer is gone it is abandoned', () => {
    const follow = book()
    follow.follow(picture(10, [told('web')]))
    expect(follow.follow(picture(20, [])).map(line)).toEqual([
      'db@0 Abandoned: workloads 0/0, pods 0/0',
    ])
  })

  test('who is stale again opens it again', () => {
    const follow = book()
    follow.follow(picture(10, [told('web')]))
    follow.follow(picture(20, [fresh('web')]))
    const [again] = follow.follow(picture(30, [told('web')]))
    expect(again).toMatchObject({ changedAt: at(0), phase: 'Waiting' })
    expect(again && isFinished(again)).toBe(false)
  })

  test('so many are followed at once, and others when some are over', () => {
    const follow = book()
    const names = Array.from({ length: MOST_OPEN + 10 }, (_, n) => `web-${n}`)
    const each = (state: (name: string) => ManagedWorkload) => names.map(state)
    const stale = (name: string) => told(name, { sources: [rotated(`db-of-${name}`)] })
    expect(follow.follow(picture(10, each(stale)))).toHaveLength(MOST_OPEN)
    const [first = ''] = names
    const done = (name: string) =>
      name === first
        ? told(name, {
            sources: [rotated(`db-of-${name}`)],
            pods: [pod(name, { createdAt: at(8) })],
          })
        : stale(name)
    expect(follow.follow(picture(20, each(done)))).toHaveLength(MOST_OPEN)
    expect(follow.follow(picture(30, each(done))).filter(isFinished)).toEqual([])
  })

  test('the forecast moves by steps that are worth a write', () => {
    const follow = book()
    const eta = (second: number) => follow.follow(picture(second, [told('web')]))[0]?.eta
    expect(eta(10)).toBe(at(40))
    expect(eta(14)).toBe(at(40))
    expect(eta(18)).toBe(at(48))
  })

  test('the forecast never stays at a time that has passed', () => {
    const follow = book()
    const eta = (second: number, end: number) => {
      const ends = new Map([['shop/secret/db', at(end)] as const])
      return follow.follow({ ...picture(second, [told('web')]), ends })[0]?.eta
    }
    expect(eta(10, 14)).toBe(at(14))
    expect(eta(13, 16)).toBe(at(14))
    expect(eta(14, 17)).toBe(at(17))
  })
})

describe('after a restart of Sluice', () => {
  /** What was written of two workloads, one of which is done by now. */
  function written(): Rotation {
    const follow = book()
    follow.follow(picture(10, [restarting('api'), told('web')]))
    const [rotation] = follow.follow(picture(20, [fresh('api'), told('web')]))
    if (!rotation) throw new Error('there is a rotation')
    return rotation
  }

  test('it goes on as the same, and counts who was done before', () => {
    const follow = book()
    expect(follow.adopt([written()], at(21))).toEqual([])
    const [rotation] = follow.follow(picture(22, [fresh('api'), told('web')]))
    expect(rotation).toEqual({ ...written(), eta: rotation?.eta })
    const [end] = follow.follow(picture(30, [fresh('api'), fresh('web')]))
    expect(end && line(end)).toBe('db@0 Succeeded: workloads 2/2, pods 6/6')
  })

  test('one that came to its end meanwhile ends', () => {
    const follow = book()
    follow.adopt([written()], at(21))
    const [end] = follow.follow(picture(22, [fresh('api'), fresh('web')]))
    expect(end && line(end)).toBe('db@0 Succeeded: workloads 2/2, pods 6/6')
  })

  test('one that is over is not made again, though a pod of its workload is stale for another Secret', () => {
    const follow = book()
    const over = { ...written(), phase: 'Succeeded', finishedAt: at(21) } as const
    follow.adopt([over], at(21))
    const sources = [rotated('db'), changedAt('mail', 20)]
    const pods = [1, 2, 3].map((n) => pod(`web-${n}`, { createdAt: at(2) }))
    const seen = follow.follow(picture(22, [told('web', { sources, pods })]))
    const open = seen.filter((each) => !isFinished(each))
    expect(open.map((each) => each.source.name)).toEqual(['mail'])
  })

  test('of two that are open the older one is over', () => {
    const older = { ...written(), changedAt: at(-100) }
    const [over] = book().adopt([written(), older], at(21))
    expect(over).toMatchObject({ phase: 'Superseded', supersededBy: 'secret-db-20260301t120000z' })
    expect(over && isFinished(over)).toBe(true)
  })
})
