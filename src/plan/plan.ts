/**
 * The plan: from a picture of the cluster to what to do now, and for everything not done a hold with a reason.
 *
 * Pure: no clock, client, logger or metric. The operator, the tests and every rehearsal run this same function.
 */
import type { Action } from './action.ts'
import type { Assessment } from './assessment.ts'
import { availability } from './availability.ts'
import { Budget, type Claim } from './budget.ts'
import { nextDeadline, recoveredAt, standingFailure } from './failure.ts'
import { groupsOf, memberships, type Group, type Membership } from './groups.ts'
import { haltActions, wantedHalts, type WantedHalt, haltOf } from './halts.ts'
import type { Hold } from './hold.ts'
import type { Situation } from './holds/rule.ts'
import { inOrder } from './order.ts'
import { assessOnce } from './known-assessment.ts'
import type { Policy } from './policy.ts'
import { Precedence } from './precedence.ts'
import { recordReport, REPORT_INTERVAL } from './record.ts'
import { ownRolloutRuns, rolloutSize } from './rollout.ts'
import { startingPods, startingPodsOf } from './starting.ts'
import { nextStep, type Turn } from './step.ts'
import type { Snapshot } from './workload.ts'

/** One workload in the plan. */
export interface PlannedWorkload {
  readonly assessment: Assessment
  readonly situation: Situation
  readonly hold: Hold | undefined
}

/** A group that restarts are running, waiting or halted in. */
export interface PlannedGroup {
  readonly group: Group
  readonly startingPods: number
  readonly startingPodsLimit: number
  readonly halted: boolean
}

export interface Plan {
  readonly actions: readonly Action[]
  /** Every opted-in workload, in the order in which they were considered. */
  readonly workloads: readonly PlannedWorkload[]
  readonly groups: readonly PlannedGroup[]
  /** When to plan again even if nothing happens (ms, API server's clock); Infinity for never. */
  readonly wakeAt: number
}

interface Candidate extends Claim {
  readonly assessment: Assessment
  readonly situation: Situation
  /** A restart with something away, owed or settling: it cannot give its slot back. */
  readonly committed: boolean
}

/** Plans. `now` is the API server's clock, in milliseconds. */
export function plan(snapshot: Snapshot, policy: Policy, now: number): Plan {
  const { keyFingerprint } = snapshot
  const assessments = snapshot.workloads.map((each) => assessOnce(each, keyFingerprint, policy))
  const wanted = wantedHalts(assessments, snapshot, policy, now)
  const shared = {
    ...snapshot,
    policy,
    now,
    // One that is not written yet halts all the same.
    halts: [...snapshot.halts, ...[...wanted.values()].map((halt) => ({ ...halt, uid: '' }))],
    cannotStart: unableToStart(assessments, now),
  }
  const candidates = assessments.map((each) => candidateOf(each, shared))
  if (!snapshot.synced) return holdAll(candidates)

  let membershipOf: ReturnType<typeof memberships> | undefined
  const budget = new Budget(policy, (group) =>
    startingIn(group, (membershipOf ??= memberships(assessments))(group), snapshot, now),
  )
  for (const candidate of candidates) if (candidate.committed) budget.occupy(candidate)

  const actions: Action[] = []
  const workloads: PlannedWorkload[] = []
  const context = { keyFingerprint, now }
  const precedence = new Precedence()
  for (const candidate of inTurn(candidates)) {
    const { assessment, situation, groups, committed } = candidate
    const turn = turnOf(candidate, budget, precedence)
    const { actions: steps, hold } = nextStep(assessment, situation, turn, context)
    if (!committed && steps.some(takesSlot)) budget.occupy(candidate)
    budget.start(groups, podsStarted(steps, assessment))
    if (hold) precedence.heldBack(candidate, hold)
    const report = steps.length === 0 && recordReport(assessment, context, hold)
    actions.push(...steps, ...(report ? [report] : []))
    workloads.push({ assessment, situation, hold })
  }
  for (const { workload, consumer } of snapshot.leftovers) {
    actions.push({ kind: 'forget', workload, consumer })
  }
  actions.push(...haltActions(wanted, assessments, snapshot, now))
  return {
    actions,
    workloads,
    groups: groupsIn(candidates).map((group) => ({
      group,
      startingPods: budget.startingIn(group),
      startingPodsLimit: policy.maxStartingPods,
      halted: haltOf([group], shared.halts, snapshot.namespace) !== undefined,
    })),
    wakeAt: wakeAt(snapshot, wanted, workloads, now),
  }
}

/** What every workload of one plan has in common. */
type Shared = Omit<Situation, 'availability'>

function candidateOf(
  assessment: Assessment,
  { policy, now, paused, halts, namespace, cannotStart }: Shared,
): Candidate {
  const situation: Situation = {
    policy,
    now,
    paused,
    halts,
    namespace,
    cannotStart,
    availability: availability(assessment, now, policy.urgentMaxUnavailable),
  }
  return {
    assessment,
    situation,
    workload: assessment.deployment.ref,
    groups: groupsOf(assessment),
    urgent: assessment.urgent,
    committed: isCommitted(assessment, situation),
  }
}

/** Names of the workloads whose pods cannot start. */
function unableToStart(assessments: readonly Assessment[], now: number): readonly string[] {
  return assessments
    .filter(
      (each) => each.deployment.replicas > 0 && standingFailure(each, now)?.kind === 'CannotStart',
    )
    .map(({ deployment: { ref } }) => `${ref.namespace}/${ref.name}`)
}

/**
 * Urgent ones first; then restarts that have pods away, since they hold a slot; then restarts under way, then those
 * that wait.
 */
function inTurn(candidates: readonly Candidate[]): readonly Candidate[] {
  const byAssessment = new Map(candidates.map((each) => [each.assessment, each]))
  const all = [...byAssessment.keys()]
  const ranks = Map.groupBy(candidates, ({ assessment, committed, urgent }) => {
    const needed = assessment.stale.length > 0 || assessment.ledger?.restart !== undefined
    if (!needed && !committed) return 'calm'
    if (urgent) return 'urgent'
    if (committed) return 'committed'
    return assessment.ledger?.restart ? 'begun' : 'waiting'
  })
  return (['urgent', 'committed', 'begun', 'waiting', 'calm'] as const).flatMap((rank) =>
    inOrder(
      (ranks.get(rank) ?? []).map(({ assessment }) => assessment),
      all,
    ).flatMap((assessment) => byAssessment.get(assessment) ?? []),
  )
}

/** What the budgets say to a candidate. */
function turnOf(candidate: Candidate, budget: Budget, precedence: Precedence): Turn {
  return {
    toBegin: precedence.holdFor(candidate) ?? budget.holdToBegin(candidate),
    toStart: (pods, going) => budget.holdToStart(candidate, pods, going),
    room: budget.room(candidate.groups),
    starting: () => startingPodsOf(candidate.assessment, candidate.situation.now),
  }
}

/** A write under way counts as done. */
function isCommitted(assessment: Assessment, { availability }: Situation): boolean {
  const { pending } = assessment
  if (pending.evicted.size > 0 || (pending.write && takesSlot(pending.write))) return true
  return availability.byRestart > 0 || ownRolloutRuns(assessment)
}

/** How many pods the actions start at once. */
function podsStarted(actions: readonly Action[], { deployment }: Assessment): number {
  return actions.reduce((sum, { kind }) => {
    if (kind === 'evict') return sum + 1
    return kind === 'patch' ? sum + rolloutSize(deployment) : sum
  }, 0)
}

function takesSlot(action: Action): boolean {
  if (action.kind === 'record') return action.status.ledger.restart !== undefined
  return action.kind === 'evict' || action.kind === 'patch'
}

/** Over all consumers of the group, opted in or not. */
function startingIn(
  group: Group,
  { members, sources }: Membership,
  { bystanders }: Snapshot,
  now: number,
): number {
  const { namespace } = group
  const others = new Map(
    [...sources]
      .flatMap((name) => bystanders({ namespace, name }))
      .map((each) => [each.deployment.ref.uid, each]),
  )
  return (
    members.reduce((sum, each) => sum + startingPodsOf(each, now), 0) +
    [...others.values()].reduce((sum, each) => sum + startingPods(each, now), 0)
  )
}

function groupsIn(candidates: readonly Candidate[]): readonly Group[] {
  const groups = candidates.flatMap((candidate) =>
    candidate.groups.map(
      (group) => [`${group.kind} ${group.namespace}/${group.name}`, group] as const,
    ),
  )
  return [...new Map(groups).values()]
}

/** An incomplete picture proves nothing: nothing is done, not even a baseline taken. */
function holdAll(candidates: readonly Candidate[]): Plan {
  const hold: Hold = {
    reason: 'NotSynced',
    message: 'the watches have not delivered their first picture yet',
  }
  const workloads = candidates.map(({ assessment, situation }) => ({ assessment, situation, hold }))
  return { actions: [], workloads, groups: [], wakeAt: Infinity }
}

function wakeAt(
  { halts }: Snapshot,
  wanted: ReadonlyMap<string, WantedHalt>,
  workloads: readonly PlannedWorkload[],
  now: number,
): number {
  let next = Infinity
  const consider = (time: number) => {
    if (time > now) next = Math.min(next, time)
  }
  for (const { spec } of [...halts, ...wanted.values()]) consider(spec?.until ?? Infinity)
  for (const { assessment, situation, hold } of workloads) {
    consider(hold?.until ?? Infinity)
    consider(assessment.pending.reportedAt + REPORT_INTERVAL)
    consider(assessment.completeAt)
    consider(situation.availability.nextAt)
    consider(nextDeadline(assessment))
    if (assessment.ledger?.failure) consider(recoveredAt(assessment, now))
  }
  return next
}
