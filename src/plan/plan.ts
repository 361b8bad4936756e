/**
 * The plan: from a picture of the cluster to what to do now, and for everything not done a hold with a reason.
 *
 * Pure: no clock, client, logger or metric. The operator, the tests and every rehearsal run this same function.
 */
import type { Failure } from '../records/consumer.ts'
import type { Action } from './action.ts'
import type { Assessment } from './judge/assessment.ts'
import { availability } from './judge/availability.ts'
import { Breakers } from './halts/breakers.ts'
import { Budget, NAMED_AFTER, type Claim } from './budget/budget.ts'
import { deadlineOf, isPastTurn } from './judge/deadline.ts'
import { nextDeadline, recoveredAt, standingFailure } from './judge/failure.ts'
import { groupsOf, groupsToMeet, membership } from './budget/groups.ts'
import type { Group } from '../model/group.ts'
import { haltActions, haltsByGroup, wantedHalts } from './halts/halts.ts'
import type { Hold } from '../model/hold.ts'
import type { Situation } from './gates/gate.ts'
import { isAwaiting } from './gates/unread.ts'
import { inOrder } from './budget/order.ts'
import { assessOnce } from './memo.ts'
import { factsOf, type PlannedWorkload } from './planned-workload.ts'
import type { Margins } from './judge/staleness.ts'
import type { Policy } from './policy.ts'
import { Precedence } from './budget/precedence.ts'
import { recordReport, REPORT_INTERVAL } from './record.ts'
import { letRest, restOf } from './rest.ts'
import { rolloutHoldsRoom, rolloutSize } from './judge/rollout.ts'
import { nextStarted, startingPods, startingPodsOf } from './budget/starting.ts'
import { nextStep, takesSlot, type BudgetVerdict } from './step.ts'
import type { Snapshot } from './snapshot.ts'

/** A group that restarts are running, waiting or halted in. */
interface PlannedGroup {
  readonly group: Group
  readonly startingPods: number
  readonly startingPodsLimit: number
  readonly halted: boolean
}

export interface Plan {
  readonly actions: readonly Action[]
  /** Every opted-in workload: those that need something in the order of their turns, then the others as they came. */
  readonly workloads: readonly PlannedWorkload[]
  readonly groups: readonly PlannedGroup[]
  /** When to plan again even if nothing happens (ms, API server's clock); Infinity for never. */
  readonly wakeAt: number
}

interface Candidate extends Claim {
  readonly assessment: Assessment
  readonly situation: Situation
  /** Something of it is stale or under way. */
  readonly needed: boolean
  /** A restart with something away, owed or settling: it cannot give its slot back. */
  readonly committed: boolean
}

/** Plans. `now` is the API server's clock, in milliseconds. */
export function plan(snapshot: Snapshot, policy: Policy, now: number): Plan {
  const { keyFingerprint, paused, blind } = snapshot
  const terms = { paused, blind, policy, now }
  const all = snapshot.workloads.map((each) => assessOnce(each, keyFingerprint, policy))
  const rests = all.map((each) => restOf(each, terms))
  const awake = all.filter((_, index) => rests[index] === undefined)
  const wanted = wantedHalts(awake, snapshot.halts, now)
  const breakers = breakersOf(awake, all, policy, now)
  const shared = {
    ...snapshot,
    policy,
    now,
    // One that is not written yet halts all the same.
    halts: haltsByGroup([
      ...snapshot.halts,
      ...[...wanted.values()].map((halt) => ({ ...halt, uid: '' })),
    ]),
    breakers,
  }
  const candidates = awake.map((each) => candidateOf(each, shared))

  let known: ReturnType<typeof membership> | undefined
  const membersOf = (group: Group) => (known ??= membership(all))(group)
  const budget = new Budget(
    policy,
    now,
    (group) => startingIn(group, membersOf(group), snapshot, now),
    (group) => nextStartedIn(group, membersOf(group), snapshot, now),
  )
  const begins = (candidate: Candidate) => {
    budget.occupy(candidate)
    breakers.tries(candidate.workload)
  }
  for (const candidate of candidates) if (candidate.committed) begins(candidate)

  const actions: Action[] = []
  const needed: PlannedWorkload[] = []
  const calm = new Map<Assessment, PlannedWorkload>()
  const context = { keyFingerprint, now }
  const precedence = new Precedence()
  for (const candidate of inTurn(candidates, all)) {
    const { assessment, situation, committed } = candidate
    const turn = turnOf(candidate, budget, precedence)
    const { actions: steps, hold, withheld = [] } = nextStep(assessment, situation, turn, context)
    const starts = [...steps, ...withheld]
    if (!committed && starts.some(takesSlot)) begins(candidate)
    const pods = podsStarted(starts, assessment)
    if (pods > 0) budget.start(groupsToMeet(assessment), pods)
    if (hold) precedence.heldBack(candidate, hold)
    const tell = steps.length === 0 && !isAwaiting(hold)
    const report = tell && recordReport(assessment, context, hold)
    actions.push(...steps, ...(report ? [report] : []))
    const planned = plannedWorkload(candidate, hold, context.now, policy)
    if (steps.length === 0 && !report) letRest(assessment, planned, terms)
    if (candidate.needed) needed.push(planned)
    else calm.set(assessment, planned)
  }
  const others = all.flatMap((each, index) => rests[index] ?? calm.get(each) ?? [])
  const workloads = [...needed, ...others]
  if (blind === undefined) {
    for (const { workload, consumer } of snapshot.leftovers) {
      actions.push({ kind: 'forget', workload, consumer })
    }
    actions.push(...haltActions(wanted, all, snapshot))
  }
  return {
    actions,
    workloads,
    groups: groupsIn(candidates).map((group) => ({
      group,
      startingPods: budget.startingIn(group),
      startingPodsLimit: policy.maxStartingPods,
      halted: shared.halts.haltOf([group]) !== undefined,
    })),
    wakeAt: earliest(workloads),
  }
}

/** What every workload of one plan has in common. */
type Shared = Omit<Situation, 'availability'>

function candidateOf(
  assessment: Assessment,
  { policy, now, paused, blind, halts, breakers }: Shared,
): Candidate {
  const situation: Situation = {
    policy,
    now,
    paused,
    blind,
    halts,
    breakers,
    availability: availability(assessment, now, policy.urgentMaxUnavailable),
  }
  const committed = isCommitted(assessment, situation)
  return {
    assessment,
    situation,
    workload: assessment.workload.ref,
    heldSince: committed
      ? Math.max(assessment.pending.owedSince, assessment.ledger?.restart?.startedAt ?? -Infinity)
      : Infinity,
    groups: groupsOf(assessment),
    urgent:
      assessment.urgent &&
      policy.urgentReach === 'cluster' &&
      !isPastTurn(assessment.ledger?.restart, now),
    needed: committed || assessment.stale.length > 0 || assessment.ledger?.restart !== undefined,
    committed,
  }
}

/** Failures of a workload's own shape are no evidence, nor are those of one that was scaled to nothing. */
const COUNTS_FOR_OTHERS = new Set<Failure['kind']>(['Unfit', 'CannotStart'])

function breakersOf(
  awake: readonly Assessment[],
  all: readonly Assessment[],
  policy: Policy,
  now: number,
): Breakers {
  const failures = awake.flatMap((each) => {
    const { ref: workload, replicas } = each.workload
    const failure = standingFailure(each, now)
    if (!failure || replicas === 0 || !COUNTS_FOR_OTHERS.has(failure.kind)) return []
    return [{ workload, at: failure.failedAt, failed: true }]
  })
  const successes = () =>
    all.flatMap(({ workload, ledger }) =>
      ledger?.lastRestart
        ? [{ workload: workload.ref, at: ledger.lastRestart.finishedAt, failed: false }]
        : [],
    )
  return new Breakers(failures, successes, policy, now)
}

/**
 * Urgent ones first; then restarts that have pods away, since they hold a slot; then restarts under way, then those
 * that wait. Those that need nothing come last.
 */
function inTurn(
  candidates: readonly Candidate[],
  all: readonly Assessment[],
): readonly Candidate[] {
  const byAssessment = new Map(candidates.map((each) => [each.assessment, each]))
  const ranks = Map.groupBy(candidates, ({ assessment, situation, committed, needed, urgent }) => {
    if (!needed) return 'calm'
    if (urgent) return 'urgent'
    if (committed) return 'committed'
    const restart = assessment.ledger?.restart
    return restart && !isPastTurn(restart, situation.now) ? 'begun' : 'waiting'
  })
  const needed = (['urgent', 'committed', 'begun', 'waiting'] as const).flatMap((rank) =>
    inOrder(
      (ranks.get(rank) ?? []).map(({ assessment }) => assessment),
      all,
    ).flatMap((assessment) => byAssessment.get(assessment) ?? []),
  )
  return [...needed, ...(ranks.get('calm') ?? [])]
}

/** What the budgets say to a candidate. */
function turnOf(candidate: Candidate, budget: Budget, precedence: Precedence): BudgetVerdict {
  return {
    toBegin: precedence.holdFor(candidate) ?? budget.holdToBegin(candidate),
    toStart: (pods, going) => budget.holdToStart(candidate, pods, going),
    room: budget.room(candidate.groups),
  }
}

/** A write under way counts as done. */
function isCommitted(assessment: Assessment, { availability, now }: Situation): boolean {
  const { pending } = assessment
  if (pending.evicted.size > 0 || (pending.write && takesSlot(pending.write))) return true
  // A rollout that its owner paused starts nothing more; whoever holds it holds nobody else.
  const { observed, paused } = assessment.workload
  const runs = rolloutHoldsRoom(assessment, now) && !(observed && paused)
  return availability.byRestart > 0 || runs
}

/** How many pods the actions start at once. */
function podsStarted(actions: readonly Action[], { workload }: Assessment): number {
  return actions.reduce((sum, { kind }) => {
    if (kind === 'evict') return sum + 1
    return kind === 'patch' ? sum + rolloutSize(workload) : sum
  }, 0)
}

/** Over all consumers of the group, opted in or not. */
function startingIn(
  group: Group,
  members: readonly Assessment[],
  { bystanders }: Snapshot,
  now: number,
): number {
  return (
    members.reduce((sum, each) => sum + startingPodsOf(each, now), 0) +
    bystanders(group).reduce((sum, each) => sum + startingPods(each, now), 0)
  )
}

function nextStartedIn(
  group: Group,
  members: readonly Assessment[],
  { bystanders }: Snapshot,
  now: number,
): number {
  const times = [
    ...members.map((each) => nextStarted(each, now, deadlineOf(each.workload, each.settings))),
    ...bystanders(group).map((each) => nextStarted(each, now, deadlineOf(each.workload))),
  ]
  return Math.min(...times)
}

function groupsIn(candidates: readonly Candidate[]): readonly Group[] {
  const groups = candidates.flatMap((candidate) =>
    candidate.groups.map(
      (group) => [`${group.kind} ${group.namespace}/${group.name}`, group] as const,
    ),
  )
  return [...new Map(groups).values()]
}

function plannedWorkload(
  { assessment, heldSince, situation: { availability } }: Candidate,
  hold: Hold | undefined,
  now: number,
  margins: Margins,
): PlannedWorkload {
  const times = [
    hold?.until ?? Infinity,
    assessment.pending.reportedAt + REPORT_INTERVAL,
    assessment.completeAt,
    availability.nextAt,
    heldSince + NAMED_AFTER,
    nextDeadline(assessment, now),
    assessment.ledger?.failure ? recoveredAt(assessment, now) : Infinity,
  ]
  const wakeAt = Math.min(...times.filter((time) => time > now))
  return { ...factsOf(assessment, margins), availability, hold, wakeAt }
}

function earliest(workloads: readonly PlannedWorkload[]): number {
  return workloads.reduce((first, { wakeAt }) => Math.min(first, wakeAt), Infinity)
}
