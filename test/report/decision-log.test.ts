import { beforeEach, expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { Action, ActionOutcome } from '../../src/plan/action.ts'
import { plan, type Plan } from '../../src/plan/plan.ts'
import type { Snapshot, ManagedWorkload } from '../../src/plan/snapshot.ts'
import { createJournal, type DecisionLog } from '../../src/report/decision-log.ts'
import { LINE_INTERVAL } from '../../src/report/line-limit.ts'
import { createLogger } from '../../src/report/log.ts'
import { at, deployment, pod, policy, snapshot, workload } from '../plan/cluster-builder.ts'
import { evicting, NOW, told } from '../plan/planning.ts'

interface Line {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

let lines: Line[]
let decisionLog: DecisionLog

beforeEach(() => {
  lines = []
  open('info')
})

function open(level: 'info' | 'debug'): void {
  const destination = { write: (text: string) => void lines.push(JSON.parse(text) as Line) }
  decisionLog = createJournal(createLogger({ level, destination }))
}

function planned(
  workloads: readonly ManagedWorkload[],
  now = NOW,
  rest: Partial<Snapshot> = {},
): Plan {
  const made = plan(snapshot(workloads, rest), policy, now)
  decisionLog.plan(made)
  return made
}

const messages = () => lines.map(({ msg }) => msg)

const FLEET = 10_000
const fleet = () =>
  Array.from({ length: FLEET }, (_, n) => workload({ workload: deployment(`web-${n}`) }))

test('ten thousand workloads whose reasons change write a line for each change, not for each workload', () => {
  const all = fleet()
  planned(all, at(1))
  planned(all, at(10))
  planned(all, at(11))
  planned(all, at(12), { paused: true })
  planned(all, at(13))
  planned([], at(14))
  expect(messages()).toEqual([
    `workloads are held: QuietPeriod ${FLEET}`,
    `workloads are held: ClusterBudget ${FLEET - 1}`,
    `workloads are held: Paused ${FLEET}`,
    `workloads are held: ClusterBudget ${FLEET - 1}`,
    'no workload is held any more',
  ])
  expect(lines[2]).toMatchObject({
    level: 'info',
    reasons: [
      {
        reason: 'Paused',
        workloads: FLEET,
        example:
          "Deployment shop/web-0: Sluice's own namespace is paused: nothing is started anywhere",
      },
    ],
  })
})

test('ten thousand records of a first sight, or of a change, write no line', () => {
  const adopted = plan(snapshot(fleet().map(unseen)), policy, NOW).actions
  const changed = plan(snapshot(fleet()), policy, at(1)).actions
  for (const actions of [adopted, changed]) {
    expect(actions.filter(({ kind }) => kind === 'record')).toHaveLength(FLEET)
    for (const action of actions) decisionLog.done(action, {}, NOW)
  }
  expect(lines).toEqual([])
})

const unseen = (each: ManagedWorkload): ManagedWorkload => ({ ...each, consumer: undefined })

const refused: ActionOutcome = {
  error: new ApiError(
    { group: '', version: 'v1', verb: 'create', resource: 'pods' },
    { status: 429 },
  ),
  refusal: { reason: 'PodDisruptionBudget', message: 'web-pdb allows none' },
}
const eviction = (n: number): Action => {
  const { ref } = deployment(`web-${n}`)
  return { kind: 'evict', workload: ref, pod: pod(`web-${n}-1`).ref, ready: true, desired: 3 }
}

test('writes that fail in the same way write one line a minute, which says how many there were', () => {
  for (let n = 0; n < FLEET; n++) decisionLog.done(eviction(n), refused, NOW)
  decisionLog.done(eviction(0), refused, NOW + LINE_INTERVAL)
  expect(lines).toMatchObject([
    {
      level: 'warn',
      msg: 'a write failed: web-pdb allows none',
      target: 'Deployment shop/web-0',
      reason: 'PodDisruptionBudget',
    },
    { level: 'warn', leftOut: FLEET - 1 },
  ])
})

test('writes that fail in another way, or of another kind, have a line of their own', () => {
  const busy: ActionOutcome = { ...refused, refusal: { reason: 'ServerBusy', message: 'busy' } }
  decisionLog.done(eviction(0), refused, NOW)
  decisionLog.done(eviction(0), busy, NOW)
  decisionLog.done({ kind: 'release', namespace: 'shop', name: 'h', uid: 'u' }, busy, NOW)
  expect(lines).toHaveLength(3)
})

test('the steps of a restart have a line each, once they are done', () => {
  const start = planned([told('web')]).actions
  for (const action of start) decisionLog.starts(action)
  expect(lines).toEqual([])
  for (const action of start) decisionLog.done(action, {}, NOW)
  const evict = planned([told('web', { ledger: { restart: evicting } })]).actions
  for (const action of evict) decisionLog.done(action, {}, NOW)
  const fresh = [1, 2, 3].map((n) => pod(`web-${n}`, { createdAt: at(3), readyAt: at(4) }))
  const over = told('web', { pods: fresh, ledger: { restart: { ...evicting, startedAt: at(2) } } })
  for (const action of planned([over]).actions) decisionLog.done(action, {}, NOW)
  expect(messages()).toEqual(['restart started', 'evicted a stale pod', 'restart finished'])
  expect(lines.map(({ workload: of }) => of)).toEqual(Array(3).fill('Deployment shop/web'))
})

test('a restart that fails is a warning, with its cause', () => {
  const crashed = pod('web-1b', {
    createdAt: at(7),
    ready: false,
    container: { restarts: 3, state: 'waiting', waitingReason: 'CrashLoopBackOff' },
  })
  const web = told('web', { pods: [crashed, pod('web-2')], ledger: { restart: evicting } })
  for (const action of planned([web]).actions) {
    if (action.kind === 'record') decisionLog.done(action, {}, NOW)
  }
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { msg: 'restart failed', failure: expect.stringContaining('web-1b') as string },
  ])
})

test('a restart under way that waits for its own pods is not held', () => {
  const web = told('web', {
    pods: [pod('web-1'), pod('web-2'), pod('web-3', { createdAt: at(9), ready: false })],
    ledger: { restart: evicting },
  })
  expect(planned([web]).workloads[0]?.hold?.reason).toBe('MaxUnavailable')
  expect(lines).toEqual([])
})

test('who leads again says anew what is held', () => {
  planned([told('web', { annotations: { paused: 'true' } })])
  decisionLog.forget()
  planned([told('web', { annotations: { paused: 'true' } })])
  expect(messages()).toEqual(['workloads are held: Paused 1', 'workloads are held: Paused 1'])
})

test('at level debug each workload is logged when its reason changes, with the numbers', () => {
  open('debug')
  const web = told('web', { annotations: { paused: 'true' } })
  planned([web])
  planned([web])
  expect(lines.filter(({ level }) => level === 'debug')).toMatchObject([
    { workload: 'Deployment shop/web', reason: 'Paused', stale: 3, limit: 1, desired: 3 },
  ])
})
