/**
 * Whatever a restart waits for has an end: one workload that waits without end, and one of another namespace that waits
 * for its slot.
 */
import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/records/consumer.ts'
import type { PodRecord } from '../../src/workloads/pod.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { at, container, pod, type PodChange, type WorkloadOptions } from './cluster-builder.ts'
import {
  calm,
  changedAt,
  evicting,
  oneAway,
  passwordOf,
  planned,
  replacement,
  restarting,
  rolling,
  rotated,
  told,
  type Planned,
} from './planning.ts'

const DAY = 24 * 3600
const MINUTE = 60

const other = () => told('other', { namespace: 'mail', sources: [changedAt('mail', 0)] })

function failureOf({ actions }: Planned): Failure | undefined {
  const failed = actions.find((each) => each.kind === 'record' && each.cause === 'failed')
  return failed?.kind === 'record' ? failed.status.ledger.failure : undefined
}

const summary = (made: Planned) => {
  const failure = failureOf(made)
  return failure && `${failure.kind}: ${failure.message}`
}

const terminating = (name: string): PodRecord =>
  pod(name, {
    terminating: true,
    ready: false,
    leaving: { since: at(7), until: at(7 + 365 * DAY) },
  })

/** A rollout of a single replica. */
const rollout = (of: WorkloadOptions, pods: readonly PodRecord[]): ManagedWorkload =>
  told('single', {
    of: { replicas: 1, restartId: 'r1', status: { replicas: 2, updated: 1 }, ...of },
    pods,
    ledger: { restart: rolling },
  })

const young = (change: PodChange) =>
  pod('single-new', { createdAt: at(8), restartId: 'r1', templateHash: 'new', ...change })

const stuck: [string, ManagedWorkload][] = [
  ['an evicted pod that is never created', restarting('away')],
  [
    'an evicted pod that a quota refuses',
    restarting('away', { of: { creationRefusedSince: at(7) } }),
  ],
  [
    'pods that never end',
    told('going', {
      of: { status: { replicas: 0, updated: 0 } },
      pods: ['a', 'b', 'c'].map(terminating),
      ledger: { restart: evicting },
    }),
  ],
  [
    'a replacement that was Ready a moment ago, again and again',
    restarting('flaps', {
      pods: [...oneAway('flaps'), replacement('new', { unreadyAt: at(DAY - 5) })],
    }),
  ],
  [
    'replacements that are deleted and created again and again',
    restarting('churns', {
      pods: [...oneAway('churns'), replacement('new', { createdAt: at(DAY - 5) })],
    }),
  ],
  [
    'a replacement that crashed, and is Ready for a moment again and again',
    restarting('flaps', {
      pods: [
        ...oneAway('flaps'),
        replacement('new', {
          ready: true,
          readyAt: at(DAY - 1),
          container: { restarts: 1, lastRun: { startedAt: at(8), duration: DAY * 1000 } },
        }),
      ],
    }),
  ],
  [
    'a rollout whose surge pod a quota refuses',
    rollout({ status: { replicas: 1, updated: 0 }, creationRefusedSince: at(7) }, [
      pod('single-old'),
    ]),
  ],
  [
    'a rollout whose surge pod is never created',
    rollout({ status: { replicas: 1, updated: 0 } }, [pod('single-old')]),
  ],
  [
    'a rollout whose new pod comes and goes',
    rollout({}, [pod('single-old'), young({ ready: false, unreadyAt: at(DAY - 5) })]),
  ],
  [
    'a rollout whose new pods are deleted and created again and again',
    rollout({}, [pod('single-old'), young({ ready: false, createdAt: at(DAY - 5) })]),
  ],
  [
    'a rollout with minReadySeconds of a week',
    rollout({ minReady: 7 * DAY * 1000, progressDeadline: 8 * DAY * 1000 }, [
      pod('single-old'),
      young({ readyAt: at(12) }),
    ]),
  ],
  [
    'Recreate behind a pod that never ends',
    rollout({ recreates: true, status: { replicas: 0, updated: 0 } }, [terminating('single-old')]),
  ],
]

describe('no slot is kept without end', () => {
  test.each(stuck)('by %s', (_, workload) => {
    expect(planned([workload, other()], { now: at(20) }).reasons).toMatchObject({
      other: 'ClusterBudget',
    })
    expect(planned([workload, other()], { now: at(DAY) }).lines).toContain(
      'record mail/other: started',
    )
  })

  test.each(stuck)('by %s, and somebody looks when that is over', (_, workload) => {
    let now = 20
    for (let looks = 0; ; looks++) {
      const made = planned([workload, other()], { now: at(now) })
      if (made.reasons['other'] !== 'ClusterBudget') break
      expect(made.wakeAt).toBeLessThan(Infinity)
      now = (made.wakeAt - at(0)) / 1000
      expect(looks).toBeLessThan(20)
    }
    expect(now).toBeLessThan(3 * 3600)
  })
})

describe('new content that comes more often than new pods get Ready', () => {
  const minutes = (count: number) => count * MINUTE
  /** The pod that came for the content before is not Ready, and is stale by now. */
  const rewritten = (at0: number) =>
    restarting('web', {
      sources: [rotated('db', {}, at0 - 60)],
      pods: [...oneAway('web'), replacement('new', { createdAt: at(at0 - 300) })],
      pending: { owedSince: at(at0 - 300) },
    })

  test('has its pod replaced at once, until the restart has had its half hour', () => {
    const early = planned([rewritten(minutes(20)), other()], { now: at(minutes(20)) })
    expect(early.lines).toEqual(['evict shop/web: new'])
    const late = planned([rewritten(minutes(40)), other()], { now: at(minutes(40)) })
    expect(late.lines).toEqual([])
    expect(late.reasons).toMatchObject({ web: 'MaxUnavailable', other: 'ClusterBudget' })
  })

  test('keeps the slot no longer than that pod has: others go on', () => {
    const made = planned([rewritten(minutes(40)), other()], { now: at(minutes(46)) })
    expect(made.lines).toEqual(['record mail/other: started'])
  })

  test('goes first for half an hour only, if it is urgent', () => {
    const urgent = (began: number) =>
      told('web', {
        sources: [rotated('db', { urgent: 'true' })],
        ledger: { restart: { ...evicting, startedAt: at(began) } },
      })
    const now = at(minutes(40))
    expect(planned([other(), urgent(minutes(30))], { now }).lines).toEqual([
      'evict shop/web: web-1',
    ])
    expect(planned([other(), urgent(6)], { now }).lines).toEqual(['record mail/other: started'])
  })
})

describe('a restart fails at its deadline', () => {
  test.each<[string, ManagedWorkload, string]>([
    [
      'for pods that no controller creates',
      restarting('web', { missingSince: at(7) }),
      'CannotStart: 1 of 3 pods were not created within 600 s: the Deployment does not say why',
    ],
    [
      'for a surge pod that a quota refuses, which is the trouble of its own namespace',
      rollout(
        {
          status: { replicas: 1, updated: 0 },
          creationRefusedSince: at(7),
          creationRefusedBy: { kind: 'ResourceQuota', name: 'compute' },
        },
        [pod('single-old')],
      ),
      'Blocked: 1 of 1 new pods were not created within 600 s: ResourceQuota compute refuses them',
    ],
    [
      'for a surge pod that a webhook refuses, as it may others',
      rollout(
        {
          status: { replicas: 1, updated: 0 },
          creationRefusedSince: at(7),
          creationRefusedBy: { kind: 'webhook', name: 'pods.example' },
        },
        [pod('single-old')],
      ),
      'CannotStart: 1 of 1 new pods were not created within 600 s: webhook pods.example refuses them',
    ],
    [
      'for a surge pod that finds no node: nothing was taken away for it',
      rollout({}, [
        pod('single-old'),
        young({ ready: false, scheduledAt: undefined, containers: [] }),
      ]),
      'Blocked: pod single-new found no node within 600 s',
    ],
    [
      'behind an old pod that does not end',
      told('single', {
        of: {
          replicas: 1,
          recreates: true,
          restartId: 'r1',
          status: { replicas: 0, updated: 0 },
        },
        pods: [terminating('single-old')],
        missingSince: at(7),
        ledger: { restart: rolling },
      }),
      'Blocked: 1 of 1 pods were not created within 600 s: old ones are still terminating',
    ],
  ])('%s', (_, workload, failure) => {
    expect(summary(planned([workload], { now: at(599) }))).toBeUndefined()
    expect(summary(planned([workload], { now: at(608) }))).toBe(failure)
  })

  test('not for a rollout that its owner paused, nor for one that he resumed a moment ago', () => {
    const of = { status: { replicas: 1, updated: 0 } }
    const paused = rollout({ ...of, paused: true }, [pod('single-old')])
    const resumed = rollout({ ...of, progressedAt: at(DAY - 1) }, [pod('single-old')])
    expect(summary(planned([paused], { now: at(DAY) }))).toBeUndefined()
    expect(summary(planned([resumed], { now: at(DAY) }))).toBeUndefined()
  })
})

describe('pods that an autoscaler added in the midst of a restart', () => {
  const unscheduled = (name: string) =>
    replacement(name, { scheduledAt: undefined, containers: [] })
  const scaled = (pods: readonly PodRecord[]) =>
    restarting('web', {
      of: { replicas: 5 },
      pods: [...oneAway('web'), ...pods],
      ledger: { restart: { ...evicting, replicas: 3 } },
    })
  const back = replacement('back', { ready: true, readyAt: at(9) })

  test('and find no node, fail nobody, and keep the slot for their deadline at most', () => {
    const web = scaled([back, unscheduled('x'), unscheduled('y')])
    const made = planned([web, other()], { now: at(620) })
    expect(summary(made)).toBeUndefined()
    expect(made.lines).toContain('record mail/other: started')
    expect(made.reasons['web']).toBe('PodsStuck')
    // Any of the three may be the one that came for the evicted pod.
    expect(planned([web, other()], { now: at(20) }).reasons['other']).toBe('ClusterBudget')
  })

  test('do not give the slot away while the pod of the last eviction starts', () => {
    const up = ['x', 'y'].map((name) => replacement(name, { ready: true, readyAt: at(9) }))
    const web = restarting('web', {
      of: { replicas: 3 },
      pods: [...up, replacement('z', { ready: false })],
      ledger: { restart: { ...evicting, replicas: 2 } },
    })
    expect(planned([web, other()], { now: at(40) }).reasons['other']).toBe('ClusterBudget')
  })

  test('do not hide that its own pod finds none', () => {
    const web = scaled([unscheduled('x'), unscheduled('y'), unscheduled('z')])
    expect(summary(planned([web], { now: at(620) }))).toBe(
      'CannotStart: pod x found no node within 600 s',
    )
  })
})

describe('settle and minReadySeconds', () => {
  const settling = (annotations: Record<string, string>) =>
    told('a', {
      annotations,
      pods: [replacement('new', { ready: true, readyAt: at(12) }), ...oneAway('a')],
      ledger: { restart: evicting },
    })
  const next = told('b')

  test('keep the group to the workload that settles normally, beyond its deadline', () => {
    const a = settling({ settle: '30m' })
    expect(planned([a, next], { now: at(25 * MINUTE) }).reasons).toMatchObject({
      b: 'ClusterBudget',
    })
    expect(planned([a, next], { now: at(31 * MINUTE) }).lines).toEqual(['evict shop/a: a-2'])
  })

  test('are a fault above the deadline that the workload gives itself, which names all three', () => {
    const a = told('a', { of: { minReady: 60_000 }, annotations: { 'progress-deadline': '1m' } })
    expect(planned([a]).holds['a']).toBe(
      'InvalidSetting: annotation sluice.dev/progress-deadline: expected at least minReadySeconds (60 s) and settle (5 s) together, found 60 s',
    )
  })

  test('are no fault where the workload gives no deadline: they make it longer', () => {
    const a = told('a', { of: { minReady: 590_000, progressDeadline: 591_000 } })
    expect(planned([a]).lines).toEqual(['record shop/a: started'])
  })
})

describe('the hold that waits for a slot', () => {
  const waiting = (now: number) =>
    planned([restarting('web'), other()], { now: at(now) }).holds['other']

  test('names who has had it for a minute, and nobody before: that would be written at every turn', () => {
    expect(waiting(65)).toBe('ClusterBudget: restarts in the cluster: 1 under way (limit 1)')
    expect(waiting(66)).toBe(
      'ClusterBudget: restarts in the cluster: 1 under way, longest Deployment shop/web (limit 1)',
    )
  })

  test('is looked at when that minute is over', () => {
    expect(planned([restarting('web'), other()], { now: at(20) }).wakeAt).toBe(at(66))
  })

  test('names it in a group as well', () => {
    const holds = planned([restarting('web'), told('api')], {
      now: at(66),
      maxConcurrentRestarts: 9,
    }).holds
    expect(holds['api']).toBe(
      'GroupBudget: restarts in Secret shop/db: 1 under way, longest Deployment shop/web (limit 1)',
    )
  })
})

describe('a crash of a new pod', () => {
  const crashed = (change: PodChange = {}, restarts = 1, name = 'new') =>
    replacement(name, {
      ready: true,
      readyAt: at(30),
      container: {
        restarts,
        startedAt: at(29),
        lastRun: { startedAt: at(restarts === 1 ? 8 : 28), duration: 20_000 },
      },
      ...change,
    })
  const web = (...pods: readonly PodRecord[]) =>
    told('web', {
      annotations: { 'max-unavailable': '3', settle: '0s' },
      of: { replicas: 5 },
      pods: [pod('web-1'), pod('web-2'), pod('web-3'), ...pods].slice(0, 5),
      ledger: { restart: evicting },
    })

  test('stops the restart until that pod has been Ready for twice as long as it ran', () => {
    const one = web(crashed())
    const made = planned([one], { now: at(69.9) })
    expect(made.lines).toEqual([])
    expect(made.holds['web']).toBe(
      'PodCrashed: a container of new pod new crashed: no further pod before it has been Ready for 40 s',
    )
    expect(made.wakeAt).toBe(at(70))
    expect(planned([one], { now: at(70) }).lines).toContain('evict shop/web: web-1')
  })

  test.each<[string, PodRecord[], string | undefined]>([
    ['that crashes a second time', [crashed({}, 2)], 'Unfit: pod new crashes again and again'],
    ['once each, as when their node goes down', [crashed(), crashed({}, 1, 'newer')], undefined],
    ['alone', [crashed()], undefined],
    [
      'that had been up for long before its last crash',
      [
        crashed(
          {
            container: {
              restarts: 3,
              startedAt: at(1829),
              lastRun: { startedAt: at(20), duration: 1_800_000 },
            },
            readyAt: at(1830),
          },
          3,
        ),
      ],
      undefined,
    ],
  ])('%s', (_, pods, failure) => {
    const now = Math.max(...pods.map(({ readyAt = 0 }) => readyAt)) + 5000
    expect(summary(planned([web(...pods)], { now }))).toBe(failure)
  })

  test('keeps its slot and its group meanwhile', () => {
    const made = planned([web(crashed()), told('api', { namespace: 'shop' })], { now: at(40) })
    expect(made.reasons['api']).toBe('ClusterBudget')
  })

  test('is forgotten once it was up for long enough, whatever happens to its readiness', () => {
    const flaps = replacement('new', {
      ready: false,
      unreadyAt: at(40 * MINUTE - 1),
      container: { restarts: 2, startedAt: at(5 * MINUTE) },
    })
    expect(summary(planned([web(flaps)], { now: at(40 * MINUTE) }))).toBeUndefined()
  })
})

describe('an init container', () => {
  const waits = (change: Parameters<typeof container>[1]) =>
    replacement('new', {
      containers: [
        container(at(7), { name: 'wait', init: true, ...change }),
        container(at(7), { state: 'waiting', waitingReason: 'PodInitializing', id: undefined }),
      ],
    })
  const inLoop = waits({ state: 'waiting', waitingReason: 'CrashLoopBackOff', restarts: 5 })
  const web = (each: PodRecord) => restarting('web', { pods: [...oneAway('web'), each] })

  test('that waits for its database by failing has until the deadline', () => {
    expect(summary(planned([web(inLoop)], { now: at(600) }))).toBeUndefined()
    expect(summary(planned([web(inLoop)], { now: at(607) }))).toBe(
      'Unfit: pod new was not Ready within 600 s',
    )
  })

  test('that failed and is done says nothing of the pod', () => {
    const done = waits({ state: 'terminated', restarts: 4, startedAt: at(25) })
    expect(summary(planned([web(done)], { now: at(28) }))).toBeUndefined()
  })
})

test('a container that is shown running has run, with or without an ID', () => {
  const silent = replacement('new', { container: { id: undefined, state: 'running' } })
  const web = restarting('web', { pods: [...oneAway('web'), silent] })
  expect(summary(planned([web], { now: at(607) }))).toBe(
    'Unfit: pod new was not Ready within 600 s',
  )
})

describe('a pod that leaves', () => {
  const leaving = (name: string, until = 110) =>
    pod(name, { terminating: true, ready: false, leaving: { since: at(7), until: at(until) } })
  const back = replacement('new', { ready: true, readyAt: at(9) })
  const web = (annotations: Record<string, string> = {}, gone = leaving('web-1')) =>
    restarting('web', { annotations, pods: [gone, ...oneAway('web'), back] })

  test('is unavailable until it is gone, though another one came for it', () => {
    const made = planned([web()], { now: at(20) })
    expect(made.holds['web']).toBe('MaxUnavailable: 1 of 3 pods unavailable (limit 1)')
    expect(made.groups).toEqual({ 'Secret shop/db': 1 })
    expect(planned([restarting('web', { pods: [...oneAway('web'), back] })]).lines).toEqual([])
  })

  test('is none after its grace period, gone or not', () => {
    expect(planned([web()], { now: at(20) }).wakeAt).toBeLessThanOrEqual(at(110))
    expect(planned([web()], { now: at(110) }).lines).toEqual(['evict shop/web: web-2'])
  })

  test('counts for an hour at the longest', () => {
    const slow = web({}, leaving('web-1', 7 * DAY))
    expect(planned([slow], { now: at(3606) }).lines).toEqual([])
    expect(planned([slow], { now: at(3607) }).lines).toEqual(['evict shop/web: web-2'])
  })

  test('overlaps with others where the workload lets it', () => {
    const overlapping = web({ 'wait-for-termination': 'false' })
    expect(planned([overlapping], { now: at(20) }).lines).toEqual(['evict shop/web: web-2'])
  })

  test('does not count where it left before the restart', () => {
    const earlier = pod('web-0', {
      terminating: true,
      ready: false,
      leaving: { since: at(1), until: at(110) },
    })
    expect(planned([web({}, earlier)], { now: at(20) }).lines).toEqual(['evict shop/web: web-2'])
  })

  test('is told apart from the ones that start: both are one pod away, not two', () => {
    const both = told('web', {
      annotations: { 'max-unavailable': '2' },
      pods: [leaving('web-1'), ...oneAway('web'), replacement('new')],
      ledger: { restart: evicting },
    })
    expect(planned([both], { now: at(20) }).lines).toEqual(['evict shop/web: web-2'])
  })

  test('keeps the last step of its restart from its end', () => {
    const fresh = ['b', 'c'].map((name) => replacement(name, { ready: true, readyAt: at(9) }))
    const last = restarting('web', {
      sources: [rotated('db'), calm('cache')],
      pods: [leaving('web-1'), back, ...fresh],
    })
    expect(planned([last], { now: at(109) }).lines).toEqual([])
    expect(planned([last], { now: at(110) }).lines).toEqual(['record shop/web: finished'])
  })
})

describe('a restart whose content changes again and again while its pods never get Ready', () => {
  const again = (minutes: number) =>
    restarting('web', {
      annotations: { 'max-unavailable': '2' },
      sources: [rotated('db', {}, minutes * MINUTE)],
      pods: [
        pod('web-2'),
        pod('web-3'),
        replacement('new', { createdAt: at(minutes * MINUTE - 120), ready: false }),
      ],
      pending: { owedSince: at(minutes * MINUTE - 121) },
    })

  test('evicts them again for half an hour', () => {
    const { lines } = planned([again(20), other()], { now: at(20 * MINUTE + 10) })
    expect(lines).toContain('evict shop/web: new')
  })

  test('then waits until they are back or past their deadline, and gives its slot away', () => {
    expect(planned([again(31), other()], { now: at(31 * MINUTE + 10) }).reasons['web']).toBe(
      'MaxUnavailable',
    )
    const late = planned([again(31), other()], { now: at(31 * MINUTE + 1300) })
    expect(late.lines).toContain('record mail/other: started')
  })
})

describe('before it has taken a pod away, a restart', () => {
  const begun = restarting('web', {
    annotations: { 'max-unavailable': '2' },
    missingSince: at(-3600),
    pending: { owedSince: at(-3600) },
  })

  test('does not fail for pods that are missing', () => {
    expect(failureOf(planned([begun], { now: at(3600) }))).toBeUndefined()
  })

  test('keeps no slot for them', () => {
    expect(planned([begun, other()], { now: at(3600) }).lines).toContain(
      'record mail/other: started',
    )
  })
})

test('content that comes while a new pod crashes is not blamed for the crashes before', () => {
  const crashing = (startedAt: number) =>
    restarting('web', {
      sources: [rotated('db', {}, 100)],
      pods: [
        ...oneAway('web'),
        replacement('new', {
          container: {
            state: 'waiting',
            waitingReason: 'CrashLoopBackOff',
            restarts: 3,
            lastRun: { startedAt, duration: 1000 },
            presentAt: startedAt,
            absentAt: startedAt,
            startedAt: undefined,
          },
        }),
      ],
    })
  expect(failureOf(planned([crashing(at(60))], { now: at(130) }))).toBeUndefined()
  expect(failureOf(planned([crashing(at(120))], { now: at(130) }))?.kind).toBe('Unfit')
})

test('a rollout that came to exceed its limit after it was recorded is not patched in', () => {
  const grown = told('web', {
    of: { maxSurge: 3 },
    annotations: { strategy: 'rollout', 'max-unavailable': '2' },
    ledger: { restart: rolling },
  })
  const { lines, reasons } = planned([grown])
  expect(lines).toEqual([])
  expect(reasons['web']).toBe('MaxSurgeExceeded')
})

test('old content of an ephemeral container is no reason to restart its pod', () => {
  const debugged = pod('web-1', {
    createdAt: at(8),
    uses: [
      { container: 'app', init: false, uses: [passwordOf('db')] },
      { container: 'debugger', init: false, ephemeral: true, uses: [passwordOf('db')] },
    ],
    containers: [container(at(8)), container(at(-60), { name: 'debugger' })],
  })
  const web = { ...told('web', { of: { replicas: 1 } }), pods: [debugged] }
  expect(planned([web]).lines.filter((line) => /started|evict/.test(line))).toEqual([])
})
