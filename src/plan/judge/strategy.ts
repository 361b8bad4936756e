/**
 * How a workload is restarted. Pure (docs/annotations.md).
 */
import { STRATEGY } from '../../model/annotations.ts'
import type { Strategy } from '../../records/consumer.ts'
import type { WorkloadRecord } from '../../workloads/workload.ts'
import type { Settings } from '../../workloads/settings.ts'

/**
 * The strategy of a restart that starts now. `auto` is `rollout` where an eviction would leave nothing running (a
 * single replica that can surge), or where the owner allows no pod to be away; else `evict`, which causes no drift and can be
 * stopped between two pods.
 */
export function chooseStrategy(workload: WorkloadRecord, { strategy }: Settings): Strategy {
  if (strategy !== 'auto') return strategy
  const single = workload.replicas <= 1 && canSurge(workload)
  return single || wantsNoneAway(workload) ? 'rollout' : 'evict'
}

/** Whether a restart whose rollout was undone may go on by evictions: `auto`, and its owner lets a pod be away. */
export function mayEvictInstead({
  workload,
  settings: { strategy },
}: {
  readonly workload: WorkloadRecord
  readonly settings: Settings
}): boolean {
  return strategy !== 'rollout' && !wantsNoneAway(workload)
}

/** `settings` with a fault where a rollout is asked for, and the workload never rolls out by itself. */
export function withStrategyFault(settings: Settings, { rollout }: WorkloadRecord): Settings {
  if (settings.strategy !== 'rollout' || rollout) return settings
  const fault = {
    where: `strategy (annotation ${STRATEGY}, or the setting)`,
    expected: 'auto or evict, since updateStrategy OnDelete brings no new template to its pods',
    found: 'rollout',
  }
  return { ...settings, faults: [...settings.faults, fault] }
}

/** Whether a new pod can run beside the old one: else a rollout is stuck, or leaves nothing running either. */
function canSurge({ rollout, replicas }: WorkloadRecord): boolean {
  if (!rollout || rollout.recreates || rollout.exclusive) return false
  return rollout.maxSurge > 0 || replicas === 0
}

function wantsNoneAway({ rollout }: WorkloadRecord): boolean {
  return rollout !== undefined && !rollout.recreates && rollout.wantsNoneAway
}
