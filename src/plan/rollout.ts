/**
 * The rollout that Sluice began: it cannot be stopped half-way. Pure.
 */
import type { DeploymentRecord } from '../consumers/deployment.ts'
import type { Assessment } from './assessment.ts'
import { rollingOut } from './holds/workload.ts'

/** How many pods a rollout may start at once: all of it is reserved. */
export function rolloutSize({
  strategy,
  replicas,
  maxSurge,
  maxUnavailable,
}: DeploymentRecord): number {
  return strategy === 'Recreate'
    ? replicas
    : Math.min(replicas, Math.max(1, maxSurge + maxUnavailable))
}

/** Sluice's own rollout is under way, or was when the pods were seen last. One of somebody else is not Sluice's. */
export function ownRolloutRuns({ deployment, judged, ledger, pending }: Assessment): boolean {
  if (pending.write?.kind === 'patch') return true
  const restart = ledger?.restart
  if (restart?.strategy !== 'rollout' || deployment.restartId !== restart.id) return false
  // Done, yet the picture of the pods is older: those that are starting are not in it.
  const podsAreOld = judged.some(({ pod }) => pod.restartId !== restart.id)
  return podsAreOld || rollingOut(deployment)
}
