/**
 * Tells about plans and what became of them: to the log, the metrics and `/status`.
 */
import type { Action, ActionOutcome } from '../plan/action.ts'
import { forecast } from './eta.ts'
import { groupKey } from '../model/group.ts'
import type { Hold } from '../model/hold.ts'
import type { Plan } from '../plan/plan.ts'
import type { Policy } from '../plan/policy.ts'
import { sourceIn, type SourceKey } from '../model/refs.ts'
import type { ClusterReporter } from './cluster-reporter.ts'
import { createJournal } from './decision-log.ts'
import type { Logger } from '../model/logger.ts'
import type { Fleet } from './metrics/fleet-metrics.ts'
import type { EvictionOutcome, Metrics } from './metrics/metrics.ts'
import { createPace } from './pace.ts'
import { statusOf } from './status.ts'

export interface Reporter {
  /** A plan was made in `seconds`; `now` is the API server's clock (ms). */
  planned(plan: Plan, seconds: number, now: number): void
  /** An action of a plan begins. */
  started(action: Action): void
  /** An action of a plan ended. */
  done(action: Action, outcome: ActionOutcome, now: number): void
  /** Another one leads, and tells: nothing is shown of the fleet any more. */
  standBy(): void
  /** What `/status` answers. */
  status(): Readonly<Record<string, unknown>>
}

/** A reporter over a log, metrics and, if given, objects in the cluster. */
export function createReporter({
  log,
  metrics,
  policy,
  clusterReporter,
}: {
  readonly log: Logger
  readonly metrics: Metrics
  readonly policy: Policy
  /** Tells in the cluster itself; without one, nothing is written there. */
  readonly clusterReporter?: ClusterReporter | undefined
}): Reporter {
  const decisionLog = createJournal(log)
  const pace = createPace()
  let last = { plan: NOTHING, ends: new Map() as ReadonlyMap<SourceKey, number> }
  const show = ({ plan, ends }: typeof last) => {
    const active = plan.workloads.filter(({ restart }) => restart)
    const waiting = plan.workloads.filter(({ stalePods, restart }) => stalePods > 0 && !restart)
    metrics.rotationsActive.set(ends.size)
    metrics.restartsActive.set(active.length)
    metrics.restartsWaiting.set(waiting.length)
    metrics.observeFleet(() => fleetOf(plan, ends, clusterReporter?.oldContent ?? []))
  }
  return {
    planned(plan, seconds, now) {
      decisionLog.plan(plan)
      pace.planned(plan.workloads)
      last = { plan, ends: forecast(plan, policy, pace.perPod, now) }
      clusterReporter?.planned(plan, last.ends, now)
      metrics.planningDuration.observe(seconds)
      metrics.observeSnapshot(now)
      show(last)
    },
    started: (action) => decisionLog.starts(action),
    done(action, outcome, now) {
      decisionLog.done(action, outcome, now)
      const { error, refusal } = outcome
      if (action.kind === 'evict') metrics.evictionEnded(evictionOutcome(error, refusal))
      if (error !== undefined) return
      clusterReporter?.done(action, now)
      if (action.kind === 'record' && action.ended) {
        const { strategy, startedAt } = action.ended
        const outcome = action.cause === 'failed' ? 'failed' : 'succeeded'
        const seconds = Math.max(0, now - startedAt) / 1000
        metrics.restartEnded(action.workload, { strategy, outcome, seconds })
        if (outcome === 'succeeded') pace.ended(action.workload, action.ended, now)
      }
    },
    standBy() {
      clusterReporter?.standBy()
      decisionLog.forget()
      last = { plan: NOTHING, ends: new Map() }
      pace.planned(NOTHING.workloads)
      show(last)
    },
    status: () => statusOf(last.plan, last.ends),
  }
}

const NOTHING: Plan = { actions: [], workloads: [], groups: [], wakeAt: Infinity }

/** What is shown of a plan; worked out when somebody asks. */
function fleetOf(
  { groups, workloads }: Plan,
  ends: Fleet['ends'],
  oldContent: Fleet['oldContent'],
): Fleet {
  return {
    workloads: workloads.map((planned) => ({
      workload: planned.workload,
      stalePods: planned.counts.stale,
      unknownPods: planned.counts.unknown,
      unprovenPods: planned.counts.unproven,
      unverifiedPods: planned.unverifiedPods,
      staleSince: planned.staleSince,
      holds: planned.hold ? [planned.hold.reason] : [],
      invalidSettings: planned.faults.length,
      strategy: planned.strategy,
    })),
    groups: groups.map(({ group, startingPods, startingPodsLimit, halted }) => ({
      group: groupKey(group),
      starting: startingPods,
      limit: startingPodsLimit,
      halted,
    })),
    sources: workloads.flatMap(({ workload: { namespace }, judgedBy }) =>
      judgedBy.map((source) => sourceIn(namespace, source)),
    ),
    ends,
    oldContent,
  }
}

function evictionOutcome(error: unknown, refusal: Hold | undefined): EvictionOutcome {
  if (error === undefined) return 'succeeded'
  return refusal?.reason === 'PodDisruptionBudget' ? 'refused' : 'failed'
}
