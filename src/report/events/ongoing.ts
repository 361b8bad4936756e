/**
 * What is told of a state that stands: a failure and an annotation that cannot be read at once, a hold after a minute, and
 * each again after half an hour, since an API server forgets Events after an hour. Pure but for its memory.
 */
import { sourceIn, sourceKey } from '../../model/refs.ts'
import { describeFault } from '../../model/fault.ts'
import type { Ineffective } from '../../workloads/ineffective.ts'
import { stateOf } from '../../model/hold.ts'
import type { PlannedWorkload } from '../../plan/planned-workload.ts'
import { soonest } from './soonest.ts'
import { sourceSubject, workloadSubject, type Occurrence } from './occurrence.ts'

/** A hold is told of when it has lasted so long (ms). */
export const HELD_FOR = 60_000
/** How often what stands is told again (ms). */
export const REMINDER = 30 * 60_000

/** How many are told of at one look: where a whole fleet is held, its Events come one after the other. */
export const MOST_TOLD = 5

/** A state that stands for now. */
interface OngoingCondition {
  readonly key: string
  readonly after: number
  readonly occurrence: () => Occurrence
}

export class OngoingConditions {
  /** When each was first seen, and is to be told of (ms). */
  #dueAt = new Map<string, number>()
  /** When the next one is due if nothing changes (ms); Infinity for never. */
  nextAt = Infinity

  /** What is to be told now; `now` is in milliseconds. */
  look(
    workloads: readonly PlannedWorkload[],
    ineffective: readonly Ineffective[],
    now: number,
  ): readonly Occurrence[] {
    const dueAt = new Map<string, number>()
    const told: Occurrence[] = []
    const visit = ({ key, after, occurrence }: OngoingCondition) => {
      if (dueAt.has(key)) return
      const due = this.#dueAt.get(key) ?? now + after
      const tells = due <= now && told.length < MOST_TOLD
      if (tells) told.push(occurrence())
      dueAt.set(key, tells ? now + REMINDER : due)
    }
    for (const planned of workloads) standingOf(planned).forEach(visit)
    ineffective.map(ineffectiveState).forEach(visit)
    // What does not stand any more is forgotten: if it comes again, it is new.
    this.#dueAt = dueAt
    this.nextAt = soonest(dueAt.values())
    return told
  }
}

function standingOf(planned: PlannedWorkload): readonly OngoingCondition[] {
  const { failure, hold } = planned
  const failed = failure ? failureStates(planned) : []
  if (!hold) return failed
  const invalid = hold.reason === 'InvalidSetting' ? invalidAnnotations(planned) : []
  return [...failed, ...invalid, ...heldStates(planned)]
}

/** Where only the Namespace says something, the object itself is as it should be: once is enough. */
function ineffectiveState({ subject, note }: Ineffective): OngoingCondition {
  return {
    key: `ineffective ${subject.uid} ${note}`,
    after: 0,
    occurrence: () => ({
      regarding: subject,
      type: 'Warning',
      reason: 'AnnotationIneffective',
      action: 'ReadAnnotations',
      about: note,
      note: `No effect: ${note}`,
    }),
  }
}

/** On the workload, and on each source that is suspected. */
function failureStates(planned: PlannedWorkload): readonly OngoingCondition[] {
  const { workload, failure, source } = planned
  if (!failure) return []
  const { kind, namespace, name, uid } = workload
  const subject = workloadSubject(workload)
  const suspects = [...new Set(failure.contents.map((content) => content.source))].map((each) =>
    sourceSubject(sourceIn(namespace, each), source(each).uid),
  )
  const about = failure.id
  const resume = `kubectl annotate ${kind.toLowerCase()} ${name} --namespace ${namespace} --overwrite sluice.dev/resume=${about}`
  const what = { type: 'Warning', reason: 'RestartFailed', action: 'Restart', about } as const
  const key = `failed ${uid} ${about}`
  const on = (regarding: Occurrence['regarding'], related: Occurrence['related'], who: string) => ({
    key: `${key} ${regarding.kind} ${regarding.name}`,
    after: 0,
    occurrence: () => ({
      ...what,
      regarding,
      related,
      note: `Restart ${about}${who} failed: ${failure.message}. It ends with other content, when its new pods have been Available for a minute, or by: ${resume}`,
    }),
  })
  return [
    on(subject, suspects.length === 1 ? suspects[0] : undefined, ''),
    ...(failure.kind === 'Unfit'
      ? suspects.map((source) => on(source, subject, ` of ${kind} ${name}`))
      : []),
  ]
}

/** Each on the object that has it; those of a Namespace on its workloads, whose owners wonder why nothing happens. */
function invalidAnnotations(planned: PlannedWorkload): readonly OngoingCondition[] {
  const { workload, faults: ownFaults, source, judgedBy } = planned
  const { uid } = workload
  const what = { type: 'Warning', reason: 'InvalidAnnotation', action: 'ReadAnnotations' } as const
  const own = ownFaults.map(describeFault).map((note) => ({
    key: `invalid ${uid} ${note}`,
    after: 0,
    occurrence: () => ({
      ...what,
      regarding: workloadSubject(workload),
      about: note,
      note: `Held until it is put right: ${note}`,
    }),
  }))
  const sources = judgedBy.map(source)
  const others = sources.flatMap(({ ref, uid: sourceUid, settings: { faults } }) =>
    faults.map(describeFault).map((note) => ({
      key: `invalid ${sourceKey(ref)} ${note}`,
      after: 0,
      occurrence: () => ({
        ...what,
        regarding: sourceSubject(ref, sourceUid),
        about: note,
        note: `All who use it are held until it is put right: ${note}`,
      }),
    })),
  )
  return [...own, ...others]
}

/** Only where something is or may be stale, and time or their turn will not bring it. */
function heldStates(planned: PlannedWorkload): readonly OngoingCondition[] {
  const { workload, restart, stalePods, hold } = planned
  if (!hold) return []
  // Without a record that can be read nobody knows what the pods hold.
  const mayBeStale = stalePods > 0 || hold.reason === 'MalformedConsumer'
  if (!mayBeStale && !restart) return []
  const state = stateOf(hold)
  if (state !== 'Held' && state !== 'Paused') return []
  const { reason, message } = hold
  return [
    {
      key: `held ${workload.uid} ${reason}`,
      after: HELD_FOR,
      occurrence: () => ({
        regarding: workloadSubject(workload),
        type: state === 'Paused' ? 'Normal' : 'Warning',
        reason: 'RestartHeld',
        action: 'Restart',
        about: reason,
        note: `${reason}: ${message}`,
      }),
    },
  ]
}
