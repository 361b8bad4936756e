import { SECRET } from '../../src/sources/kinds/secret.ts'
import { describe, expect, test } from 'vitest'
import type { PodRecord } from '../../src/workloads/pod.ts'
import type { Failure } from '../../src/records/consumer.ts'
import { DEPLOYMENT } from '../../src/workloads/kinds/deployment.ts'
import { createDigester } from '../../src/sources/digest.ts'
import { readSource } from '../../src/sources/source.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { at, base64, container, pod, type PodChange } from './cluster-builder.ts'
import {
  bystander,
  calm,
  evicting,
  NOW,
  oneAway,
  planned,
  replacement,
  restarting,
  rolledOut,
  rolling,
  rotated,
  told,
  type Planned,
  type Told,
} from './planning.ts'

/** The failure that a plan records for a workload. */
function failureIn({ actions }: Planned, name = 'web'): Failure | undefined {
  for (const action of actions) {
    if (action.kind === 'record' && action.workload.name === name && action.cause === 'failed') {
      return action.status.ledger.failure
    }
  }
  return undefined
}

const summary = (failure: Failure | undefined) => failure && `${failure.kind}: ${failure.message}`

/** A restart by evict with one replacement in this state. */
const withReplacement = (change: PodChange, told: Told = {}) =>
  restarting('web', { pods: [...oneAway('web'), replacement('new', change)], ...told })

const waiting = (waitingReason: string, restarts = 0): PodChange => ({
  containers: [container(NOW, { id: undefined, state: 'waiting', waitingReason, restarts })],
})

const LATE = at(607)

describe('a restart fails', () => {
  test.each<[string, PodChange, number, string | undefined]>([
    [
      'when its pod crashes again and again',
      waiting('CrashLoopBackOff'),
      NOW,
      'Unfit: pod new crashes again and again',
    ],
    [
      'when its init container does',
      {
        containers: [
          container(NOW, { name: 'migrate', state: 'waiting', waitingReason: 'CrashLoopBackOff' }),
          container(NOW, { id: undefined, state: 'waiting', waitingReason: 'PodInitializing' }),
        ],
      },
      NOW,
      'Unfit: pod new crashes again and again',
    ],
    [
      'when a container of its pod was restarted twice before it was calm',
      { ready: true, readyAt: at(8), container: { restarts: 2 } },
      NOW,
      'Unfit: pod new crashes again and again',
    ],
    [
      'not when it was restarted once',
      { ready: true, readyAt: at(8), container: { restarts: 1 } },
      NOW,
      undefined,
    ],
    [
      'not when it was restarted twice in all, and is calm',
      { ready: true, readyAt: at(4), container: { restarts: 2 } },
      NOW,
      undefined,
    ],
    [
      'when its pod is not Ready at the deadline',
      { scheduledAt: at(7) },
      LATE,
      'Unfit: pod new was not Ready within 600 s',
    ],
    ['not before that', { scheduledAt: at(7) }, LATE - 1, undefined],
    ['counting from when the pod had a node', { scheduledAt: at(100) }, at(699), undefined],
    [
      'when its pod found no node until the deadline',
      { scheduledAt: undefined, containers: [] },
      LATE,
      'CannotStart: pod new found no node within 600 s',
    ],
    [
      'when no container of its pod started until the deadline',
      waiting('ContainerCreating'),
      LATE,
      'CannotStart: pod new did not start within 600 s',
    ],
    ...[
      'ImagePullBackOff',
      'ErrImagePull',
      'InvalidImageName',
      'ErrImageNeverPull',
      'CreateContainerConfigError',
      'CreateContainerError',
    ].map((reason): [string, PodChange, number, string] => [
      `for ${reason}, when that lasts until the deadline`,
      waiting(reason),
      LATE,
      `CannotStart: pod new did not start within 600 s: container app waits, ${reason}`,
    ]),
    [
      'as one that cannot start, where its init container ran and its image is missing',
      {
        containers: [
          container(NOW, { name: 'init', init: true, state: 'terminated' }),
          container(NOW, { id: undefined, state: 'waiting', waitingReason: 'ImagePullBackOff' }),
        ],
      },
      LATE,
      'CannotStart: pod new did not start within 600 s: container app waits, ImagePullBackOff',
    ],
    ['not while its pod is pulling', waiting('ContainerCreating'), NOW, undefined],
    [
      'not for a pod of another template',
      { ...waiting('CrashLoopBackOff'), templateHash: 'theirs' },
      NOW,
      undefined,
    ],
    [
      'not for a pod that is older than it',
      { ...waiting('CrashLoopBackOff'), createdAt: at(4) },
      NOW,
      undefined,
    ],
    [
      'not for a pod that is terminating',
      { ...waiting('CrashLoopBackOff'), terminating: true },
      NOW,
      undefined,
    ],
    [
      'not for a pod that failed for good, which is nobody’s',
      { ...waiting('CrashLoopBackOff'), terminal: true },
      NOW,
      undefined,
    ],
    [
      'not for a pod that was Ready for long and is not for a moment',
      { scheduledAt: at(7), unreadyAt: at(899) },
      at(900),
      undefined,
    ],
    [
      'for one that does not come back',
      { scheduledAt: at(7), unreadyAt: at(300) },
      at(900),
      'Unfit: pod new was not Ready within 600 s',
    ],
  ])('%s', (_, change, now, failure) => {
    const made = planned([withReplacement(change)], { now })
    expect(summary(failureIn(made))).toBe(failure)
    if (failure) expect(made.lines.filter((each) => each.startsWith('evict'))).toEqual([])
  })

  test('by the deadline that the workload gives', () => {
    const slow = withReplacement(
      { scheduledAt: at(7) },
      { annotations: { 'progress-deadline': '20m' } },
    )
    expect(failureIn(planned([slow], { now: LATE }))).toBeUndefined()
    expect(summary(failureIn(planned([slow], { now: at(1207) })))).toBe(
      'Unfit: pod new was not Ready within 1200 s',
    )
  })

  test('after half an hour at the latest, however patient the Deployment is', () => {
    const slow = withReplacement(
      { scheduledAt: at(7) },
      { of: { progressDeadline: 10 * 3_600_000 } },
    )
    expect(summary(failureIn(planned([slow], { now: at(1807) })))).toContain('within 1800 s')
  })

  test('by rollout for pods with its id alone', () => {
    const crashing = replacement('new', { ...waiting('CrashLoopBackOff'), restartId: 'r1' })
    const rollout = (restartId: string) =>
      told('web', {
        of: { restartId: 'r1', status: { replicas: 4, updated: 1 } },
        pods: [pod('web-1'), pod('web-2'), pod('web-3'), { ...crashing, restartId }],
        ledger: { restart: rolling },
      })
    expect(summary(failureIn(planned([rollout('r1')])))).toBe(
      'Unfit: pod new crashes again and again',
    )
    expect(failureIn(planned([rollout('theirs')]))).toBeUndefined()
  })

  test('by rollout not for pods of somebody who deployed since and kept its id', () => {
    const own = replacement('own', { restartId: 'r1', templateHash: 'own' })
    const theirs = replacement('theirs', {
      ...waiting('CrashLoopBackOff'),
      restartId: 'r1',
      templateHash: 'theirs',
      createdAt: at(8),
    })
    const rollout = (pods: readonly PodRecord[], templateHash: string | undefined) =>
      told('web', {
        of: { restartId: 'r1', status: { replicas: 4, updated: 1 } },
        pods: [pod('web-1'), pod('web-2'), ...pods],
        ledger: { restart: { ...rolledOut, templateHash } },
      })
    expect(failureIn(planned([rollout([own, theirs], undefined)]))).toBeUndefined()
    // The first pod is written down: by the time of their deploy it may be gone.
    const [seen] = planned([rollout([own], undefined)]).actions
    expect(seen).toMatchObject({
      cause: 'reported',
      status: { ledger: { restart: { templateHash: 'own' } } },
    })
    expect(failureIn(planned([rollout([theirs], 'own')]))).toBeUndefined()
    expect(failureIn(planned([rollout([theirs], 'theirs')]))?.kind).toBe('Unfit')
  })

  test('as one that cannot start, where the workload was unwell before', () => {
    const unwell = withReplacement(waiting('CrashLoopBackOff'), {
      ledger: { restart: { ...evicting, wasUnwell: true } },
    })
    expect(failureIn(planned([unwell]))?.kind).toBe('CannotStart')
  })

  test('as unwell before, where a stale pod was not Ready when it began', () => {
    const sick = told('web', { pods: [pod('web-1', { ready: false }), pod('web-2'), pod('web-3')] })
    const [record] = planned([sick]).actions
    expect(record).toMatchObject({ status: { ledger: { restart: { wasUnwell: true } } } })
  })

  test('with the same pods away as before: nothing is evicted any more', () => {
    const made = planned([
      withReplacement(waiting('CrashLoopBackOff'), { annotations: { 'max-unavailable': '3' } }),
    ])
    expect(made.lines).toContain('record shop/web: failed')
    expect(made.lines.filter((each) => each.startsWith('evict'))).toEqual([])
  })

  test('with an id, and with the content that changed', () => {
    const both = withReplacement(waiting('CrashLoopBackOff'), {
      sources: [rotated('db'), calm('cache')],
    })
    const failure = failureIn(planned([both]))
    expect(failure).toMatchObject({ id: 'r1', failedAt: NOW })
    expect(failure?.contents.map(({ source, key }) => `${source}/${key}`)).toEqual([
      'secret/db/password',
    ])
  })
})

describe('new content that comes while a new pod is in trouble', () => {
  const later = (change: PodChange) =>
    restarting('web', {
      sources: [rotated('db', {}, 300)],
      pods: [...oneAway('web'), replacement('new', change)],
    })
  const loop = (ranAt: number) => ({
    containers: [
      container(at(7), {
        state: 'waiting',
        waitingReason: 'CrashLoopBackOff',
        startedAt: undefined,
        restarts: 5,
        lastRun: { startedAt: at(ranAt), duration: 1000 },
      }),
    ],
  })

  test('is not blamed for crashes from before it, and is for the next one', () => {
    const now = at(320)
    expect(summary(failureIn(planned([later(loop(290))], { now })))).toBeUndefined()
    expect(summary(failureIn(planned([later(loop(310))], { now })))).toBe(
      'Unfit: pod new crashes again and again',
    )
  })

  test('has the whole deadline', () => {
    const never = later(loop(290))
    const due = planned([never], { now: at(880) })
    expect(summary(failureIn(due))).toBeUndefined()
    expect(due.wakeAt).toBeLessThanOrEqual(at(902))
    expect(summary(failureIn(planned([never], { now: at(902) })))).toBe(
      'Unfit: pod new was not Ready within 600 s',
    )
  })
})

test('a restart that has taken no pod away does not fail for one that is missing', () => {
  const drained = (owedSince: number, pods: readonly PodRecord[] = []) =>
    restarting('web', {
      missingSince: at(9),
      pods: [...oneAway('web'), ...pods],
      pending: { owedSince },
    })
  const now = at(700)
  const unscheduled = replacement('new', { scheduledAt: undefined, containers: [] })
  expect(failureIn(planned([drained(at(0))], { now }))).toBeUndefined()
  expect(failureIn(planned([drained(at(0), [unscheduled])], { now }))).toBeUndefined()
  expect(failureIn(planned([drained(at(8))], { now }))?.kind).toBe('CannotStart')
  expect(failureIn(planned([drained(at(8), [unscheduled])], { now }))?.kind).toBe('CannotStart')
})

describe('pods that are never created', () => {
  const missing = (refusedSince: number | undefined, change: Told = {}) =>
    restarting('web', {
      of: { creationRefusedSince: refusedSince },
      pending: { owedSince: at(6) },
      ...change,
    })

  test('for a quota fail the restart at the deadline', () => {
    const refused = missing(at(9))
    expect(failureIn(planned([refused], { now: at(608.9) }))).toBeUndefined()
    expect(summary(failureIn(planned([refused], { now: at(609) })))).toBe(
      'CannotStart: 1 of 3 pods were not created within 600 s: the Deployment does not say why',
    )
  })

  test.each([
    [
      'exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3',
      'Blocked',
      'ResourceQuota compute',
    ],
    [
      'admission webhook "pods.policy.example" denied the request: no',
      'CannotStart',
      'webhook pods.policy.example',
    ],
    [
      'Internal error occurred: failed calling webhook "pods.policy.example": EOF',
      'CannotStart',
      'webhook pods.policy.example',
    ],
  ])('name who refuses them: %s', (message, kind, who) => {
    const type = 'ReplicaFailure'
    const lastTransitionTime = '2026-03-01T12:00:09Z'
    const { creationRefusedSince, creationRefusedBy } = DEPLOYMENT.read(
      {
        metadata: { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '1' },
        spec: { template: { spec: {} } },
        status: { conditions: [{ type, status: 'True', lastTransitionTime, message }] },
      },
      (uses) => uses,
    )
    const refused = missing(creationRefusedSince, {
      of: { creationRefusedSince, creationRefusedBy },
    })
    expect(summary(failureIn(planned([refused], { now: at(609) })))).toBe(
      `${kind}: 1 of 3 pods were not created within 600 s: ${who} refuses them`,
    )
  })

  test('are looked for when the deadline is over', () => {
    expect(planned([missing(at(9))], { now: at(300) }).wakeAt).toBe(at(609))
  })

  test('since long before the eviction are waited for from the eviction on', () => {
    const refused = missing(at(-9000), { pending: { owedSince: at(300) } })
    expect(failureIn(planned([refused], { now: at(899) }))).toBeUndefined()
    expect(failureIn(planned([refused], { now: at(900) }))).toBeDefined()
  })

  test('at once after a scale-up, long after the last eviction, are none', () => {
    const scaledUp = missing(undefined, { of: { replicas: 9 } })
    expect(failureIn(planned([scaledUp], { now: at(3600) }))).toBeUndefined()
  })

  test('are told by the Deployment', () => {
    const raw = {
      metadata: { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '1' },
      spec: { template: { spec: {} } },
    }
    const of = (status: 'True' | 'False') =>
      DEPLOYMENT.read(
        {
          ...raw,
          status: {
            conditions: [
              { type: 'ReplicaFailure', status, lastTransitionTime: '2026-03-01T12:00:09Z' },
            ],
          },
        },
        (uses) => uses,
      ).creationRefusedSince
    expect(of('True')).toBe(at(9))
    expect(of('False')).toBeUndefined()
    expect(DEPLOYMENT.read(raw, (uses) => uses).creationRefusedSince).toBeUndefined()
  })
})

/** The workload as it is after a plan that recorded its failure. */
function failed(name: string, change: Told = {}, kind: Failure['kind'] = 'Unfit'): ManagedWorkload {
  const { ledger, ...rest } = change
  return told(name, {
    ledger: { failure: failure(name, kind), ...ledger },
    pods: [...oneAway(name), replacement(`${name}-new`, waiting('CrashLoopBackOff'))],
    ...rest,
  })
}

function failure(
  name: string,
  kind: Failure['kind'] = 'Unfit',
  change: Partial<Failure> = {},
): Failure {
  const found = failureIn(
    planned([
      restarting(name, {
        pods: [...oneAway(name), replacement('new', waiting('CrashLoopBackOff'))],
        sources: change.contents ? [] : [rotated('db')],
      }),
    ]),
    name,
  )
  return {
    id: 'r1',
    failedAt: NOW,
    message: 'pod new crashes again and again',
    contents: found?.contents ?? [],
    ...change,
    kind,
  }
}

describe('a failed restart', () => {
  test.each([
    ['Unfit', 'RestartFailed'],
    ['CannotStart', 'CannotStart'],
  ] as const)('of kind %s is held, and says how that ends', (kind, reason) => {
    const { holds } = planned([failed('web', {}, kind)])
    expect(holds.web).toBe(
      `${reason}: pod new crashes again and again; it ends with other content, when its new pods have been Available for a minute, or by sluice.dev/resume=r1`,
    )
  })

  test('gives its slot back', () => {
    const other = told('z', { sources: [rotated('cache')] })
    expect(planned([failed('web'), other]).lines).toContain('record shop/z: started')
  })

  const ends = (workload: ManagedWorkload, now = NOW) =>
    planned([workload], { now }).lines.includes('record shop/web: recovered')

  test.each<[string, Told, number, boolean]>([
    ['ends with other content', { sources: [rotated('db', {}, 60)] }, at(100), true],
    ['stands while the content is the same', {}, at(100), false],
    ['ends by resuming exactly it', { annotations: { resume: 'r1' } }, NOW, true],
    ['stands whatever else is resumed', { annotations: { resume: 'r0' } }, NOW, false],
    [
      'ends when its new pods have been Available for a minute',
      { pods: [...oneAway('web'), replacement('x', { ready: true, readyAt: at(100) })] },
      at(160),
      true,
    ],
    [
      'ends though pods with the old content are not Ready: the old credential is dead, and they are what is to be replaced',
      {
        pods: [
          pod('web-1', { readyAt: undefined, unreadyAt: at(90) }),
          pod('web-2', { readyAt: undefined, unreadyAt: at(90) }),
          replacement('x', { ready: true, readyAt: at(100) }),
        ],
      },
      at(160),
      true,
    ],
    [
      'stands until that minute is over',
      { pods: [...oneAway('web'), replacement('x', { ready: true, readyAt: at(100) })] },
      at(159.9),
      false,
    ],
    [
      'begins that minute after minReadySeconds',
      {
        of: { minReady: 20_000 },
        pods: [...oneAway('web'), replacement('x', { ready: true, readyAt: at(100) })],
      },
      at(179),
      false,
    ],
    ['stands while a pod is missing', { pods: oneAway('web') }, at(9000), false],
    ['stands while there is no pod', { pods: [], of: { replicas: 0 } }, at(9000), false],
    [
      'stands where only pods with the old content are well: the bad one was scaled away',
      { of: { replicas: 2 }, pods: oneAway('web') },
      at(9000),
      false,
    ],
    [
      'stands where somebody undid the rollout',
      { pods: [pod('web-1'), pod('web-2'), pod('web-3')] },
      at(9000),
      false,
    ],
  ])('%s', (_, change, now, over) => {
    expect(ends(failed('web', change), now)).toBe(over)
  })

  test('stands though another of its Secrets changes, which it did not fail for', () => {
    const sources = [rotated('db'), rotated('cache', {}, 60)]
    expect(ends(failed('web', { sources }), at(100))).toBe(false)
  })

  test('stands under another HMAC key', () => {
    const other = createDigester(Buffer.from('another key'))
    const raw = (value: string, version: number, second: number) => ({
      metadata: {
        namespace: 'shop',
        name: 'db',
        uid: 'uid-of-db',
        resourceVersion: String(version),
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [{ time: new Date(at(second)).toISOString(), fieldsV1: { 'f:data': {} } }],
      },
      data: base64({ password: value }),
    })
    const known = failed('web')
    const again = readSource(SECRET, raw('as of 0', 101, -0.5), undefined, other, at(200))
    const seen = { ...known, source: () => again }
    const made = planned([seen], { now: at(201) }, { keyFingerprint: other.fingerprint })
    expect(made.lines).toEqual(['record shop/web: changed', ...made.lines.slice(1)])
    expect(made.reasons.web).toBe('RestartFailed')
  })

  test('looks again when a minute of health is over', () => {
    const healthy = failed('web', {
      pods: [...oneAway('web'), replacement('x', { ready: true, readyAt: at(100) })],
    })
    expect(planned([healthy], { now: at(120) }).wakeAt).toBe(at(160))
  })

  test('begins anew after a person has resumed it, and an old id does nothing then', () => {
    const resumed = failed('web', {
      annotations: { resume: 'r1' },
      ledger: { failure: undefined },
      pods: [pod('web-1'), pod('web-2'), replacement('x', { ready: true, readyAt: at(8) })],
    })
    const [begun] = planned([resumed], { now: at(20) }).actions
    expect(begun).toMatchObject({ cause: 'started' })
    const again = failure('web', 'Unfit', { id: 'r2' })
    const failedAgain = failed('web', { annotations: { resume: 'r1' }, ledger: { failure: again } })
    expect(planned([failedAgain]).reasons.web).toBe('RestartFailed')
  })
})

describe('the starting pods of a failed restart', () => {
  const begun = (name: string) =>
    told(name, {
      sources: [rotated('cache')],
      ledger: { restart: evicting },
    })
  const wide = { maxConcurrentRestarts: 9, maxConcurrentPerGroup: 9, maxStartingPods: 1 }
  /** It consumes what the other is restarted for, too. */
  const sources = [rotated('db'), calm('cache')]

  test('are none once its pod has failed: other groups go on', () => {
    expect(planned([failed('web', { sources }), begun('z')], wide).lines).toContain(
      'evict shop/z: z-1',
    )
  })

  test('are those that it is still owed', () => {
    const owed = failed('web', { sources, of: { replicas: 4 } })
    expect(planned([owed, begun('z')], wide).reasons.z).toBe('StartingPods')
  })

  test('are none for a workload that was unwell before and crashes now: it may crash without end', () => {
    const unwell = failed('web', { sources }, 'CannotStart')
    expect(planned([unwell, begun('z')], wide).lines).toContain('evict shop/z: z-1')
  })

  test('are none past the deadline, neither those that cannot start nor those that never came', () => {
    const pods = [pod('web-2'), replacement('x', waiting('ImagePullBackOff'))]
    const blocked = failed('web', { sources, pods, missingSince: at(7) }, 'CannotStart')
    const made = planned([blocked, begun('z')], { ...wide, now: at(608) })
    expect(made.lines).toContain('evict shop/z: z-1')
  })

  test('are those that cannot start, until their deadline', () => {
    const pods = [...oneAway('web'), replacement('x', waiting('ImagePullBackOff'))]
    const blocked = failed('web', { sources, pods }, 'CannotStart')
    expect(planned([blocked, begun('z')], wide).reasons.z).toBe('StartingPods')
    expect(planned([blocked, begun('z')], { ...wide, maxStartingPods: 2 }).lines).toContain(
      'evict shop/z: z-1',
    )
  })
})

describe('repeated failures', () => {
  const wide = { maxConcurrentRestarts: 9, maxConcurrentPerGroup: 9 }
  const failedAt = (name: string, change: Told = {}) =>
    failed(name, { sources: [rotated(`of-${name}`)], ...change })
  const other = told('z', { sources: [rotated('cache')] })
  const two = [failedAt('a'), failedAt('b')]

  test('that are one failure let others go on', () => {
    expect(planned([failedAt('a'), other]).lines).toContain('record shop/z: started')
  })

  test('of one namespace stop that namespace alone, though each failed with a Secret of its own', () => {
    const far = told('far', { namespace: 'mail', sources: [rotated('x')] })
    const made = planned([...two, failedAt('c'), failedAt('d'), other, far], wide)
    expect(made.lines).toContain('record mail/far: started')
    expect(made.lines).not.toContain('record shop/z: started')
    expect(made.holds.z).toMatch(
      /^RepeatedFailures: the restarts of shop\/a, shop\/b, shop\/c and 1 more failed: nothing new starts in this namespace; one restart is tried at 20/,
    )
    expect(made.reasons.a).toBe('RestartFailed')
  })

  test('of two namespaces stop the cluster', () => {
    const far = told('far', { namespace: 'search', sources: [rotated('x')] })
    const made = planned([failedAt('a'), failedAt('b', { namespace: 'mail' }), other, far], wide)
    expect(made.reasons).toMatchObject({ z: 'RepeatedFailures', far: 'RepeatedFailures' })
  })

  test('stop a restart under way too, and from the moment on in which the second is found', () => {
    const second = restarting('b', {
      sources: [rotated('of-b')],
      pods: [...oneAway('b'), replacement('new', waiting('CrashLoopBackOff'))],
    })
    const begun = told('z', { sources: [rotated('cache')], ledger: { restart: evicting } })
    expect(planned([failedAt('a'), second, begun], wide).reasons.z).toBe('RepeatedFailures')
  })

  test('are none where a workload was scaled to nothing', () => {
    const gone = failedAt('b', { of: { replicas: 0 }, pods: [] })
    expect(planned([failedAt('a'), gone, other]).reasons.z).toBeUndefined()
  })

  test('let one restart be tried after the cooldown, and Sluice looks again then', () => {
    const next = told('y', { sources: [rotated('mail')] })
    const { failedAt: last = 0 } = two[0]?.consumer?.status?.ledger.failure ?? {}
    const until = last + 600_000
    const before = planned([...two, other, next], wide)
    expect(before.reasons).toMatchObject({ y: 'RepeatedFailures', z: 'RepeatedFailures' })
    expect(before.wakeAt).toBeLessThanOrEqual(until)
    const made = planned([...two, other, next], { ...wide, now: until })
    expect(made.lines).toContain('record shop/y: started')
    expect(made.holds.z).toContain('shop/y is tried now')
  })
})

describe('pods of others that fail', () => {
  test('fail no restart and hold no budget', () => {
    const seen = { bystanders: () => [bystander([replacement('x', waiting('CrashLoopBackOff'))])] }
    const begun = told('web', { ledger: { restart: evicting } })
    expect(planned([begun], { maxStartingPods: 1 }, seen).lines).toEqual(['evict shop/web: web-1'])
  })
})
