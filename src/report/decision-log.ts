/**
 * The log of decisions: a line for each step of a restart that was made, one line when the reasons change for which
 * workloads are held, and of the writes that fail one of each kind a minute. What concerns each workload by itself is of
 * level `debug`: ten thousand that wait are no reason to write ten thousand lines.
 */
import {
  describeTarget,
  type Action,
  type ActionOutcome,
  type RecordAction,
} from '../plan/action.ts'
import { endedBy, HOLD_REASONS, type HoldReason } from '../model/hold.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import { describeWorkload } from '../model/refs.ts'
import { LineLimit } from './line-limit.ts'
import type { Logger } from '../model/logger.ts'

export interface DecisionLog {
  /** Says why a plan does not do more, if that has changed. */
  plan(plan: Plan): void
  /** An action begins. */
  starts(action: Action): void
  /** An action ended; `now` is the API server's clock (ms). */
  done(action: Action, outcome: ActionOutcome, now: number): void
  /** Another one leads: what is said from its end on is said from the beginning. */
  forget(): void
}

/** A journal that remembers the reasons that it has told. */
export function createJournal(log: Logger): DecisionLog {
  const holds = log.isLevelEnabled('debug') ? eachHold(log) : undefined
  const failures = new LineLimit()
  let said = ''
  return {
    plan({ workloads }) {
      holds?.(workloads)
      const held = heldByReason(workloads)
      const reasons = HOLD_REASONS.filter((reason) => held.has(reason))
      const key = reasons.join()
      if (key === said) return
      said = key
      if (reasons.length === 0) {
        log.info('no workload is held any more')
        return
      }
      const list = reasons.flatMap((reason) => describeHeld(reason, held.get(reason)))
      const words = list.map(({ reason, workloads: count }) => `${reason} ${count}`).join(', ')
      log.info({ reasons: list }, `workloads are held: ${words}`)
    },
    starts(action) {
      log.debug({ target: describeTarget(action), action: action.kind }, 'an action begins')
    },
    done(action, outcome, now) {
      if (outcome.error === undefined) {
        logDone(log, action)
        return
      }
      const { error: err, refusal } = outcome
      const leftOut = failures.ask(`${action.kind} ${refusal?.reason ?? ''}`, now)
      const line = {
        target: describeTarget(action),
        action: action.kind,
        reason: refusal?.reason,
        ...(leftOut && { leftOut }),
        err,
      }
      const level = leftOut === undefined ? 'debug' : 'warn'
      log[level](line, `a write failed: ${refusal?.message ?? 'see err'}`)
    },
    forget() {
      said = ''
    },
  }
}

function logDone(log: Logger, action: Action): void {
  const target = describeTarget(action)
  switch (action.kind) {
    case 'record':
      logRecord(log, action)
      return
    case 'forget':
      log.debug(
        { workload: target, consumer: action.consumer.name },
        'deleted a Consumer that is no record',
      )
      return
    case 'evict':
      log.info({ workload: target, pod: action.pod.name }, 'evicted a stale pod')
      return
    case 'patch':
      log.info({ workload: target, restart: action.restart.id }, 'rollout started')
      return
    case 'halt':
      log.warn({ halt: target, ...action.spec }, `halted: ${action.spec.message}`)
      return
    case 'release':
      log.info({ halt: target }, 'a Halt is over')
      return
  }
}

/** Causes that are steps of a restart; the others may come for every workload at once. */
const STEPS = new Set<RecordAction['cause']>(['started', 'finished', 'failed', 'recovered'])

function logRecord(log: Logger, { workload, cause, status, ended }: RecordAction): void {
  const { restart, failure } = status.ledger
  const line = {
    workload: describeWorkload(workload),
    cause,
    restart: restart ?? ended,
    ...(failure && { failure: failure.message }),
  }
  const level = !STEPS.has(cause) ? 'debug' : cause === 'failed' ? 'warn' : 'info'
  log[level](line, `restart ${cause}`)
}

interface Held {
  workloads: number
  readonly first: PlannedWorkload
}

/** A restart under way that waits for its pods or its turn is not held: the log has its steps. */
function heldByReason(workloads: readonly PlannedWorkload[]): ReadonlyMap<HoldReason, Held> {
  const held = new Map<HoldReason, Held>()
  for (const planned of workloads) {
    const { hold, restart } = planned
    if (!hold) continue
    if (restart && ['pods', 'turn'].includes(endedBy(hold))) continue
    const known = held.get(hold.reason)
    if (known) known.workloads++
    else held.set(hold.reason, { workloads: 1, first: planned })
  }
  return held
}

function describeHeld(reason: HoldReason, held: Held | undefined) {
  if (!held) return []
  const { workloads, first } = held
  const example = `${describeWorkload(first.workload)}: ${first.hold?.message ?? ''}`
  return [{ reason, workloads, example }]
}

/** Logs each hold whose reason has changed, with everything that the decision was made from. */
function eachHold(log: Logger): (workloads: readonly PlannedWorkload[]) => void {
  let known = new Map<string, HoldReason>()
  return (workloads) => {
    const next = new Map<string, HoldReason>()
    for (const planned of workloads) {
      const { hold, workload } = planned
      const { uid } = workload
      if (!hold) continue
      next.set(uid, hold.reason)
      if (known.get(uid) !== hold.reason) log.debug(arithmetic(planned), `held: ${hold.message}`)
    }
    known = next
  }
}

function arithmetic(planned: PlannedWorkload): Record<string, unknown> {
  const { workload, counts, restart, availability, hold } = planned
  return {
    workload: describeWorkload(workload),
    reason: hold?.reason,
    ...counts,
    away: availability.away,
    limit: availability.limit,
    desired: availability.desired,
    restart,
  }
}
