/**
 * How a workload is restarted. Pure (docs/annotations.md).
 */
import type { Strategy } from '../../records/consumer.ts'
import type { DeploymentRecord } from '../../workloads/kinds/deployment.ts'
import type { Settings } from '../../workloads/settings.ts'

/**
 * The strategy of a restart that starts now. `auto` is `rollout` where an eviction would leave nothing running (a
 * single replica that can surge), or where the owner allows no pod to be away; else `evict`, which causes no drift and can be
 * stopped between two pods.
 */
export function chooseStrategy(deployment: DeploymentRecord, { strategy }: Settings): Strategy {
  if (strategy !== 'auto') return strategy
  const single = deployment.replicas <= 1 && canSurge(deployment)
  return single || wantsNoneAway(deployment) ? 'rollout' : 'evict'
}

/** Whether a restart whose rollout was undone may go on by evictions: `auto`, and its owner lets a pod be away. */
export function mayEvictInstead({
  deployment,
  settings: { strategy },
}: {
  readonly deployment: DeploymentRecord
  readonly settings: Settings
}): boolean {
  return strategy !== 'rollout' && !wantsNoneAway(deployment)
}

/** Whether a new pod can run beside the old one: else a rollout is stuck, or leaves nothing running either. */
function canSurge({ strategy, maxSurge, replicas, exclusive }: DeploymentRecord): boolean {
  return strategy === 'RollingUpdate' && (maxSurge > 0 || replicas === 0) && !exclusive
}

function wantsNoneAway({ strategy, wantsNoneAway: wanted }: DeploymentRecord): boolean {
  return strategy === 'RollingUpdate' && wanted
}
