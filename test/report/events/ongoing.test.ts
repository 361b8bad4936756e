import { expect, test } from 'vitest'
import type { Ineffective } from '../../../src/workloads/ineffective.ts'
import {
  HELD_FOR,
  MOST_TOLD,
  REMINDER,
  OngoingConditions,
} from '../../../src/report/events/ongoing.ts'
import { plan } from '../../../src/plan/plan.ts'
import type { ManagedWorkload } from '../../../src/plan/snapshot.ts'
import { digestOf } from '../../../src/sources/source.ts'
import {
  at,
  consumer,
  deployment,
  pod,
  policy,
  snapshot,
  workload,
} from '../../plan/cluster-builder.ts'
import { calm, oneAway, replacement, rotated, told } from '../../plan/planning.ts'
import { line } from './told.ts'

const HELD = HELD_FOR / 1000
const AGAIN = REMINDER / 1000

/** What is told of the same workloads at each of these seconds. */
function toldAt(
  states: OngoingConditions,
  workloads: readonly ManagedWorkload[],
  ...seconds: number[]
) {
  return seconds.flatMap((second) => {
    const planned = plan(snapshot(workloads), policy, at(second)).workloads
    return states.look(planned, [], at(second)).map((each) => `${second} ${line(each)}`)
  })
}

const inVain: Ineffective = {
  subject: { apiVersion: 'batch/v1', kind: 'CronJob', namespace: 'shop', name: 'redis', uid: 'a' },
  note: 'annotation sluice.dev/settle: why',
}

test('an annotation without effect is reported at once and again', () => {
  const states = new OngoingConditions()
  const looks = (...found: readonly Ineffective[]) =>
    [10, 10 + AGAIN - 1, 10 + AGAIN, 10 + 9 * AGAIN].flatMap((second) =>
      states.look([], found, at(second)).map((each) => `${second} ${line(each)}`),
    )
  const text = 'CronJob shop/redis: No effect: annotation sluice.dev/settle: why'
  expect(looks(inVain)).toEqual(
    [10, 10 + AGAIN, 10 + 9 * AGAIN].map(
      (second) => `${second} Warning AnnotationIneffective ${text}`,
    ),
  )
})

test('a hold is told of when it has lasted a minute, and again while it lasts', () => {
  const states = new OngoingConditions()
  const paused = [told('web', { annotations: { paused: 'true' } })]
  expect(toldAt(states, paused, 10, 10 + HELD - 1)).toEqual([])
  expect(states.nextAt).toBe(at(10 + HELD))
  const text =
    'Normal RestartHeld Deployment shop/web: Paused: paused by annotation of the workload or its namespace'
  const then = 10 + HELD
  expect(toldAt(states, paused, then, then + 1, then + AGAIN - 1, then + AGAIN)).toEqual([
    `${then} ${text}`,
    `${then + AGAIN} ${text}`,
  ])
})

test('a hold that ends in time is not told of, and one that comes again counts anew', () => {
  const states = new OngoingConditions()
  const paused = [told('web', { annotations: { paused: 'true' } })]
  toldAt(states, paused, 10)
  toldAt(states, [told('web')], 30)
  expect(states.nextAt).toBe(Infinity)
  expect(toldAt(states, paused, 40, 10 + HELD, 40 + HELD - 1)).toEqual([])
})

test.each<[string, ManagedWorkload[]]>([
  [
    'is paused with nothing to do',
    [told('web', { annotations: { paused: 'true' }, sources: [calm('db')] })],
  ],
  ['waits for its turn', [told('api'), told('web')]],
  ['waits for the end of its quiet period', [told('web', { sources: [rotated('db', {}, 200)] })]],
])('one that %s is never told of', (_, workloads) => {
  expect(toldAt(new OngoingConditions(), workloads, 10, 100, 201)).toEqual([])
})

test('where many are held their Events come one after the other, and none is lost', () => {
  const states = new OngoingConditions()
  const names = Array.from({ length: MOST_TOLD + 2 }, (_, n) => `web-${n}`)
  const paused = names.map((name) => told(name, { annotations: { paused: 'true' } }))
  const then = 10 + HELD
  const lines = toldAt(states, paused, 10, then, then + 1, then + 2)
  const seconds = lines.map((each) => Number(each.split(' ')[0]))
  expect(seconds).toEqual([...Array<number>(MOST_TOLD).fill(then), then + 1, then + 1])
  expect(new Set(lines.map((each) => each.split(' ')[4])).size).toBe(names.length)
})

const failure = {
  id: 'r1',
  failedAt: at(9),
  message: 'pod web-new crashes again and again',
  contents: [
    { source: 'secret/db', key: 'password', digest: digestOf(rotated('db'), 'password') ?? '' },
  ],
} as const

function failed(kind: 'Unfit' | 'CannotStart'): ManagedWorkload {
  const pods = [...oneAway('web'), replacement('web-new')]
  return told('web', { pods, ledger: { failure: { ...failure, kind } } })
}

test('a failure is told of at once on the workload and the Secret, with its id and how to resume', () => {
  const end =
    'pod web-new crashes again and again. It ends with other content, when its new pods have been Available for a minute, or by: kubectl annotate deployment web --namespace shop --overwrite sluice.dev/resume=r1'
  expect(toldAt(new OngoingConditions(), [failed('Unfit')], 10, 11)).toEqual([
    `10 Warning RestartFailed Deployment shop/web (Secret shop/db): Restart r1 failed: ${end}`,
    `10 Warning RestartFailed Secret shop/db (Deployment shop/web): Restart r1 of Deployment web failed: ${end}`,
  ])
})

test('a workload whose pods cannot start says nothing against the Secret', () => {
  const lines = toldAt(new OngoingConditions(), [failed('CannotStart')], 10)
  expect(lines.map((each) => each.split(':')[0])).toEqual([
    '10 Warning RestartFailed Deployment shop/web (Secret shop/db)',
  ])
})

test('an annotation that cannot be read is told of once on the object that has it', () => {
  const workloads = [
    told('api', { sources: [calm('db')], annotations: { settle: 'soon' } }),
    told('web', { sources: [rotated('mail', { urgent: 'yes' })] }),
    told('www', { sources: [rotated('mail', { urgent: 'yes' })], pods: [pod('www-1')] }),
  ]
  const lines = toldAt(new OngoingConditions(), workloads, 10, 11)
  expect(lines.sort()).toEqual([
    expect.stringContaining(
      '10 Warning InvalidAnnotation Deployment shop/api: Held until it is put right: annotation sluice.dev/settle of',
    ),
    expect.stringContaining(
      '10 Warning InvalidAnnotation Secret shop/mail: All who use it are held until it is put right: annotation sluice.dev/urgent of Secret mail',
    ),
  ])
})

test('a Consumer that cannot be read is told of on its workload: what its pods hold is not known', () => {
  const broken = consumer(deployment(), undefined, { fault: 'status.since: Invalid' })
  const held = [workload({ consumer: broken })]
  expect(toldAt(new OngoingConditions(), held, 10, 10 + HELD)).toEqual([
    `${10 + HELD} Warning RestartHeld Deployment shop/web: MalformedConsumer: Consumer deployment-web cannot be read (status.since: Invalid); delete it to begin a new record with what Sluice has seen since it started`,
  ])
})
