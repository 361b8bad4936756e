/**
 * How a workload is restarted. Pure (docs/annotations.md).
 */
import type { Strategy } from '../consumers/consumer.ts'
import type { DeploymentRecord } from '../consumers/deployment.ts'
import type { Settings } from '../consumers/settings.ts'

/**
 * The strategy of a restart that starts now. `auto` is `rollout` where an eviction would leave nothing running (a
 * single replica), or where the owner allows no pod to be away; else `evict`, which causes no drift and can be
 * stopped between two pods.
 */
export function chooseStrategy(deployment: DeploymentRecord, { strategy }: Settings): Strategy {
  if (strategy !== 'auto') return strategy
  const wantsNoneAway = deployment.strategy === 'RollingUpdate' && deployment.wantsNoneAway
  return deployment.replicas <= 1 || wantsNoneAway ? 'rollout' : 'evict'
}
