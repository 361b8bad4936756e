import { beforeEach, expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { forecast } from '../../src/report/eta.ts'
import { plan, type Plan } from '../../src/plan/plan.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { ClusterReporter } from '../../src/report/cluster-reporter.ts'
import { EventWriter } from '../../src/report/events/event-writer.ts'
import { createLogger } from '../../src/report/log.ts'
import { sendNothing, type Send } from '../../src/report/report-sender.ts'
import { RotationWriter } from '../../src/report/rotations/rotation-writer.ts'
import { KEPT_OF_SOURCE } from '../../src/report/rotations/retention.ts'
import {
  NONE,
  writeRotation,
  writeRotationStatus,
  type Rotation,
} from '../../src/records/rotation.ts'
import { Machine, settled, VirtualTime } from '../kube/virtual-time.ts'
import { at, pod, digester, policy, snapshot } from '../plan/cluster-builder.ts'
import type { SourceUsers } from '../../src/report/rotations/holders.ts'
import { sourcesOf } from './rotations/following.ts'
import { rotated, told } from '../plan/planning.ts'

/** An answer that does not come. */
const NEVER = -1

let time: VirtualTime
let clusterReporter: ClusterReporter
let end: AbortController
let running: Promise<void>
let leading: boolean
/** The Rotation objects that are in the cluster at first. */
let objects: object[]
let answer: (call: ApiCall) => number
/** `second verb resource name` of each request that was sent. */
let sent: string[]
let logged: string[]
/** `phase seconds` of each rotation that is over, the seconds from its change to its end. */
let ended: string[]

beforeEach(() => {
  time = new VirtualTime()
  leading = true
  objects = []
  answer = () => 200
  sent = []
  logged = []
  ended = []
  const send = async <T>(call: ApiCall) => {
    const { verb, resource, subresource, name = '' } = call
    sent.push(
      `${time.now / 1000} ${verb} ${resource}${subresource ? '/status' : ''} ${name}`.trim(),
    )
    const status = answer(call)
    if (status === NEVER) return new Promise<T>(() => {})
    if (status >= 400) throw new ApiError(call, { status })
    return { items: objects } as T
  }
  open(send)
  return () => end.abort()
})

/** What the workloads of the last plan use. */
let current: SourceUsers = sourcesOf([])

/** Begins to tell by this way. */
function open(send: Send): void {
  const { sleep } = new Machine(time)
  const shared = { send, sleep, random: () => 1 }
  clusterReporter = new ClusterReporter({
    writer: new RotationWriter({ ...shared, onError: () => {}, onDropped: () => {} }),
    events: new EventWriter({ ...shared, instance: 'sluice-1', onDropped: () => {} }),
    margins: policy,
    ineffective: () => [],
    sources: {
      keyFingerprint: digester.fingerprint,
      changed: () => current.changed(),
      unused: () => {},
      source: (ref) => current.source(ref),
      podsUsing: (ref) => current.podsUsing(ref),
    },
    planAgain: () => {},
    log: createLogger({ level: 'info', destination: { write: (text) => void logged.push(text) } }),
    mayWrite: () => leading,
    onEnded: ({ phase, changedAt, finishedAt = NaN }) =>
      void ended.push(`${phase} ${(finishedAt - changedAt) / 1000}`),
    now,
    sleep,
    random: () => 1,
  })
  end = new AbortController()
  running = clusterReporter.run(end.signal)
}

/** The change was ten seconds before the test begins. */
function now(): number {
  return at(10) + time.now
}

function planned(...workloads: readonly ManagedWorkload[]): Plan {
  current = sourcesOf(workloads)
  const made = plan(snapshot(workloads), policy, now())
  clusterReporter.planned(made, forecast(made, policy, 10_000, now()), now())
  return made
}

async function until(second: number): Promise<void> {
  await settled()
  await time.runUntil(second * 1000)
}

function fresh(name: string, ...later: readonly number[]): ManagedWorkload {
  const sources = [rotated('db', {}, ...later)]
  return told(name, {
    sources,
    pods: [1, 2, 3].map((n) => pod(`${name}-${n}`, { createdAt: at(8) })),
  })
}

function written(second: number, change: Partial<Rotation>): object {
  const rotation: Rotation = {
    source: { kind: 'Secret', namespace: 'shop', name: 'db' },
    changedAt: at(second),
    phase: 'Succeeded',
    workloads: { ...NONE, total: 1, done: 1 },
    pods: { ...NONE, total: 3, done: 3 },
    reasons: [],
    conditions: [],
    ...change,
  }
  return { ...writeRotation(rotation), status: writeRotationStatus(rotation) }
}

test('what is in the cluster is read first, then each change is told', async () => {
  planned(told('web'))
  await until(0.5)
  expect(sent).toEqual([
    '0 list rotations',
    '0 create rotations',
    '0 patch rotations/status secret-db-20260301t120000z',
  ])
  planned(fresh('web'))
  planned(fresh('web'))
  await until(5)
  expect(sent.slice(3).sort()).toEqual([
    // The restarts are over, and old content is unused.
    '1 create events',
    '1 create events',
    '1 patch rotations/status secret-db-20260301t120000z',
  ])
})

test('the end of each rotation is told once, and how it ended', async () => {
  planned(told('web'))
  await until(0.5)
  expect(ended).toEqual([])
  planned(told('web', { sources: [rotated('db', {}, 5)] }))
  await until(3.5)
  // The first change was ten seconds before the test began.
  expect(ended).toEqual(['Superseded 10.5'])
  planned(fresh('web', 5))
  planned(fresh('web', 5))
  await until(6.5)
  planned(told('web', { sources: [rotated('db', {}, 5, 12)] }))
  await until(9.5)
  planned()
  await until(15)
  expect(ended.slice(1)).toEqual(['Succeeded 8.5', 'Abandoned 7.5'])
})

test('what was over before is told of no more', async () => {
  objects = [
    written(-20, { finishedAt: at(-10) }),
    // A newer one took its place; when is not known.
    written(-5, { phase: 'Waiting' }),
    written(0, { phase: 'Waiting' }),
  ]
  planned(fresh('web'))
  await until(5)
  expect(ended).toEqual(['Succeeded 10'])
})

test('in mode observe nothing is sent, and the end of a rotation is told all the same', async () => {
  end.abort()
  await settled()
  sent = []
  open(sendNothing)
  planned(told('web'))
  await until(0.5)
  planned(fresh('web'))
  await until(5)
  expect(ended).toEqual(['Succeeded 10.5'])
  expect(sent).toEqual([])
})

test('an action that was done is told at once', async () => {
  const { actions } = planned(told('web'))
  await until(0.5)
  sent = []
  for (const action of actions) clusterReporter.done(action, now())
  await settled()
  expect(sent).toEqual(['0.5 create events'])
})

test('while another one leads nothing is told, and when that is over all is read anew', async () => {
  planned(told('web'))
  await until(0.5)
  leading = false
  clusterReporter.standBy()
  sent = []
  await until(100)
  expect(sent).toEqual([])
  objects = [written(0, { phase: 'Waiting' })]
  leading = true
  planned(told('web'))
  await until(200)
  expect(sent.map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'list rotations',
    'patch rotations/status secret-db-20260301t120000z',
  ])
})

test('a server that refuses is asked less and less, and Events are told all the same', async () => {
  answer = ({ resource }) => (resource === 'rotations' ? 403 : 200)
  planned(told('web', { annotations: { settle: 'soon' } }))
  await until(300)
  const asked = sent.filter((line) => line.includes('list rotations')).length
  expect(asked).toBeGreaterThan(5)
  expect(asked).toBeLessThan(20)
  // The annotation at once, the hold after a minute.
  expect(sent.filter((line) => line.includes('events'))).toEqual([
    '0 create events',
    '60 create events',
  ])
  expect(logged.at(-1)).toContain('rotations cannot be told of')
})

test('a hold is told of when a minute has passed, though nothing happens', async () => {
  planned(told('web', { annotations: { paused: 'true' } }))
  await until(59)
  expect(sent.filter((line) => line.includes('events'))).toEqual([])
  await until(65)
  // On the workload, and on the Secret.
  expect(sent.filter((line) => line.includes('events'))).toEqual([
    '60 create events',
    '60 create events',
  ])
})

test('the end waits for no answer', async () => {
  answer = () => NEVER
  planned(told('web'))
  await settled()
  expect(sent).toEqual(['0 list rotations'])
  end.abort()
  await until(2)
  await expect(Promise.race([running.then(() => 'ended'), settled()])).resolves.toBe('ended')
})

test('of rotations that are over the oldest are deleted', async () => {
  const seconds = Array.from({ length: KEPT_OF_SOURCE + 2 }, (_, n) => -1000 + n)
  objects = seconds.map((second) => written(second, { finishedAt: at(second + 10) }))
  planned(fresh('web'))
  await until(5)
  expect(sent.filter((line) => line.includes('delete'))).toEqual([
    '0 delete rotations secret-db-20260301t114320z',
    '0 delete rotations secret-db-20260301t114321z',
  ])
})
