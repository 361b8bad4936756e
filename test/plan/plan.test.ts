import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Restart } from '../../src/records/consumer.ts'
import type { State } from '../../src/model/state.ts'
import type { WorkloadRecord } from '../../src/workloads/workload.ts'
import type { PodRecord } from '../../src/workloads/pod.ts'
import type { Action } from '../../src/plan/action.ts'
import { HOLD_REASONS, type Hold, type HoldReason } from '../../src/model/hold.ts'
import { plan } from '../../src/plan/plan.ts'
import type { Policy } from '../../src/plan/policy.ts'
import type { Snapshot } from '../../src/plan/snapshot.ts'
import { REPORT_INTERVAL } from '../../src/plan/record.ts'
import { createDigester } from '../../src/sources/digest.ts'
import {
  appliedLedger,
  appUses,
  at,
  calmDb,
  consumer,
  deployment,
  password,
  pod,
  policy,
  rotatedDb,
  snapshot,
  source,
  workload,
  type WorkloadChange,
} from './cluster-builder.ts'

/** Ten seconds after the change: quiet, and settled. */
const NOW = at(10)

const evicting: Restart = { id: 'r1', strategy: 'evict', startedAt: at(6) }
const rolling: Restart = { id: 'r1', strategy: 'rollout', startedAt: at(6) }

/** A pod that the restart made, Ready since `ready`. */
const replacement = (name: string, ready?: number) =>
  pod(name, { createdAt: at(7), ready: ready !== undefined, readyAt: ready })

/** An action in a line. */
function line(action: Action): string {
  const { namespace, name } = 'workload' in action ? action.workload : action
  const target = `${namespace}/${name}`
  switch (action.kind) {
    case 'record':
      return `record ${target}: ${action.cause}, ${action.status.report.state}`
    case 'evict':
      return `evict ${target}: ${action.pod.name}`
    case 'patch':
      return `patch ${target}: ${action.restart.id}`
    case 'forget':
      return `forget ${target}: ${action.consumer.name}`
    case 'halt':
      return `halt ${target}: ${action.spec.reason}`
    case 'release':
      return `release ${target}`
  }
}

function planned(seen: Snapshot, now = NOW, change: Partial<Policy> = {}) {
  const { actions, workloads, wakeAt } = plan(seen, { ...policy, ...change }, now)
  const holds = workloads.flatMap(({ workload, hold }): [string, Hold][] =>
    hold ? [[workload.name, hold]] : [],
  )
  const isReport = (action: Action) => action.kind === 'record' && action.cause === 'reported'
  return {
    actions,
    /** What is done; reports, which change nothing, stand apart. */
    lines: actions.filter((action) => !isReport(action)).map(line),
    reports: actions.filter(isReport).map(line),
    holds: new Map(holds),
    wakeAt,
  }
}

/** The plan for a single workload. */
function one(change: WorkloadChange = {}, now = NOW, policyChange: Partial<Policy> = {}) {
  const { holds, ...rest } = planned(snapshot([workload(change)]), now, policyChange)
  return { ...rest, hold: [...holds.values()][0] }
}

const recorded = ({ actions }: { actions: readonly Action[] }) => {
  const record = actions.find((action) => action.kind === 'record')
  if (!record) throw new Error('nothing is recorded')
  return record.status
}

/** The Consumer as it was written down after the change, so that nothing of the story is left to record. */
function told(change: WorkloadChange = {}): WorkloadChange {
  const { workload: of = deployment(), sources = [rotatedDb], ledger } = change
  const known = appliedLedger(sources, ledger ?? {})
  const changed = one({ ...change, consumer: consumer(of, known) }, at(0.5))
  const status = changed.actions.find((action) => action.kind === 'record')?.status
  return { ...change, consumer: consumer(of, status?.ledger ?? known) }
}

describe('a workload that was never seen', () => {
  test('has today’s content adopted and is not restarted', () => {
    const older = ['1', '2', '3'].map((n) => pod(`web-${n}`, { createdAt: at(-7300) }))
    const adopted = one({ ledger: null, sources: [calmDb], pods: older })
    expect(adopted.lines).toEqual(['record shop/web: adopted, Unproven'])
    expect(recorded(adopted).report).toMatchObject({ stalePods: 0, unknownPods: 3 })
  })

  test('is not restarted by what was adopted either', () => {
    const young = ['1', '2', '3'].map((n) => pod(`web-${n}`, { createdAt: at(-7201) }))
    const sources = [calmDb]
    const { ledger } = recorded(one({ ledger: null, sources, pods: young }))
    const seenAgain = one({ consumer: consumer(deployment(), ledger), sources, pods: young })
    expect(seenAgain.lines).toEqual([])
    expect(seenAgain.reports).toEqual(['record shop/web: reported, Unproven'])
  })

  test('is stale by a change that was seen, though nothing of it was written down yet', () => {
    const adopted = one({ ledger: null })
    expect(adopted.lines).toEqual(['record shop/web: adopted, Waiting'])
    expect(recorded(adopted).report.stalePods).toBe(3)
  })

  test('is restarted at the next change, pods of unknown content included', () => {
    const { ledger } = recorded(one({ ledger: null, sources: [calmDb] }))
    expect(one({ consumer: consumer(deployment(), ledger) }).lines).toEqual([
      'record shop/web: started, Restarting',
    ])
  })
})

describe('a change', () => {
  test('is written down at once, before anything is done for it', () => {
    const now = one({}, at(0.5))
    expect(now.lines).toEqual(['record shop/web: changed, Waiting'])
    const { timelines } = recorded(now).ledger.sources.get('secret/db') ?? {}
    expect(timelines?.get('password')?.map(({ since }) => since)).toEqual([-Infinity, at(0)])
  })

  test('begins a restart when its time has come', () => {
    const started = one(told())
    expect(started.lines).toEqual(['record shop/web: started, Restarting'])
    expect(recorded(started).ledger.restart).toEqual({
      id: NOW.toString(36),
      strategy: 'evict',
      startedAt: NOW,
      templateHash: 'hash',
      wasUnwell: false,
      replicas: 3,
    })
  })

  test('of a Secret that is put back before anybody holds it restarts nothing', () => {
    const back = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-60.5), data: { password: 'new' } },
      { at: at(-0.5), data: { password: 'old' } },
    )
    expect(one({ sources: [back] }).lines).toEqual([])
  })

  test.each([
    ['replicas 0', { workload: deployment('web', { replicas: 0 }), pods: [] }],
    [
      'pods that a deploy made meanwhile',
      { pods: [5, 6, 7].map((s) => pod(`w${s}`, { createdAt: at(s) })) },
    ],
    [
      'only terminal and terminating pods',
      {
        workload: deployment('web', { replicas: 0 }),
        pods: [pod('w1', { terminal: true }), pod('w2', { terminating: true })],
      },
    ],
  ] satisfies [string, WorkloadChange][])(
    'with %s is recorded and restarts nothing',
    (_, change) => {
      const both = { ...told(change) }
      const after = one(both)
      expect(after.lines).toEqual(['record shop/web: changed, Fresh'])
      const { timelines } = recorded(after).ledger.sources.get('secret/db') ?? {}
      expect(timelines?.get('password')).toHaveLength(1)
    },
  )

  test('is not forgotten before the watch of the pods can have shown who started before it', () => {
    const none = { workload: deployment('web', { replicas: 0 }), pods: [] }
    expect(one(told(none), at(1.9)).lines).toEqual([])
    expect(one(told(none), at(1.9)).wakeAt).toBe(at(2))
  })
})

describe('a restart by evict', () => {
  const under = (change: WorkloadChange = {}): WorkloadChange => ({
    ...told({ ...change, ledger: { restart: evicting } }),
  })

  test('evicts one pod, then waits until its replacement is back and calm, then the next', () => {
    expect(one(under()).lines).toEqual(['evict shop/web: web-1'])

    const gone = one(under({ pods: [pod('web-2'), pod('web-3')] }))
    expect(gone.lines).toEqual([])
    expect(gone.hold).toEqual({
      reason: 'MaxUnavailable',
      message: '1 of 3 pods unavailable (limit 1)',
    })

    const settling = one(under({ pods: [pod('web-2'), pod('web-3'), replacement('web-4', at(8))] }))
    expect(settling.hold?.reason).toBe('MaxUnavailable')
    expect(settling.hold?.until).toBe(at(13))
    expect(settling.wakeAt).toBe(at(13))

    const calm = { pods: [pod('web-2'), pod('web-3'), replacement('web-4', at(8))] }
    expect(one(under(calm), at(13)).lines).toEqual(['evict shop/web: web-2'])
  })

  test('counts a pod whose eviction was sent as away until it is seen to go', () => {
    const sent = { ...under(), pending: { evicted: new Set(['uid-of-web-1']) } }
    expect(one(sent).lines).toEqual([])
    expect(one(sent).hold?.reason).toBe('MaxUnavailable')
  })

  test.each([
    ['1', 1],
    ['2', 2],
    ['5', 3],
    ['34%', 1],
    ['67%', 2],
    ['100%', 3],
  ])('with max-unavailable %s evicts %i of 3 pods at once', (limit, count) => {
    expect(one(under({ annotations: { 'max-unavailable': limit } })).lines).toHaveLength(count)
  })

  test('evicts pods that are not Ready first, and does not wait for them', () => {
    const sick = {
      pods: [pod('web-1'), pod('web-2', { ready: false }), pod('web-3', { ready: false })],
    }
    expect(one(under(sick)).lines).toEqual(['evict shop/web: web-2'])
  })

  test('waits for fresh pods that are not Ready', () => {
    const sick = { pods: [pod('web-1'), pod('web-2'), replacement('web-3')] }
    expect(one(under(sick)).hold?.reason).toBe('MaxUnavailable')
  })

  test('ends when all pods are fresh, back and calm, and remembers only today’s content', () => {
    const pods = ['web-4', 'web-5', 'web-6'].map((name) => replacement(name, at(8)))
    expect(one(under({ pods }), at(12.9)).lines).toEqual([])
    const finished = one(under({ pods }), at(13))
    expect(finished.lines).toEqual(['record shop/web: finished, Fresh'])
    const { ledger } = recorded(finished)
    expect(ledger.restart).toBeUndefined()
    expect(ledger.lastRestart).toEqual({ id: 'r1', finishedAt: at(13) })
    expect(ledger.sources.get('secret/db')?.timelines.get('password')).toMatchObject([
      { since: -Infinity },
    ])
  })

  test('goes on with the same restart when new content comes', () => {
    const again = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-0.5), data: { password: 'new' } },
      { at: at(19.5), data: { password: 'newest' } },
    )
    const change = under({
      sources: [again],
      pods: ['a', 'b', 'c'].map((n) => replacement(n, at(8))),
    })
    expect(one(change, at(21)).hold?.reason).toBe('ChangeTooRecent')
    expect(one(change, at(22)).lines).toEqual(['evict shop/web: a'])
  })
})

describe('a restart by rollout', () => {
  const under = (change: WorkloadChange = {}) => {
    const patched = change.workload?.restartId === rolling.id || undefined
    return told({ ...change, ledger: { restart: { ...rolling, patched } } })
  }
  const patched = (change = {}) => deployment('web', { restartId: 'r1', ...change })
  const newPods = ['n1', 'n2', 'n3'].map((name) =>
    pod(name, { createdAt: at(7), readyAt: at(8), restartId: 'r1' }),
  )

  test('patches once, on condition that the Deployment is as it was judged', () => {
    const { actions } = one(under())
    expect(actions).toMatchObject([{ kind: 'patch', restart: rolling, resourceVersion: '1000' }])
  })

  test('does not patch again when the answer was lost but the annotation is there', () => {
    const of = patched({ observed: false })
    expect(one(under({ workload: of })).hold?.reason).toBe('RolloutInProgress')
  })

  test('waits for the rollout', () => {
    const of = patched({ status: { replicas: 4, updated: 2 } })
    const { lines, hold } = one(under({ workload: of }))
    expect(lines).toEqual([])
    expect(hold).toEqual({
      reason: 'RolloutInProgress',
      message: 'a rollout is in progress: 2 of 4 pods updated',
    })
  })

  test('does not take old pods in a late picture for a reason to begin again', () => {
    const { lines, hold } = one(under({ workload: patched() }))
    expect(lines).toEqual([])
    expect(hold?.reason).toBe('RolloutInProgress')
  })

  test('ends when its pods are back and calm', () => {
    const done = under({ workload: patched(), pods: newPods })
    expect(one(done, at(12)).hold?.reason).toBe('MaxUnavailable')
    expect(one(done, at(13)).lines).toEqual(['record shop/web: finished, Fresh'])
  })

  test('writes down that its id is in the template', () => {
    const of = patched({ observed: false })
    const seen = one({ workload: of, ledger: { restart: rolling } })
    expect(seen.lines).toEqual(['record shop/web: patched, Restarting'])
    expect(recorded(seen).ledger.restart).toEqual({ ...rolling, patched: true })
  })

  test('ends with its own pods, though newer content makes them stale: that is for the next one', () => {
    const again = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-0.5), data: { password: 'new' } },
      { at: at(19.5), data: { password: 'newest' } },
    )
    const rolled = under({ workload: patched(), pods: newPods, sources: [again] })
    const finished = one(rolled, at(30))
    expect(finished.lines).toEqual(['record shop/web: finished, Waiting'])
    const { ledger } = recorded(finished)
    expect(ledger.restart).toBeUndefined()
    expect(ledger.sources.get('secret/db')?.timelines.get('password')).toHaveLength(3)
  })

  describe.each<
    [string, Partial<Restart>, Partial<WorkloadRecord>, readonly PodRecord[] | undefined]
  >([
    ['as is recorded', { patched: true }, {}, undefined],
    ['as this process saw', { patched: undefined }, { lastRestartId: 'r1' }, undefined],
    ['as a pod of it shows', { patched: undefined }, {}, [pod('web-1'), ...newPods.slice(1)]],
  ])('whose id was in the template, %s, and was taken out', (_, restart, of, pods) => {
    const undone = (change: WorkloadChange = {}) =>
      one(
        told({
          workload: deployment('web', { restartId: undefined, ...of }),
          ...(pods && { pods }),
          ledger: { restart: { ...rolling, ...restart } },
          ...change,
        }),
        at(30),
      )

    test('goes on by evictions', () => {
      const made = undone()
      expect(made.lines).toEqual(['record shop/web: started, Restarting'])
      expect(recorded(made).ledger.restart?.strategy).toBe('evict')
    })

    test('fails where its owner wants a rollout, and says who', () => {
      const made = undone({ annotations: { strategy: 'rollout' } })
      expect(made.lines).toEqual(['record shop/web: failed, Failed'])
      const { failure } = recorded(made).ledger
      expect(failure?.kind).toBe('Undone')
      const later = told({ annotations: { strategy: 'rollout' }, ledger: { failure } })
      expect(one(later, at(9000)).hold?.reason).toBe('RolloutUndone')
      expect(one(later, at(9000)).lines).toEqual([])
    })

    test('fails where its owner lets no pod be away', () => {
      const none = deployment('web', { restartId: undefined, ...of, wantsNoneAway: true })
      expect(undone({ workload: none }).lines).toEqual(['record shop/web: failed, Failed'])
    })
  })

  test('that failed since it was undone goes on when its owner leaves the choice', () => {
    const annotations = { strategy: 'rollout' }
    const undone = told({ annotations, ledger: { restart: { ...rolling, patched: true } } })
    const { failure } = recorded(one(undone)).ledger
    expect(one({ ledger: { failure } }).lines).toEqual(['record shop/web: recovered, Waiting'])
  })

  test.each([
    ['a single replica', { replicas: 1 }, {}, 'rollout'],
    [
      'a single replica with a port or a volume of its own',
      { replicas: 1, exclusive: true },
      {},
      'evict',
    ],
    ['a single replica with Recreate', { replicas: 1, recreates: true }, {}, 'evict'],
    ['a single replica without a surge', { replicas: 1, maxSurge: 0 }, {}, 'evict'],
    ['several replicas', {}, {}, 'evict'],
    ['an owner who wants none away', { wantsNoneAway: true }, {}, 'rollout'],
    ['Recreate and several replicas', { recreates: true, wantsNoneAway: true }, {}, 'evict'],
    ['a single replica, told to evict', { replicas: 1 }, { strategy: 'evict' }, 'evict'],
    ['several replicas, told to roll out', {}, { strategy: 'rollout' }, 'rollout'],
  ] as const)('is chosen for %s: %s %s, %s', (_, of, annotations, strategy) => {
    const started = one(told({ workload: deployment('web', of), annotations }))
    expect(recorded(started).ledger.restart?.strategy).toBe(strategy)
  })
})

describe('a hold', () => {
  const immutable = source(
    'db',
    { at: at(-7200), data: { password: 'old' }, immutable: true },
    { at: at(-0.5), data: { password: 'new' }, immutable: true, uid: 'u2' },
  )
  const budget: Hold = {
    reason: 'PodDisruptionBudget',
    message: 'web-pdb allows none',
    until: at(60),
  }
  const from = (data: Record<string, string> | null) =>
    source('db', { at: at(-7200), data: { password: 'old' } }, { at: at(-0.5), data })

  const goneAfterwards = source(
    'db',
    { at: at(-7200), data: { password: 'old' } },
    { at: at(-0.5), data: { password: 'new' } },
    { at: at(5), data: null },
  )

  const cases: Partial<Record<HoldReason, [WorkloadChange, RegExp, Partial<Policy>?]>> = {
    ObserveOnly: [{}, /would start now, but mode is observe/, { mode: 'observe' }],
    Paused: [{ annotations: { paused: 'true' } }, /annotation of the workload or its namespace/],
    InvalidSetting: [
      { annotations: { 'max-unavailable': '0' } },
      /max-unavailable.*expected a whole number of at least 1.*found "0"/,
    ],
    ConflictingController: [
      { workload: deployment('web', { otherRestarter: 'Reloader' }) },
      /Reloader/,
    ],
    NamespaceNotManaged: [
      { managed: false },
      /^pods may be evicted only in .* label namespace shop with sluice.dev\/managed=true$/,
      { managedNamespaces: 'required' },
    ],
    WorkloadPaused: [{ workload: deployment('web', { paused: true }) }, /spec\.paused/],
    PendingTemplate: [
      {
        workload: deployment('web', {
          mixedTemplates: true,
          newTemplateOnDelete: true,
          newestRevision: 'newest',
        }),
      },
      /OnDelete.* would come back from the new one/,
    ],
    SourceMissing: [{ sources: [from(null)] }, /^missing: Secret db$/],
    KeyMissing: [{ sources: [from({ user: 'x' })] }, /^missing: key password of Secret db$/],
    ValueEmpty: [
      { sources: [from({ password: '' })] },
      /left a value empty: key password of Secret db$/,
    ],
    ImmutableRecreated: [{ sources: [immutable] }, /immutable Secret db was created again/],
    MaxUnavailableExceeded: [
      {
        workload: deployment('web', { recreates: true }),
        annotations: { strategy: 'rollout', 'max-unavailable': '2' },
      },
      /takes away 3 pods at once \(Recreate\), max-unavailable allows 2/,
    ],
    MaxSurgeExceeded: [
      {
        workload: deployment('web', { maxSurge: 3 }),
        annotations: { strategy: 'rollout', 'max-unavailable': '2' },
      },
      /starts 3 pods at once \(maxSurge\), max-unavailable allows 2/,
    ],
    PodDisruptionBudget: [{ pending: { refusal: budget } }, /web-pdb allows none/],
    MinRestartInterval: [
      { ledger: { lastRestart: { id: 'r0', finishedAt: at(-60) } } },
      /^the last restart ended less than 300 s ago$/,
    ],
    QuietPeriod: [{}, /stay unchanged for 20 s/, { quietPeriod: 20_000 }],
    ChangeTooRecent: [{}, /changed this moment/, { margin: 15_000, quietPeriod: 0 }],
    RolloutInProgress: [
      { workload: deployment('web', { status: { replicas: 4, updated: 1 } }) },
      /1 of 4 pods updated/,
    ],
    MaxUnavailable: [
      { pods: [pod('web-1'), pod('web-2')] },
      /^1 of 3 pods unavailable \(limit 1\)$/,
    ],
    PodsStuck: [
      { pods: [pod('web-1'), pod('web-2')], missingSince: at(-600) },
      /^1 of 3 pods unavailable \(limit 1\), 1 of them past the progress deadline/,
    ],
    RolloutStuck: [
      { workload: deployment('web', { status: { replicas: 4, updated: 1 }, stuck: true }) },
      /no progress within progressDeadlineSeconds: 1 of 4 pods updated$/,
    ],
  }

  test.each(Object.entries(cases))('for %s says so', (reason, [change, message, policyChange]) => {
    // Written down as it was before, so that only the hold is left to say.
    const story = change.sources || reason === 'ChangeTooRecent' ? change : told(change)
    const { hold, actions } = one(story, NOW, policyChange)
    expect(hold?.reason).toBe(reason)
    expect(hold?.message).toMatch(message)
    expect(actions.filter(({ kind }) => kind === 'evict' || kind === 'patch')).toEqual([])
    expect(
      actions.flatMap((a) => (a.kind === 'record' ? [a.status.ledger.restart] : [])),
    ).not.toContainEqual(expect.anything())
  })

  const order = (reason: string) => HOLD_REASONS.indexOf(reason as HoldReason)
  const pairs = Object.entries(cases).flatMap(([reason, [change, , policyChange]]) =>
    Object.entries(cases)
      .filter(([other, [otherChange]]) => {
        const apart = Object.keys(change).every((field) => !(field in otherChange))
        // The one is about evictions, the other about rollouts.
        if (reason === 'NamespaceNotManaged' && other.endsWith('Exceeded')) return false
        return apart && order(reason) < order(other)
      })
      .map(([other, [otherChange, , otherPolicy]]) => ({
        reason,
        other,
        change: { ...otherChange, ...change },
        policyChange: { ...otherPolicy, ...policyChange },
      })),
  )

  test.each(pairs)('for $reason is told before one for $other', (pair) => {
    const { reason, change, policyChange } = pair
    const recorded = reason === 'ChangeTooRecent' || change.sources ? change : told(change)
    expect(one(recorded, NOW, policyChange).hold?.reason).toBe(reason)
  })

  test('is compared with most others', () => {
    expect(pairs.length).toBeGreaterThan(60)
  })

  test('for a malformed Consumer names the fault, and touches nothing', () => {
    const broken = consumer(deployment(), undefined, { fault: 'status.since: Invalid' })
    const { hold, actions, reports } = one({ consumer: broken, pending: { reportedAt: -Infinity } })
    expect([...actions, ...reports]).toEqual([])
    expect(hold?.reason).toBe('MalformedConsumer')
    expect(hold?.message).toContain('deployment-web cannot be read (status.since: Invalid)')
  })

  test('for the kill switch stands for every workload', () => {
    const both = ['web', 'api'].map((name) => workload(told({ workload: deployment(name) })))
    const { holds, actions } = planned(snapshot(both, { paused: true }))
    expect([...holds.values()].map(({ reason }) => reason)).toEqual(['Paused', 'Paused'])
    expect(holds.get('api')?.message).toContain('Sluice')
    expect(actions.some(({ kind }) => kind === 'evict' || kind === 'patch')).toBe(false)
  })

  test('has a test for every reason that the plan itself gives', () => {
    const given = HOLD_REASONS.filter((reason) => !(reason in cases))
    // By the tests above, those of budgets and failures, and by the answers of the API server.
    expect(given.sort()).toEqual(
      [
        'CannotStart',
        'ClusterBudget',
        'GroupBudget',
        'GroupHalted',
        'RepeatedFailures',
        'PodCrashed',
        'RestartFailed',
        'RolloutUndone',
        'StartingPods',
        'WaitingForUrgent',
        'Forbidden',
        'MalformedConsumer',
        'NotSynced',
        'NotWatching',
        'Refused',
        'ServerBusy',
        'SourceUnreadable',
      ].sort(),
    )
  })

  test.each<[HoldReason, WorkloadChange]>([
    ['Paused', { annotations: { paused: 'true' } }],
    ['ConflictingController', { workload: deployment('web', { otherRestarter: 'wave' }) }],
    ['SourceMissing', { sources: [goneAfterwards] }],
  ])('for %s stops a restart under way too', (reason, change) => {
    const { lines, hold } = one({ ...change, ledger: { restart: evicting } })
    expect(hold?.reason).toBe(reason)
    expect(lines.filter((each) => each.startsWith('evict'))).toEqual([])
  })

  test('over the quiet period and the interval does not stop a restart under way', () => {
    const change = told({
      ledger: { restart: evicting, lastRestart: { id: 'r0', finishedAt: at(5) } },
    })
    expect(one(change, NOW, { quietPeriod: 50_000 }).lines).toEqual(['evict shop/web: web-1'])
  })

  test('over the quiet period ends after twelve of them, however often the content changes', () => {
    const times = [-0.5, 19.5, 39.5, 59.5]
    const changing = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      ...times.map((second) => ({ at: at(second), data: { password: `at ${second}` } })),
    )
    const quiet = { quietPeriod: 5_000, margin: 0 }
    expect(one({ sources: [changing] }, at(59.9), quiet).hold?.reason).toBe('QuietPeriod')
    expect(one({ sources: [changing] }, at(60), quiet).hold).toBeUndefined()
  })

  test('that time ends says when to look again', () => {
    const { hold, wakeAt } = one(told(), at(3))
    expect(hold).toMatchObject({ reason: 'QuietPeriod', until: at(5) })
    expect(wakeAt).toBe(at(5))
  })

  test('is shown even where nothing is stale, if a person must put it right', () => {
    expect(one({ sources: [calmDb], annotations: { paused: 'true' } }).hold?.reason).toBe('Paused')
  })

  test('over an optional source that is missing there is none', () => {
    const of = deployment('web', { uses: appUses({ ...password, optional: true }) })
    const pods = [pod('web-1', { uses: of.uses })]
    const { hold } = one({ workload: of, pods, sources: [from(null)] }, at(30))
    expect(hold?.reason).not.toBe('SourceMissing')
  })
})

describe('what people read', () => {
  const read = { pending: { reportedAt: NOW - REPORT_INTERVAL } }

  test('is written when it changes, but not more often than that', () => {
    const change = told({ annotations: { paused: 'true' } })
    expect(one({ ...change, ...read }).reports).toEqual(['record shop/web: reported, Paused'])
    const justNow = { ...change, pending: { reportedAt: NOW - REPORT_INTERVAL + 1 } }
    expect(one(justNow).reports).toEqual([])
    expect(one(justNow).wakeAt).toBe(NOW + 1)
  })

  test('waits for the write that is under way', () => {
    const change = told({ annotations: { paused: 'true' } })
    const [write] = one({ ...change, ...read }).actions
    expect(one({ ...change, pending: { ...read.pending, write } }).actions).toEqual([])
  })

  test('is not written while it stays as it is', () => {
    expect(one({ sources: [calmDb], ...read }).actions).toEqual([])
  })

  test('keeps the time since when the state is so', () => {
    const change = told({ annotations: { paused: 'true' } })
    const known = change.consumer?.status
    if (!known) throw new Error('a story that was told has a status')
    const shownAs = (state: State) =>
      recorded(
        one({
          ...change,
          ...read,
          consumer: consumer(deployment(), undefined, {
            status: { ...known, report: { ...known.report, state }, since: at(1) },
          }),
        }),
      ).since
    expect(shownAs('Paused')).toBe(at(1))
    expect(shownAs('Waiting')).toBe(NOW)
  })
})

describe('the order', () => {
  /** A waiting workload; `ledger` and annotations as given. */
  const waiting = (name: string, change: WorkloadChange & { namespace?: string } = {}) => {
    const { namespace = 'shop', ...rest } = change
    return workload(told({ ...rest, workload: deployment(name, { namespace }) }))
  }
  const order = (...workloads: readonly ReturnType<typeof waiting>[]) =>
    plan(snapshot(workloads), policy, NOW).workloads.map(({ workload }) => workload.name)

  test('inside a namespace is by name, if nothing else tells', () => {
    expect(order(waiting('c'), waiting('a'), waiting('b'))).toEqual(['a', 'b', 'c'])
  })

  test('puts higher priority first', () => {
    const urgent = waiting('z', { annotations: { priority: '5' } })
    const late = waiting('a', { annotations: { priority: '-1' } })
    expect(order(late, waiting('m'), urgent)).toEqual(['z', 'm', 'a'])
  })

  test('then those that are already hurting', () => {
    const hurting = waiting('z', { pods: [pod('z-1', { ready: false }), pod('z-2'), pod('z-3')] })
    expect(order(waiting('a'), hurting)).toEqual(['z', 'a'])
  })

  test('then the longest stale', () => {
    const longer = source(
      'db',
      { at: at(-7200), data: { password: 'old' } },
      { at: at(-600.5), data: { password: 'new' } },
    )
    expect(order(waiting('a'), waiting('z', { sources: [longer] }))).toEqual(['z', 'a'])
  })

  test('takes namespaces in turn, the one served longest ago first', () => {
    const served = (namespace: string, name: string, finishedAt: number) =>
      waiting(name, { namespace, ledger: { lastRestart: { id: 'r', finishedAt } } })
    expect(
      order(
        served('a', 'a1', at(-1000)),
        served('a', 'a2', at(-3000)),
        served('b', 'b1', at(-2000)),
        served('b', 'b2', at(-9000)),
        waiting('c1', { namespace: 'c' }),
      ),
    ).toEqual(['c1', 'b1', 'a1', 'b2', 'a2'])
  })
})

describe('the cluster', () => {
  const waiting = (name: string, change: WorkloadChange = {}) =>
    workload(told({ ...change, workload: deployment(name) }))

  test('has one workload restarted at a time', () => {
    const { lines, holds } = planned(snapshot([waiting('a'), waiting('b'), waiting('c')]))
    expect(lines.filter((each) => each.includes('started'))).toEqual([
      'record shop/a: started, Restarting',
    ])
    expect(holds.get('b')).toEqual({
      reason: 'ClusterBudget',
      message: 'restarts in the cluster: 1 under way (limit 1)',
    })
  })

  test('goes on with the restart that has pods away, whatever its place', () => {
    const away = waiting('z', { ledger: { restart: evicting }, pods: [pod('z-1'), pod('z-2')] })
    const { lines, holds } = planned(snapshot([waiting('a'), away]))
    expect(lines).toEqual([])
    expect(holds.get('a')?.reason).toBe('ClusterBudget')
    expect(holds.get('z')?.reason).toBe('MaxUnavailable')
  })

  test('is not blocked by a workload that is held', () => {
    const held = waiting('a', { annotations: { paused: 'true', priority: '9' } })
    expect(planned(snapshot([held, waiting('b')])).lines).toContain(
      'record shop/b: started, Restarting',
    )
  })

  test('is not blocked by a restart that is held with no pod away', () => {
    const held = waiting('a', { annotations: { paused: 'true' }, ledger: { restart: evicting } })
    expect(planned(snapshot([held, waiting('b')])).lines).toContain(
      'record shop/b: started, Restarting',
    )
  })

  test('is blocked by a restart that is held with a pod away', () => {
    const held = waiting('a', {
      annotations: { paused: 'true' },
      ledger: { restart: evicting },
      pods: [pod('a-1'), pod('a-2')],
    })
    expect(planned(snapshot([held, waiting('b')])).holds.get('b')?.reason).toBe('ClusterBudget')
  })

  test('is blocked by a write that begins a restart and is not answered yet', () => {
    const { actions } = planned(snapshot([waiting('a')]))
    const [write] = actions
    const begun = workload({ ...told({ workload: deployment('a') }), pending: { write } })
    expect(planned(snapshot([begun, waiting('b')])).holds.get('b')?.reason).toBe('ClusterBudget')
  })

  test('is blocked by a rollout whose new pods are not seen yet', () => {
    const rolled = workload(
      told({
        workload: deployment('a', { restartId: 'r1' }),
        ledger: { restart: rolling },
      }),
    )
    expect(planned(snapshot([rolled, waiting('b')])).holds.get('b')?.reason).toBe('ClusterBudget')
  })
})

describe('a Consumer', () => {
  test('of a workload that opted out is forgotten', () => {
    const of = deployment()
    const left = { workload: of.ref, consumer: consumer(of, undefined) }
    expect(planned(snapshot([], { leftovers: [left] })).lines).toEqual([
      'forget shop/web: deployment-web',
    ])
  })

  test('of another workload of that name is no record and is forgotten', () => {
    const ledger = appliedLedger([rotatedDb], { restart: evicting, replicaSets: ['another'] })
    const foreign = consumer(deployment(), ledger, { ownerUid: 'the one before' })
    expect(one({ consumer: foreign }).lines).toEqual(['forget shop/web: deployment-web'])
  })

  test('of a Deployment that was orphaned and created anew tells what is known of the pods that it left', () => {
    const ledger = appliedLedger([rotatedDb], { restart: evicting })
    const foreign = consumer(deployment(), ledger, { ownerUid: undefined })
    const taken = one({ consumer: foreign })
    expect(taken.lines).toEqual(['record shop/web: adopted, Waiting'])
    expect(recorded(taken).report.stalePods).toBe(3)
    // The restart was the other one's.
    expect(recorded(taken).ledger.restart).toBeUndefined()
  })

  test('of a Deployment before it waits until the controller has taken over the pods, or has not', () => {
    const ledger = appliedLedger([rotatedDb])
    const foreign = consumer(deployment(), ledger, { ownerUid: undefined })
    const seenBefore = deployment('web', { observed: false })
    expect(one({ workload: seenBefore, consumer: foreign, pods: [] }).lines).toEqual([])
    expect(one({ workload: deployment(), consumer: foreign, pods: [] }).lines).toEqual([])
    const alone = deployment('web', { status: { replicas: 0, updated: 0 } })
    expect(one({ workload: alone, consumer: foreign, pods: [] }).lines).toEqual([
      'forget shop/web: deployment-web',
    ])
  })

  test('of another workload is forgotten even if it cannot be read', () => {
    const foreign = consumer(deployment(), undefined, { ownerUid: undefined, fault: 'status: bad' })
    expect(one({ consumer: foreign }).lines).toEqual(['forget shop/web: deployment-web'])
  })

  test('under a lost HMAC key goes on, and is written under the new one', () => {
    const other = createDigester(Buffer.from('lost'))
    const ledger = { ...appliedLedger([calmDb]), keyFingerprint: other.fingerprint }
    const { lines, actions } = one({
      sources: [calmDb],
      consumer: consumer(deployment(), ledger),
    })
    expect(lines).toEqual(['record shop/web: changed, Fresh'])
    expect(recorded({ actions }).report.unknownPods).toBe(0)
  })
})

describe('a plan', () => {
  const change = fc.constantFrom<WorkloadChange>(
    {},
    { ledger: null },
    { ledger: { restart: evicting } },
    { ledger: { restart: rolling } },
    { annotations: { paused: 'true' } },
    { annotations: { strategy: 'rollout', 'max-unavailable': '50%' } },
    { sources: [calmDb] },
    { pods: [pod('web-1', { ready: false }), pod('web-2', { terminating: true })] },
    { pending: { evicted: new Set(['uid-of-web-1']) } },
  )
  const picture = fc
    .array(fc.tuple(change, fc.constantFrom('shop', 'mail')), { maxLength: 5 })
    .map((all) =>
      snapshot(
        all.map(([each, namespace], n) =>
          workload({ ...each, workload: deployment(`w${n}`, { namespace }) }),
        ),
      ),
    )

  test('is the same for the same picture, and leaves that as it was', () => {
    fc.assert(
      fc.property(picture, fc.integer({ min: 0, max: 400 }), (seen, second) => {
        const content = () =>
          seen.workloads.map((each) => ({ ...each, source: each.source('secret/db') }))
        const copy = structuredClone(content())
        const first = plan(seen, policy, at(second))
        expect(plan(seen, policy, at(second))).toEqual(first)
        expect(content()).toEqual(copy)
      }),
    )
  })

  test('does not depend on the order in which workloads are seen', () => {
    fc.assert(
      fc.property(picture, fc.integer({ min: 0, max: 400 }), (seen, second) => {
        const reversed = { ...seen, workloads: seen.workloads.toReversed() }
        const lines = (of: Snapshot) => plan(of, policy, at(second)).actions.map(line).sort()
        expect(lines(reversed)).toEqual(lines(seen))
      }),
    )
  })

  test('never acts on more than one workload, nor on a workload and its record at once', () => {
    fc.assert(
      fc.property(picture, fc.integer({ min: 0, max: 400 }), (seen, second) => {
        const { actions } = plan(seen, policy, at(second))
        const acting = actions.filter((each) => each.kind === 'evict' || each.kind === 'patch')
        expect(new Set(acting.map(({ workload: of }) => of.uid)).size).toBeLessThanOrEqual(1)
        for (const { workload: of } of acting) {
          const records = actions.filter((a) => a.kind === 'record' && a.workload.uid === of.uid)
          expect(records).toEqual([])
        }
      }),
    )
  })
})
