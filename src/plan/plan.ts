/**
 * The plan: from a picture of the cluster to what to do now, and for everything not done a hold with a reason.
 *
 * Pure: no clock, client, logger or metric. The operator, the tests and every rehearsal run this same function.
 */
import type { WorkloadRef } from '../refs.ts'
import type { Action } from './action.ts'
import { assess, type Assessment } from './assessment.ts'
import { availability } from './availability.ts'
import type { Hold } from './hold.ts'
import type { Situation } from './holds/rule.ts'
import { rollingOut } from './holds/workload.ts'
import { inOrder } from './order.ts'
import type { Policy } from './policy.ts'
import { recordReport, REPORT_INTERVAL } from './record.ts'
import { nextStep } from './step.ts'
import type { Snapshot } from './workload.ts'

/** How many workloads may be restarted at once in the cluster. */
const MAX_CONCURRENT_RESTARTS = 1

/** One workload in the plan. */
export interface PlannedWorkload {
  readonly assessment: Assessment
  readonly situation: Situation
  readonly hold: Hold | undefined
}

export interface Plan {
  readonly actions: readonly Action[]
  /** Every opted-in workload, in the order in which they were considered. */
  readonly workloads: readonly PlannedWorkload[]
  /** When to plan again even if nothing happens (ms, API server's clock); Infinity for never. */
  readonly wakeAt: number
}

type Judged = Omit<PlannedWorkload, 'hold'>

/** Plans. `now` is the API server's clock, in milliseconds. */
export function plan(snapshot: Snapshot, policy: Policy, now: number): Plan {
  const { keyFingerprint, paused } = snapshot
  const judged = snapshot.workloads.map((workload): Judged => {
    const assessment = assess(workload, keyFingerprint, policy)
    return {
      assessment,
      situation: { policy, now, paused, availability: availability(assessment, now) },
    }
  })
  if (!snapshot.synced) return holdAll(judged)

  const actions: Action[] = []
  const workloads: PlannedWorkload[] = []
  const running: WorkloadRef[] = []
  for (const { assessment, situation } of candidates(judged)) {
    const { ref } = assessment.deployment
    const committed = isCommitted({ assessment, situation })
    if (committed) running.push(ref)
    const slot = committed || running.length < MAX_CONCURRENT_RESTARTS ? undefined : noSlot(running)
    const context = { keyFingerprint, now }
    const step = nextStep(assessment, situation, slot, context)
    if (!committed && step.actions.some(takesSlot)) running.push(ref)
    const report = step.actions.length === 0 && recordReport(assessment, context, step.hold)
    actions.push(...step.actions, ...(report ? [report] : []))
    workloads.push({ assessment, situation, hold: step.hold })
  }
  for (const { workload, consumer } of snapshot.leftovers) {
    actions.push({ kind: 'forget', workload, consumer })
  }
  return { actions, workloads, wakeAt: wakeAt(workloads, now) }
}

/** Restarts that have pods away come first: they hold a slot. Then restarts under way, then those that wait. */
function candidates(judged: readonly Judged[]): readonly Judged[] {
  const byAssessment = new Map(judged.map((each) => [each.assessment, each]))
  const all = [...byAssessment.keys()]
  const groups = Map.groupBy(judged, (each) => {
    if (isCommitted(each)) return 'committed'
    if (each.assessment.ledger?.restart) return 'begun'
    return each.assessment.stale.length > 0 ? 'waiting' : 'calm'
  })
  const ordered = (name: 'begun' | 'waiting') =>
    inOrder(
      (groups.get(name) ?? []).map(({ assessment }) => assessment),
      all,
    ).flatMap((assessment) => byAssessment.get(assessment) ?? [])
  return [
    ...(groups.get('committed') ?? []),
    ...ordered('begun'),
    ...ordered('waiting'),
    ...(groups.get('calm') ?? []),
  ]
}

/**
 * A restart that has something away, owed or settling cannot give its slot back. A write under way counts as done.
 */
function isCommitted({ assessment, situation }: Judged): boolean {
  const { ledger, pending, deployment, judged } = assessment
  if (pending.evicted.size > 0 || (pending.write && takesSlot(pending.write))) return true
  const restart = ledger?.restart
  if (!restart) return false
  // The rollout is done, yet the picture of the pods is older: those that are starting are not in it.
  const podsAreOld =
    deployment.restartId === restart.id && judged.some(({ pod }) => pod.restartId !== restart.id)
  return situation.availability.away > 0 || rollingOut(deployment) || podsAreOld
}

function takesSlot(action: Action): boolean {
  if (action.kind === 'record') return action.status.ledger.restart !== undefined
  return action.kind !== 'forget'
}

function noSlot(running: readonly WorkloadRef[]): Hold {
  const names = running.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')
  return {
    reason: 'ClusterBudget',
    message: `${names} is being restarted, at most ${MAX_CONCURRENT_RESTARTS} at once in the cluster`,
  }
}

/** An incomplete picture proves nothing: nothing is done, not even a baseline taken. */
function holdAll(judged: readonly Judged[]): Plan {
  const hold: Hold = {
    reason: 'NotSynced',
    message: 'the watches have not delivered their first picture yet',
  }
  return { actions: [], workloads: judged.map((each) => ({ ...each, hold })), wakeAt: Infinity }
}

function wakeAt(workloads: readonly PlannedWorkload[], now: number): number {
  let next = Infinity
  const consider = (time: number) => {
    if (time > now) next = Math.min(next, time)
  }
  for (const { assessment, hold } of workloads) {
    consider(hold?.until ?? Infinity)
    consider(assessment.pending.reportedAt + REPORT_INTERVAL)
    consider(assessment.completeAt)
  }
  return next
}
