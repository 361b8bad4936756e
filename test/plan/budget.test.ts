import { describe, expect, test } from 'vitest'
import type { PodRecord } from '../../src/workloads/pod.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { appUses, at, container, pod, source, type PodChange } from './cluster-builder.ts'
import {
  bystander,
  calm,
  changedAt,
  evicting,
  NOW,
  oneAway,
  passwordOf,
  planned,
  replacement,
  restarting,
  rolledOut,
  rolling,
  rotated,
  told,
  type Told,
} from './planning.ts'

const crashing: PodChange = {
  containers: [container(NOW, { state: 'waiting', waitingReason: 'CrashLoopBackOff' })],
}

/** Limits that never bind. */
const wide = { maxConcurrentRestarts: 100, maxConcurrentPerGroup: 100 }

/** A workload with a Secret of its own. */
const alone = (name: string, change: Told = {}): ManagedWorkload =>
  told(name, { sources: [rotated(`secret-of-${name}`)], ...change })

const started = (lines: readonly string[]) =>
  lines.filter((each) => each.endsWith('started')).map((each) => each.split(/[/:]/)[1])

describe('the cluster', () => {
  test.each([
    [1, ['a'], 'ClusterBudget: restarts in the cluster: 1 under way (limit 1)'],
    [2, ['a', 'b'], 'ClusterBudget: restarts in the cluster: 2 under way (limit 2)'],
    [3, ['a', 'b', 'c'], undefined],
  ])('restarts at most %i at once', (maxConcurrentRestarts, begun, hold) => {
    const all = ['a', 'b', 'c'].map((name) => alone(name))
    const { lines, holds } = planned(all, { maxConcurrentRestarts })
    expect(started(lines)).toEqual(begun)
    expect(holds.c).toBe(hold)
  })

  test('gives the slot of a restart to another where it is held and has nothing away', () => {
    const held = alone('a', { ledger: { restart: evicting }, annotations: { paused: 'true' } })
    expect(started(planned([held, alone('b')]).lines)).toEqual(['b'])
  })

  test('keeps the slot of a restart that settles', () => {
    const settling = [...oneAway('a'), replacement('a-4', { ready: true, readyAt: at(8) })]
    const held = restarting('a', { pods: settling })
    expect(planned([held, alone('b')]).reasons).toEqual({ a: 'MaxUnavailable', b: 'ClusterBudget' })
    expect(planned([held, alone('b')], { now: at(13) }).lines).toEqual(['evict shop/a: a-2'])
  })

  test.each<[string, PodChange, number]>([
    ['settles past its deadline', { ready: true, readyAt: at(580) }, 610],
    ['is not Ready any more, past its first deadline', { unreadyAt: at(590) }, 620],
  ])('keeps the slot of a restart of which a pod %s', (_, change, second) => {
    const of = { minReady: 60_000 }
    const pods = [...oneAway('a'), replacement('a-4', change)]
    const both = [restarting('a', { of, pods }), told('b')]
    const { lines, groups } = planned(both, { ...wide, maxConcurrentPerGroup: 1, now: at(second) })
    expect(started(lines)).toEqual([])
    expect(groups).toEqual({ 'Secret shop/db': 1 })
  })

  test('gives up a pod that comes and goes at twice its deadline', () => {
    const pods = [...oneAway('a'), replacement('a-4', { unreadyAt: at(1190) })]
    const both = [restarting('a', { pods }), told('b')]
    const before = planned(both, { now: at(1200) })
    expect(started(before.lines)).toEqual([])
    expect(before.wakeAt).toBe(at(1207))
    expect(started(planned(both, { now: at(1207) }).lines)).toEqual(['b'])
  })

  test('takes no slot for a restart that is done but for its record', () => {
    const done = ['a-4', 'a-5', 'a-6'].map((name) =>
      replacement(name, { ready: true, readyAt: at(8) }),
    )
    const { lines } = planned([restarting('a', { pods: done }), alone('b')], { now: at(20) })
    expect(lines).toEqual(['record shop/a: finished', 'record shop/b: started'])
  })

  test('does not let two restarts go on together where there may be only one now', () => {
    const both = [
      restarting('a', { sources: [rotated('db')] }),
      restarting('b', { sources: [rotated('cache')], annotations: { 'max-unavailable': '2' } }),
    ]
    expect(planned(both, { maxConcurrentRestarts: 2 }).lines).toEqual(['evict shop/b: b-2'])
    const { lines, holds } = planned(both)
    expect(lines).toEqual([])
    expect(holds.b).toBe('ClusterBudget: restarts in the cluster: 1 under way (limit 1)')
  })
})

describe('a group', () => {
  test('never has two workloads that share a changed Secret restarted together', () => {
    const { lines, holds } = planned([told('a'), told('b'), alone('c')], {
      maxConcurrentRestarts: 5,
    })
    expect(started(lines)).toEqual(['a', 'c'])
    expect(holds.b).toBe('GroupBudget: restarts in Secret shop/db: 1 under way (limit 1)')
  })

  test('has more of them restarted together where the limit is raised', () => {
    const all = [told('a'), told('b'), told('c')]
    const { lines, holds } = planned(all, { maxConcurrentRestarts: 5, maxConcurrentPerGroup: 2 })
    expect(started(lines)).toEqual(['a', 'b'])
    expect(holds.c).toBe('GroupBudget: restarts in Secret shop/db: 2 under way (limit 2)')
  })

  test.each<[string, Told, Told, string | undefined]>([
    [
      'that both workloads name',
      { annotations: { group: 'postgres' } },
      { annotations: { group: 'postgres' } },
      'Group shop/postgres',
    ],
    [
      'that both Secrets name',
      { sources: [rotated('one', { group: 'postgres' })] },
      { sources: [rotated('two', { group: 'postgres' })] },
      'Group shop/postgres',
    ],
    [
      'that a workload and the Secret of another name',
      { annotations: { group: 'postgres' } },
      { sources: [rotated('two', { group: 'postgres' })] },
      'Group shop/postgres',
    ],
    [
      'of one of two changed Secrets',
      { sources: [rotated('one'), rotated('two')] },
      { sources: [rotated('two'), rotated('three')] },
      'Secret shop/two',
    ],
    [
      'of a Secret that did not change is none',
      { sources: [rotated('one'), calm('shared')] },
      { sources: [rotated('two'), calm('shared')] },
      undefined,
    ],
    [
      'that a Secret which did not change names is none',
      { sources: [rotated('one'), calm('x', { group: 'postgres' })] },
      { sources: [rotated('two', { group: 'postgres' })] },
      undefined,
    ],
    [
      'of another namespace is another',
      { annotations: { group: 'postgres' } },
      { namespace: 'mail', annotations: { group: 'postgres' } },
      undefined,
    ],
    ['of the same Secret in another namespace is another', {}, { namespace: 'mail' }, undefined],
    [
      'of other names is another',
      { annotations: { group: 'postgres' } },
      { annotations: { group: 'redis' } },
      undefined,
    ],
  ])('%s', (_, first, second, group) => {
    const unlike = (name: string, change: Told) =>
      told(name, { sources: [rotated(`secret-of-${name}`)], ...change })
    // A Secret of its own each, unless the case is about the same one.
    const same = second.namespace !== undefined && second.annotations === undefined
    const both = same
      ? [told('a', first), told('b', second)]
      : [unlike('a', first), unlike('b', second)]
    const { lines, holds } = planned(both, { maxConcurrentRestarts: 5 })
    expect(started(lines).toSorted()).toEqual(group ? ['a'] : ['a', 'b'])
    expect(holds.b).toBe(group && `GroupBudget: restarts in ${group}: 1 under way (limit 1)`)
  })

  test('that two restarts under way come to share by new content goes on with one of them', () => {
    const both = [
      restarting('a', {
        sources: [rotated('one'), rotated('shared')],
        annotations: { 'max-unavailable': '2' },
      }),
      restarting('b', {
        sources: [rotated('two'), rotated('shared')],
        annotations: { 'max-unavailable': '2' },
      }),
    ]
    const { lines } = planned(both, { maxConcurrentRestarts: 5 })
    expect(lines).toEqual([])
    const back = replacement('b-4', { ready: true, readyAt: at(7) })
    const oneIsBack = restarting('b', {
      sources: [rotated('two'), rotated('shared')],
      pods: [...oneAway('b'), back],
    })
    const [first] = both
    expect(planned(first ? [first, oneIsBack] : [], { ...wide, now: at(30) }).lines).toHaveLength(2)
    const later = planned(first ? [first, oneIsBack] : [], {
      maxConcurrentRestarts: 5,
      now: at(30),
    })
    expect(later.lines).toEqual(['evict shop/a: a-2'])
    expect(later.reasons.b).toBe('GroupBudget')
  })
})

describe('starting pods', () => {
  const one = { ...wide, maxStartingPods: 1 }
  const waitsFor = (starting: number, limit: number, asked = 1) =>
    `StartingPods: ${starting} pods of Secret shop/db are starting, at most ${limit} may be; ${asked} more are asked for`

  const begun = (name: string, change: Told = {}) =>
    told(name, { ...change, ledger: { restart: evicting, ...change.ledger } })

  test.each([
    [1, ['evict shop/a: a-1']],
    [2, ['evict shop/a: a-1', 'evict shop/b: b-1']],
    [3, ['evict shop/a: a-1', 'evict shop/b: b-1', 'evict shop/c: c-1']],
  ])('are at most %i in one plan', (maxStartingPods, lines) => {
    const all = ['a', 'b', 'c'].map((name) => begun(name))
    expect(planned(all, { ...wide, maxStartingPods }).lines).toEqual(lines)
  })

  test('leave room for as many pods of one workload as its own limit and the group allow', () => {
    const big = begun('a', { of: { replicas: 5 }, annotations: { 'max-unavailable': '4' } })
    expect(planned([big], { ...wide, maxStartingPods: 3 }).lines).toHaveLength(3)
    expect(planned([big], { ...wide, maxStartingPods: 9 }).lines).toHaveLength(4)
  })

  test('of several restarts by rollout in one plan are at most the limit together', () => {
    const rollouts = ['a', 'b', 'c'].map((name) =>
      begun(name, {
        ledger: { restart: rolling },
        of: { maxSurge: 1, maxUnavailable: 1 },
      }),
    )
    const { lines, holds } = planned(rollouts, { ...wide, maxStartingPods: 4 })
    expect(lines).toEqual(['patch shop/a: r1', 'patch shop/b: r1'])
    expect(holds.c).toBe(waitsFor(4, 4, 2))
  })

  test.each<[string, readonly PodRecord[], number]>([
    ['a pod that is starting', [replacement('x')], 1],
    ['one that is Ready, but not yet for minReadySeconds', [ready('x', at(5))], 1],
    ['one that is Available', [ready('x', at(-60))], 0],
    ['one without a node', [replacement('x', { scheduledAt: undefined })], 0],
    ['one that is terminating', [replacement('x', { terminating: true })], 0],
    ['one that failed for good', [replacement('x', { terminal: true })], 0],
    ['one in CrashLoopBackOff', [waitingFor('x', 'CrashLoopBackOff')], 0],
    ['one whose image is being pulled', [waitingFor('x', 'ContainerCreating')], 1],
    [
      'one past its deadline',
      [replacement('x', { createdAt: at(-600), scheduledAt: at(-590) })],
      0,
    ],
    [
      'one shortly before it',
      [replacement('x', { createdAt: at(-600), scheduledAt: at(-589) })],
      1,
    ],
    ['a whole deploy', [replacement('x'), replacement('y'), replacement('z')], 3],
  ])('count %s of a workload that did not opt in', (_, pods, starting) => {
    const seen = { bystanders: () => [bystander(pods, { minReady: 10_000 })] }
    const { holds, lines, groups } = planned([begun('a')], one, seen)
    // Where nothing is starting, the eviction that the plan asks for.
    expect(groups).toEqual({ 'Secret shop/db': Math.max(starting, 1) })
    expect(holds.a).toBe(starting > 0 ? waitsFor(starting, 1) : undefined)
    expect(lines).toEqual(starting > 0 ? [] : ['evict shop/a: a-1'])
  })

  test.each<[string, Told, number]>([
    ['that is being scaled up', { pods: [ready('x', at(-60)), replacement('y')] }, 1],
    ['of which a drain took a pod', { pods: [ready('x', at(-60)), replacement('y')] }, 1],
    ['of which a pod crashes again and again', { pods: [waitingFor('x', 'CrashLoopBackOff')] }, 0],
    [
      'that mounts the Secret as a volume only, which Sluice leaves to the kubelet',
      {
        pods: [replacement('x')],
        of: { uses: appUses({ ...passwordOf('db'), mode: 'volume' }) },
      },
      1,
    ],
    [
      'that ignores the Secret',
      { pods: [replacement('x')], annotations: { ignore: 'secret/db' } },
      1,
    ],
  ])('count those of a workload in care %s', (_, change, starting) => {
    const other = told('other', { sources: [rotated('db')], ...change })
    const { holds } = planned([begun('a'), other], one)
    expect(holds.a).toBe(starting > 0 ? waitsFor(starting, 1) : undefined)
  })

  test.each<[string, Told, number]>([
    ['an eviction that was sent', { pending: { evicted: new Set(['uid-of-o-1']) } }, 1],
    ['a pod that is evicted and going', { pods: [...oneAway('o'), going('o-1')] }, 1],
    ['a replacement that is not created yet', { pods: oneAway('o') }, 1],
    ['a replacement without a node', { pods: [...oneAway('o'), unscheduled('o-4')] }, 1],
    ['a replacement that is starting', { pods: [...oneAway('o'), replacement('o-4')] }, 1],
    ['nothing once it is Available and calm', { pods: [...oneAway('o'), ready('o-4', at(1))] }, 0],
  ])('count %s', (_, change, starting) => {
    const { pods, ...rest } = change
    const other = told('o', { ...rest, ...(pods && { pods }), ledger: { restart: evicting } })
    const { groups, lines } = planned([begun('a'), other], { ...one, maxStartingPods: 2 })
    expect(groups['Secret shop/db']).toBe(2)
    expect(lines).toHaveLength(2 - starting)
  })

  test.each<[string, PodChange, number]>([
    ['one that starts with old content', { createdAt: at(-3), scheduledAt: at(-3) }, 1],
    [
      'not one that was Ready, and is not since the password changed',
      { createdAt: at(-300), scheduledAt: at(-300), unreadyAt: at(1) },
      0,
    ],
    ['not one in a crash loop', { ...crashing, createdAt: at(-300), scheduledAt: at(-300) }, 0],
  ])('count %s among stale pods', (_, change, starting) => {
    const other = told('o', { pods: [...oneAway('o'), replacement('o-3', change)] })
    expect(planned([begun('a'), other], one).holds.a).toBe(
      starting > 0 ? waitsFor(starting, 1) : undefined,
    )
  })

  test('count a pod beyond its replicas that others start during a restart by evict', () => {
    const surge = [
      ready('o-1', at(-60)),
      ready('o-2', at(-60)),
      ready('o-3', at(-60)),
      replacement('o-4'),
    ]
    const other = told('o', { pods: surge, ledger: { restart: evicting } })
    expect(planned([other], { ...one }).holds.o).toBe(waitsFor(1, 1))
  })

  test.each<[string, Told, number]>([
    [
      'before the controller has seen it',
      { of: { restartId: 'r1', observed: false, maxSurge: 2, maxUnavailable: 1 } },
      3,
    ],
    [
      'while it is in progress',
      {
        of: {
          restartId: 'r1',
          status: { replicas: 4, updated: 1 },
          maxSurge: 2,
          maxUnavailable: 1,
        },
      },
      3,
    ],
    [
      'while the picture of its pods is older than that of the Deployment',
      { of: { restartId: 'r1', maxSurge: 2, maxUnavailable: 1 } },
      3,
    ],
    ['of Recreate', { of: { restartId: 'r1', observed: false, recreates: true, replicas: 4 } }, 4],
    ['of a single replica', { of: { restartId: 'r1', observed: false, replicas: 1 } }, 1],
    [
      'whose surge is greater than its replicas',
      { of: { restartId: 'r1', observed: false, replicas: 2, maxSurge: 9 } },
      2,
    ],
  ])('reserve the whole of a rollout %s', (_, change, reserved) => {
    const rollout = told('o', { ...change, ledger: { restart: rolling } })
    const room = { ...wide, maxStartingPods: reserved }
    expect(planned([begun('a'), rollout], room).holds.a).toBe(waitsFor(reserved, reserved))
    const more = { ...wide, maxStartingPods: reserved + 1 }
    expect(planned([begun('a'), rollout], more).lines).toContain('evict shop/a: a-1')
  })

  test('do not let a rollout begin that is larger than what is free', () => {
    const big = told('a', {
      annotations: { strategy: 'rollout' },
      of: { maxSurge: 1, maxUnavailable: 1 },
    })
    const seen = { bystanders: () => [bystander([replacement('x')])] }
    expect(planned([big], { ...wide, maxStartingPods: 2 }, seen).holds.a).toBe(waitsFor(1, 2, 2))
    expect(planned([big], { ...wide, maxStartingPods: 2 }).lines).toEqual([
      'record shop/a: started',
    ])
  })

  test('of a group that a Secret names count those who use the Secret and did not opt in', () => {
    const both = begun('a', { sources: [rotated('db', { group: 'postgres' })] })
    const seen = { bystanders: () => [bystander([replacement('x'), replacement('y')])] }
    expect(planned([both], { ...wide, maxStartingPods: 2 }, seen).groups).toEqual({
      'Secret shop/db': 2,
      'Group shop/postgres': 2,
    })
  })

  test('count in every group that they meet, whatever they are restarted for', () => {
    const two = { 'max-unavailable': '2' }
    const first = begun('a', { sources: [rotated('db'), calm('cache')], annotations: two })
    const second = begun('b', { sources: [rotated('cache')] })
    const { lines, holds } = planned([first, second], { ...wide, maxStartingPods: 2 })
    expect(lines).toEqual(['evict shop/a: a-1', 'evict shop/a: a-2'])
    expect(holds.b).toBe(
      'StartingPods: 2 pods of Secret shop/cache are starting, at most 2 may be; 1 more are asked for',
    )
  })

  test.each<[string, PodChange, number]>([
    ['is past its deadline', { ready: false }, 607],
    ['is Available', { ready: true, readyAt: at(9) }, 69],
  ])('are looked at again when the one that is waited for %s', (_, change, second) => {
    const x = pod('x', { createdAt: at(7), ...change })
    const seen = { bystanders: () => [bystander([x], { minReady: 60_000 })] }
    const made = planned([told('a')], one, seen)
    expect(made.reasons).toEqual({ a: 'StartingPods' })
    expect(made.wakeAt).toBe(at(second))
    expect(planned([told('a')], { ...one, now: at(second) }, seen).lines).toEqual([
      'record shop/a: started',
    ])
  })

  test('of one group leave those of another alone', () => {
    const seen = {
      bystanders: ({ name }: { name: string }) =>
        name === 'db' ? [bystander([replacement('x')])] : [],
    }
    const both = [begun('a'), begun('b', { sources: [rotated('cache')] })]
    const { lines, reasons } = planned(both, one, seen)
    expect(lines).toEqual(['evict shop/b: b-1'])
    expect(reasons).toEqual({ a: 'StartingPods' })
  })

  test('beyond a limit that was lowered wait until there is room again', () => {
    const both = ['a', 'b'].map((name) => restarting(name, { pods: oneAway(name) }))
    const third = begun('c', { annotations: { 'max-unavailable': '3' } })
    expect(planned([...both, third], { ...wide, maxStartingPods: 1 }).holds.c).toBe(waitsFor(2, 1))
    expect(planned([...both, third], { ...wide, maxStartingPods: 3 }).lines).toEqual([
      'evict shop/c: c-1',
    ])
  })
})

describe('a limit of a workload', () => {
  test('counts a stale pod that is Ready, but not yet Available', () => {
    const third = pod('a-3', { createdAt: at(-60), readyAt: at(9) })
    const waiting = told('a', {
      of: { minReady: 3000 },
      pods: [pod('a-1'), pod('a-2'), third],
      ledger: { restart: evicting },
    })
    expect(planned([waiting]).holds.a).toBe('MaxUnavailable: 1 of 3 pods unavailable (limit 1)')
    expect(planned([waiting]).wakeAt).toBe(at(12))
  })

  test('that was lowered lets nothing more go until enough pods are back', () => {
    const away = told('a', {
      of: { replicas: 5 },
      pods: [pod('a-1'), pod('a-2')],
      ledger: { restart: evicting },
      annotations: { 'max-unavailable': '2' },
    })
    expect(planned([away]).holds.a).toBe('MaxUnavailable: 3 of 5 pods unavailable (limit 2)')
  })
})

describe('an urgent Secret', () => {
  const urgent = (name: string, change: Told = {}) =>
    told(name, { sources: [rotated('key', { urgent: 'true' })], ...change })

  test('comes first, whatever the priority of others', () => {
    const all = [alone('a', { annotations: { priority: '9' } }), urgent('z')]
    expect(planned(all).order).toEqual(['z', 'a'])
    expect(started(planned(all).lines)).toEqual(['z'])
  })

  test('comes first in its own namespace alone where that is how far it reaches, and inside the limits of others', () => {
    const far = { namespace: 'mail' }
    const all = [
      alone('a', { annotations: { priority: '9' } }),
      urgent('y'),
      urgent('z'),
      told('first', { ...far, sources: [rotated('x')] }),
    ]
    expect(planned(all).order.slice(0, 2)).toEqual(['y', 'z'])
    const made = planned(all, { urgentReach: 'namespace' })
    expect(made.order).toEqual(['first', 'y', 'z', 'a'])
    expect(started(made.lines)).toEqual(['first'])
  })

  test('waits for no quiet period and no interval, but until pods can be told apart', () => {
    const restartedJustNow = { ledger: { lastRestart: { id: 'r0', finishedAt: at(-1) } } }
    expect(planned([urgent('a', restartedJustNow)], { now: at(2) }).lines).toEqual([
      'record shop/a: started',
    ])
    expect(planned([urgent('a', restartedJustNow)], { now: at(1.9) }).reasons.a).toBe(
      'ChangeTooRecent',
    )
    expect(planned([told('a', restartedJustNow)], { now: at(2) }).reasons.a).toBe(
      'MinRestartInterval',
    )
    expect(planned([told('a')], { now: at(2) }).reasons.a).toBe('QuietPeriod')
  })

  test('of which only another Secret changed is as any other', () => {
    const other = told('a', { sources: [rotated('db'), calm('key', { urgent: 'true' })] })
    expect(planned([other], { now: at(2) }).reasons.a).toBe('QuietPeriod')
  })

  test('that every pod has makes no other change urgent', () => {
    const [key, db] = [rotated('key', { urgent: 'true' }), changedAt('db', 60)]
    const both = told('a', {
      sources: [key, db],
      pods: [pod('a-1', { createdAt: at(2) }), pod('a-2', { createdAt: at(9) })],
      of: { replicas: 2 },
    })
    const { order, reasons } = planned([both], { now: at(63) })
    expect(order).toEqual(['a'])
    expect(reasons.a).toBe('QuietPeriod')
  })

  test.each<[string, Told, number]>([
    ['its wider limit', {}, 4],
    ['the limit of the configuration where that is more', { of: { replicas: 3 } }, 1],
    ['the limit that the workload gives itself', { annotations: { 'max-unavailable': '2' } }, 2],
  ])('has as many pods away as %s', (_, change, count) => {
    const many = urgent('a', { of: { replicas: 19 }, ...change, ledger: { restart: evicting } })
    expect(planned([many]).lines).toHaveLength(count)
  })

  test('is bound by the starting pods of its group', () => {
    const many = urgent('a', { of: { replicas: 20 }, ledger: { restart: evicting } })
    expect(planned([many], { maxStartingPods: 2 }).lines).toHaveLength(2)
    const seen = { bystanders: () => [bystander([replacement('x')])] }
    expect(planned([many], { maxStartingPods: 1 }, seen).holds.a).toBe(
      'StartingPods: 1 pods of Secret shop/key are starting, at most 1 may be; 1 more are asked for',
    )
  })

  test.each([
    [4, ['a', 'b', 'c', 'd']],
    [2, ['a', 'b']],
  ])('restarts up to %i workloads at once, in the cluster and in its group', (most, begun) => {
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => urgent(name))
    const { lines, holds } = planned(all, { urgentMaxConcurrentRestarts: most })
    expect(started(lines)).toEqual(begun)
    expect(holds.e).toContain(`in the cluster: ${most} under way (limit ${most})`)
  })

  test('never narrows a limit', () => {
    const all = ['a', 'b', 'c'].map((name) => urgent(name))
    expect(started(planned(all, { ...wide, urgentMaxConcurrentRestarts: 1 }).lines)).toHaveLength(3)
  })

  test('takes over from a restart under way between two pods', () => {
    const slow = restarting('a', {
      annotations: { 'max-unavailable': '2' },
      sources: [rotated('db')],
    })
    const { lines, reasons } = planned([slow, urgent('z')])
    expect(lines).toEqual(['record shop/z: started'])
    expect(reasons.a).toBe('ClusterBudget')
  })

  test('has a restart under way yield while it waits itself', () => {
    const slow = restarting('a', { annotations: { 'max-unavailable': '2' } })
    const { lines, holds } = planned([slow, urgent('z')], { urgentMaxConcurrentRestarts: 1 })
    expect(lines).toEqual([])
    expect(holds).toEqual({
      z: 'ClusterBudget: restarts in the cluster: 1 under way (limit 1)',
      a: 'WaitingForUrgent: an urgent restart waits for room',
    })
  })

  test('that is held lets others go on', () => {
    const held = urgent('z', { annotations: { paused: 'true' } })
    expect(started(planned([alone('a'), held]).lines)).toEqual(['a'])
  })

  test('that waits for its own group lets other groups go on', () => {
    const four = ['p', 'q', 'r', 's'].map((name) =>
      restarting(name, { sources: [rotated('key', { urgent: 'true' })] }),
    )
    const { lines, reasons } = planned([...four, urgent('z'), alone('a')], {
      maxConcurrentRestarts: 20,
    })
    expect(reasons.z).toBe('GroupBudget')
    expect(started(lines)).toEqual(['a'])
  })

  test('that needs several starting pods at once is not starved by others of its group', () => {
    const rollout = told('z', {
      sources: [rotated('db', { urgent: 'true' })],
      annotations: { strategy: 'rollout', group: 'g' },
      of: { maxSurge: 1, maxUnavailable: 1 },
    })
    const other = restarting('a', {
      sources: [rotated('cache')],
      annotations: { 'max-unavailable': '2', group: 'g' },
    })
    const { lines, reasons } = planned([rollout, other], { ...wide, maxStartingPods: 2 })
    expect(lines).toEqual([])
    expect(reasons).toEqual({ z: 'StartingPods', a: 'WaitingForUrgent' })
  })

  test('that can never start for its size does not hold others', () => {
    const rollout = told('z', {
      sources: [rotated('db', { urgent: 'true' })],
      annotations: { strategy: 'rollout', group: 'g' },
      of: { maxSurge: 3 },
    })
    const other = told('a', {
      sources: [rotated('cache')],
      annotations: { group: 'g' },
      ledger: { restart: evicting },
    })
    expect(planned([rollout, other], { ...wide, maxStartingPods: 2 }).lines).toEqual([
      'evict shop/a: a-1',
    ])
  })
})

describe('a replacement that is stale again before it is Available', () => {
  const again = rotated('db', {}, 20)
  /** Started with the content before. */
  const half = restarting('a', {
    sources: [again],
    pods: [...oneAway('a'), replacement('a-4')],
  })

  test('keeps the slot of its restart', () => {
    const { lines, reasons } = planned([half, alone('b')], { now: at(21) })
    expect(lines).toEqual([])
    expect(reasons).toEqual({ a: 'ChangeTooRecent', b: 'ClusterBudget' })
  })

  test('is starting, and needs no more room to be replaced in its turn', () => {
    const one = { ...wide, maxStartingPods: 1 }
    const begun = told('b', { sources: [again], ledger: { restart: evicting } })
    const before = planned([half, begun], { ...one, now: at(21) })
    expect(before.groups).toEqual({ 'Secret shop/db': 1 })
    expect(planned([half, begun], { ...one, now: at(23) }).lines).toEqual(['evict shop/a: a-4'])
  })

  test('waits while more are starting than may be by now, since a limit was lowered', () => {
    const two = restarting('a', {
      sources: [again],
      annotations: { 'max-unavailable': '2' },
      pods: [pod('a-3'), replacement('a-4'), replacement('a-5')],
    })
    const at23 = { now: at(23) }
    expect(planned([two], { ...at23, maxStartingPods: 2 }).lines).toHaveLength(2)
    const lowered = planned([two], { ...at23, maxStartingPods: 1 })
    expect(lowered.lines).toEqual([])
    expect(lowered.holds.a).toBe(
      'StartingPods: 2 pods of Secret shop/db are starting, at most 1 may be; 1 more are asked for in place of 1',
    )
  })

  test('lets the deadline of the next one be looked for, though it is past its own', () => {
    const late = replacement('a-5', { createdAt: at(500), scheduledAt: at(500) })
    const both = { ...half, pods: [pod('a-3'), replacement('a-4'), late] }
    expect(planned([both], { now: at(700), maxStartingPods: 1 }).wakeAt).toBe(at(1100))
  })

  test('is replaced before any other pod of its workload, which would be one more away', () => {
    const calming = replacement('a-4', { ready: true, readyAt: at(22) })
    const both = { ...half, pods: [...oneAway('a'), calming] }
    expect(planned([both], { now: at(23) }).lines).toEqual(['evict shop/a: a-4'])
  })

  test('goes first though it is past its deadline: no other pod is away in its place', () => {
    const sick = { ready: false, unreadyAt: at(8) }
    const both = { ...half, pods: [pod('a-2', sick), pod('a-3', sick), replacement('a-4')] }
    expect(planned([both], { now: at(700) }).lines).toEqual(['evict shop/a: a-4'])
  })

  test('is replaced with no more others than may be away, though a drain took one as well', () => {
    const two = { ...half, pods: [pod('a-2'), replacement('a-4'), replacement('a-5')] }
    expect(planned([two], { now: at(23) }).lines).toEqual(['evict shop/a: a-4'])
  })

  test('blocks nobody after its deadline', () => {
    const { lines } = planned([half, alone('b')], { now: at(700) })
    expect(lines).toEqual(['evict shop/a: a-4'])
    const refused = { reason: 'PodDisruptionBudget', message: 'none', until: at(900) } as const
    const stuck = { ...half, pending: { ...half.pending, refusal: refused } }
    expect(started(planned([stuck, alone('b')], { now: at(700) }).lines)).toEqual(['b'])
  })
})

describe('a rollout of which the pods are not seen yet', () => {
  test('is not finished, though the content is back and the old pods are fresh again', () => {
    const back = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-0.5), data: { password: 'new' } },
      { at: at(9.5), data: { password: 'old' } },
    )
    const rolled = told('a', {
      sources: [back],
      of: { restartId: 'r1' },
      ledger: { restart: rolledOut },
    })
    const { lines, holds } = planned([rolled, alone('b')], { now: at(30) })
    expect(lines).toEqual([])
    expect(holds.a).toBe('RolloutInProgress: old pods are still seen')
  })
})

describe('a rollout that waits for pods with older content', () => {
  const again = rotated('db', {}, 20)
  const pods = (change: PodChange = {}) => [
    pod('a-1'),
    pod('a-2'),
    pod('a-3'),
    replacement('a-4', { restartId: 'r1', templateHash: 'new', ...change }),
  ]
  const of = { restartId: 'r1', status: { replicas: 4, updated: 1 } }
  const stuck = (change: Told = {}, more: PodChange = {}) =>
    told('a', { of, sources: [again], pods: pods(more), ledger: { restart: rolledOut }, ...change })

  test('is waited for until they are Ready or have failed', () => {
    const { lines, reasons } = planned([stuck(), alone('b')], { now: at(23) })
    expect(lines).toEqual([])
    expect(reasons).toEqual({ a: 'RolloutInProgress', b: 'ClusterBudget' })
  })

  test('ends at their deadline, without a failure of today’s content, and the next begins', () => {
    const now = at(700)
    const { lines, actions } = planned([stuck()], { now })
    expect(lines).toEqual(['record shop/a: failed'])
    const [failed] = actions
    if (failed?.kind !== 'record') throw new Error('its end was not recorded')
    const { ledger } = failed.status
    expect(ledger.restart).toBeUndefined()
    expect(ledger.failure).toBeUndefined()
    const next = stuck({ ledger, annotations: { strategy: 'rollout' } })
    const begun = planned([next], { now, maxStartingPods: 1 })
    expect(begun.lines).toEqual(['record shop/a: started'])
  })

  test('keeps its slot until they have failed', () => {
    const both = [stuck({ annotations: { paused: 'true' } }), alone('b')]
    expect(planned(both, { now: at(23) }).reasons).toEqual({ a: 'Paused', b: 'ClusterBudget' })
  })

  test('is waited for while one of these pods has today’s content', () => {
    const fresh = { createdAt: at(24), scheduledAt: at(24) }
    expect(planned([stuck({}, fresh)], { now: at(30) }).reasons.a).toBe('RolloutInProgress')
  })

  test('is waited for if somebody deployed since and kept the id', () => {
    const theirs = replacement('a-5', { restartId: 'r1', templateHash: 'theirs' })
    const seen = stuck({ pods: [...pods(), theirs] })
    expect(planned([seen], { now: at(30) }).reasons.a).toBe('RolloutInProgress')
  })

  test('of somebody who deployed since and kept the id gives the slot back, though none of its own is left', () => {
    const theirs = replacement('a-5', { restartId: 'r1', templateHash: 'theirs' })
    const restart = { ...rolledOut, templateHash: 'new' }
    const seen = stuck({
      sources: [rotated('db')],
      pods: [pod('a-1'), pod('a-2'), pod('a-3'), theirs],
      ledger: { restart },
    })
    const { lines, reasons } = planned([seen, alone('b')], { now: at(30) })
    expect(reasons).toEqual({ a: 'RolloutInProgress' })
    expect(lines).toEqual(['record shop/b: started'])
  })
})

describe('a workload that waits for something else than its turn', () => {
  test('keeps no other waiting, though it began', () => {
    const stuck = told('a', {
      ledger: { restart: evicting },
      pending: {
        refusal: { reason: 'PodDisruptionBudget', message: 'none', until: at(3600) },
      },
    })
    expect(started(planned([stuck, told('b')]).lines)).toEqual(['b'])
  })

  test('for a deploy of others that is stuck gives its slot back', () => {
    const stuck = told('a', {
      of: { status: { replicas: 4, updated: 2 } },
      pods: [
        pod('a-1'),
        pod('a-2'),
        ...['x', 'y'].map((name) => replacement(name, { templateHash: 'theirs' })),
      ],
      ledger: { restart: evicting },
    })
    const { lines, reasons } = planned([stuck, alone('b')])
    expect(reasons.a).toBe('RolloutInProgress')
    expect(started(lines)).toEqual(['b'])
  })

  test('goes on after a deploy in a restart of its own, which keeps its slot while pods start', () => {
    const again = { sources: [rotated('db', {}, 20)] }
    const theirs = ['x', 'y', 'z'].map((name) =>
      pod(name, { createdAt: at(8), templateHash: 'theirs' }),
    )
    const deployed = told('a', { ...again, pods: theirs, ledger: { restart: evicting } })
    const [begun] = planned([deployed, alone('b')], { now: at(30) }).actions
    if (begun?.kind !== 'record') throw new Error('nothing was recorded')
    const { restart } = begun.status.ledger
    expect([begun.cause, restart?.templateHash, restart?.startedAt]).toEqual([
      'started',
      'theirs',
      at(30),
    ])
    const starting = replacement('new', { createdAt: at(31), templateHash: 'theirs' })
    const gone = told('a', {
      ...again,
      pods: [...theirs.slice(1), starting],
      ledger: { restart },
      pending: { owedSince: at(31) },
    })
    const { lines, reasons } = planned([gone, alone('b')], { now: at(32) })
    expect(lines).toEqual([])
    expect(reasons).toEqual({ a: 'MaxUnavailable', b: 'ClusterBudget' })
  })

  test('waits for pods of two templates, though the Deployment is done with its rollout', () => {
    const theirs = replacement('new', { templateHash: 'theirs' })
    const old = told('a', {
      pods: [...oneAway('a'), theirs],
      ledger: { restart: evicting },
      annotations: { 'max-unavailable': '3' },
    })
    expect(planned([old]).holds.a).toBe('RolloutInProgress: pods of two templates are still seen')
  })

  test('for a pod that was sick before it began gives its slot back', () => {
    const sick = replacement('a-3', { createdAt: at(4), scheduledAt: at(4) })
    const stuck = told('a', {
      pods: [pod('a-1'), pod('a-2'), sick],
      ledger: { restart: evicting },
    })
    const { lines, reasons } = planned([stuck, alone('b')])
    expect(reasons.a).toBe('MaxUnavailable')
    expect(started(lines)).toEqual(['b'])
  })

  test('for a rollout that somebody replaced by his own gives its slot back', () => {
    const replaced = told('a', {
      of: { restartId: undefined, status: { replicas: 4, updated: 1 } },
      ledger: { restart: rolling },
    })
    const { lines, reasons } = planned([replaced, alone('b')])
    expect(reasons.a).toBe('RolloutInProgress')
    expect(started(lines)).toEqual(['b'])
  })
})

function ready(name: string, readyAt: number): PodRecord {
  return pod(name, { createdAt: Math.min(at(7), readyAt - 1000), readyAt })
}

function waitingFor(name: string, reason: string): PodRecord {
  return replacement(name, {
    containers: [container(NOW, { state: 'waiting', waitingReason: reason })],
  })
}

function going(name: string): PodRecord {
  return pod(name, { terminating: true, ready: false })
}

function unscheduled(name: string): PodRecord {
  return replacement(name, { scheduledAt: undefined, containers: [] })
}

describe('mode observe', () => {
  test('lets what would start take its slot, and asks the budgets first', () => {
    const three = ['a', 'b', 'c'].map((name) => alone(name))
    expect(planned(three, { mode: 'observe' }).reasons).toEqual({
      a: 'ObserveOnly',
      b: 'ClusterBudget',
      c: 'ClusterBudget',
    })
  })
})

test.each([
  ['RollingUpdate that takes 5 of 10 away', { recreates: false, maxUnavailable: 5 }],
  ['Recreate that takes 10 of 10 away', { recreates: true, maxUnavailable: 0 }],
] as const)('an explicit max-unavailable of 1 holds a rollout by %s', (_, of) => {
  const web = told('web', {
    annotations: { 'max-unavailable': '1', strategy: 'rollout' },
    of: { replicas: 10, ...of },
  })
  expect(planned([web])).toMatchObject({ lines: [], reasons: { web: 'MaxUnavailableExceeded' } })
})

describe('a rollout that has begun and is not patched yet', () => {
  const over = (annotations: Record<string, string>, of = {}, restart = rolling) =>
    planned([
      told('web', {
        annotations: { 'max-unavailable': '1', ...annotations },
        of: { replicas: 10, maxUnavailable: 5, ...of },
        ledger: { restart },
      }),
    ])

  test('is held by a limit that came after it began', () => {
    expect(over({ strategy: 'rollout' })).toMatchObject({
      lines: [],
      reasons: { web: 'MaxUnavailableExceeded' },
    })
  })

  test('is not once it is patched: it cannot be stopped half-way', () => {
    const of = { restartId: 'r1', status: { replicas: 11, updated: 1 } }
    expect(over({ strategy: 'rollout' }, of, { ...rolling, patched: true }).reasons).toEqual({
      web: 'RolloutInProgress',
    })
  })

  test('goes on by evictions where its owner asks for them', () => {
    const [begun] = over({ strategy: 'evict' }).actions
    expect(begun).toMatchObject({
      cause: 'started',
      status: { ledger: { restart: { strategy: 'evict' } } },
    })
  })
})
