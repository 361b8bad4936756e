/**
 * The log of what is decided: a line when a restart starts, ends or is stopped, and when a hold's reason changes.
 */
import { describeTarget, type Action } from '../plan/action.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import { describeWorkload } from '../refs.ts'
import type { Logger } from './log.ts'

export interface Journal {
  /** Writes down why a plan does not do more. */
  plan(plan: Plan): void
  /** Writes down an action that begins. */
  starts(action: Action): void
}

/** A journal that remembers the last reason of each hold. */
export function createJournal(log: Logger): Journal {
  const reasons = new Map<string, string>()
  return {
    starts: (action) => logAction(log, action),
    plan({ workloads }) {
      const seen = new Set<string>()
      for (const planned of workloads) {
        const { uid } = planned.assessment.deployment.ref
        seen.add(uid)
        const reason = planned.hold?.reason ?? ''
        if ((reasons.get(uid) ?? '') === reason) continue
        reasons.set(uid, reason)
        if (planned.hold) log.info(arithmetic(planned), `held: ${planned.hold.message}`)
      }
      for (const uid of reasons.keys()) if (!seen.has(uid)) reasons.delete(uid)
    },
  }
}

function logAction(log: Logger, action: Action): void {
  const workload = describeTarget(action)
  switch (action.kind) {
    case 'record': {
      const { restart, lastRestart } = action.status.ledger
      if (action.cause === 'reported') return
      log.info(
        { workload, cause: action.cause, restart, lastRestart },
        `recording: ${action.cause}`,
      )
      return
    }
    case 'forget':
      log.info(
        { workload, consumer: action.consumer.name },
        'deleting a Consumer that is no record',
      )
      return
    case 'evict':
      log.info({ workload, pod: action.pod.name }, 'evicting a stale pod')
      return
    case 'halt':
      log.warn({ halt: workload, ...action.spec }, `halting: ${action.spec.message}`)
      return
    case 'release':
      log.info({ halt: workload }, 'a Halt is over')
      return
    case 'patch':
      log.info({ workload, restart: action.restart.id }, 'starting a rollout')
      return
  }
}

/** Everything that the decision was made from. */
function arithmetic({ assessment, availability, hold }: PlannedWorkload): Record<string, unknown> {
  const { deployment, counts, ledger } = assessment
  return {
    workload: describeWorkload(deployment.ref),
    reason: hold?.reason,
    ...counts,
    away: availability.away,
    limit: availability.limit,
    desired: availability.desired,
    restart: ledger?.restart,
  }
}
