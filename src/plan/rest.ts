/**
 * Workloads at rest: nothing of them is stale, under way, failed or held, so that their turn comes to nothing
 * whatever becomes of the others. Pure: equal inputs, equal answer.
 *
 * In a calm cluster that is all of them, and a plan is made on every event: until something of it changes, or its
 * time comes, a workload at rest stays in the plan as it is.
 */
import type { Assessment } from './judge/assessment.ts'
import type { PlannedWorkload } from './planned-workload.ts'
import type { Policy } from './policy.ts'
import type { Snapshot } from './snapshot.ts'

/** All that a workload at rest depends on besides its assessment. */
interface Terms {
  readonly paused: Snapshot['paused']
  readonly blind: Snapshot['blind']
  readonly policy: Policy
  readonly now: number
}

interface Rest {
  readonly planned: PlannedWorkload
  readonly policy: Policy
  /** When it was looked at (ms). */
  readonly from: number
}

/** A workload is assessed anew whenever anything of it changes. */
const resting = new WeakMap<Assessment, Rest>()

/** What the plan says of the workload, if it is at rest. */
export function restOf(
  assessment: Assessment,
  { paused, policy, now }: Terms,
): PlannedWorkload | undefined {
  const rest = resting.get(assessment)
  if (rest?.policy !== policy || paused !== false) return undefined
  return rest.from <= now && now < rest.planned.wakeAt ? rest.planned : undefined
}

/** Lets a workload rest for which the plan had nothing to do, if there is nothing to say of it either. */
export function letRest(
  assessment: Assessment,
  planned: PlannedWorkload,
  { blind, policy, now }: Terms,
): void {
  // It was not asked what there is to do.
  if (blind !== undefined) return
  const { hold, restart, changed } = planned
  const underWay = assessment.pending.write ?? restart
  if (hold || underWay || changed.length > 0) return
  resting.set(assessment, { planned, policy, from: now })
}
