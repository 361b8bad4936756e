/**
 * What is said of a rotation, from its members: phase, counts, reasons. Pure.
 */
import { endedBy } from '../../model/hold.ts'
import { describeWorkload } from '../../model/refs.ts'
import { countMembers, countPods, type Member } from './member.ts'
import { type Counts, type Phase, type Reason, type Rotation } from '../../records/rotation.ts'

/** How many reasons are told. */
const MOST_REASONS = 5
/** Longest example of a reason, in characters. */
const LONGEST_EXAMPLE = 512

export type OngoingCondition = Pick<Rotation, 'phase' | 'workloads' | 'pods' | 'reasons'>

/**
 * Where a rotation stands that is not over.
 * @param before what was done before Sluice could see who did it: workloads and pods that are fresh
 */
export function standing(
  members: readonly Member[],
  before: { readonly workloads: number; readonly pods: number },
): OngoingCondition {
  return {
    phase: phaseOf(members),
    workloads: plus(countMembers(members), before.workloads),
    pods: plus(countPods(members), before.pods),
    reasons: reasonsOf(members),
  }
}

/** What goes on comes before what stands; what a person must look at before what ends by itself. */
function phaseOf(members: readonly Member[]): Phase {
  const some = (progress: Member['progress']) => members.some((each) => each.progress === progress)
  if (some('restarting')) return 'Restarting'
  if (some('failed')) return 'Failed'
  if (members.some(({ hold }) => hold && endedBy(hold) === 'halt')) return 'Halted'
  return some('held') && !some('waiting') ? 'Held' : 'Waiting'
}

function reasonsOf(members: readonly Member[]): readonly Reason[] {
  const held = members.filter(({ hold }) => hold !== undefined)
  const byReason = [...Map.groupBy(held, ({ hold }) => hold?.reason ?? '')]
  return byReason
    .map(([reason, all]) => ({ reason, workloads: all.length, example: exampleOf(all) }))
    .sort((a, b) => b.workloads - a.workloads || (a.reason < b.reason ? -1 : 1))
    .slice(0, MOST_REASONS)
}

/** The first by name, so that it does not change with the order of the plan. */
function exampleOf(members: readonly Member[]): string {
  const texts = members.map(
    ({ workload, hold }) => `${describeWorkload(workload)}: ${hold?.message ?? ''}`,
  )
  const first = texts.reduce((a, b) => (b < a ? b : a))
  return first.length > LONGEST_EXAMPLE ? `${first.slice(0, LONGEST_EXAMPLE - 1)}…` : first
}

function plus(counts: Counts, done: number): Counts {
  return { ...counts, total: counts.total + done, done: counts.done + done }
}

/** Whether nobody is in it. */
export function isEmpty({ workloads }: Pick<Rotation, 'workloads'>): boolean {
  return workloads.total === 0
}
