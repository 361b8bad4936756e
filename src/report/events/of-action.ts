/**
 * What is told of an action that was done. Pure.
 */
import { sourceIn, type LocalSource, type SourceRef } from '../../model/refs.ts'
import type { Restart } from '../../records/consumer.ts'
import type { Report } from '../../records/consumer.ts'
import type { Action, HaltAction, RecordAction } from '../../plan/action.ts'
import { hasChanged } from '../../plan/budget/groups.ts'
import type { RecordedSource } from '../../sources/recorded.ts'
import { sourceSubject, workloadSubject, type Occurrence, type Subject } from './occurrence.ts'

/**
 * The occurrences of an action.
 * @param before the sources of a workload whose restart ends, as its plan saw them: the record of the end leaves nothing
 *   to tell which of them the restart was for
 * @param now API server's clock, milliseconds
 */
export function occurrencesOf(
  action: Action,
  before: ReadonlyMap<LocalSource, RecordedSource> | undefined,
  uidOf: (source: SourceRef) => string | undefined,
  now: number,
): readonly Occurrence[] {
  if (action.kind === 'halt') return haltOccurrences(action, uidOf)
  if (action.kind !== 'record') return []
  if (action.cause === 'started') return [started(action)]
  return action.cause === 'finished' && action.ended ? [finished(action, before, now)] : []
}

function started(action: RecordAction): Occurrence {
  const { ledger, report } = action.status
  const changed = changedIn(action, ledger.sources)
  return {
    ...aboutRestart(action, ledger.restart, changed),
    reason: 'RestartStarted',
    note: `Restarting by ${ledger.restart?.strategy ?? 'evict'}: ${pods(report.stalePods)} old content${of(changed)}`,
  }
}

function finished(
  action: RecordAction,
  before: ReadonlyMap<LocalSource, RecordedSource> | undefined,
  now: number,
): Occurrence {
  const changed = changedIn(action, before ?? new Map())
  const { strategy, startedAt } = action.ended ?? { strategy: 'evict', startedAt: now }
  const seconds = Math.max(0, Math.round((now - startedAt) / 1000))
  return {
    ...aboutRestart(action, action.ended, changed),
    reason: 'RestartFinished',
    note: `Restarted by ${strategy} in ${seconds} s: ${proofOf(action.status.report)}${of(changed)}`,
  }
}

/** What is known of the pods at the end. */
function proofOf({ unknownPods, unprovenPods, pendingPods }: Report): string {
  const doubtful = unknownPods + unprovenPods + pendingPods
  if (doubtful === 0) return "every pod holds today's content"
  return `${doubtful === 1 ? '1 pod is' : `${doubtful} pods are`} not proven to hold today's content`
}

function aboutRestart(
  { workload }: RecordAction,
  restart: Restart | undefined,
  changed: readonly Subject[],
): Pick<Occurrence, 'regarding' | 'related' | 'type' | 'action' | 'about'> {
  const regarding = workloadSubject(workload)
  const related = changed.length === 1 ? changed[0] : undefined
  return { regarding, related, type: 'Normal', action: 'Restart', about: restart?.id ?? '' }
}

/** Who is stopped reads why, and how it ends, at what stopped it. */
function haltOccurrences(
  { namespace, name, spec }: HaltAction,
  uidOf: (source: SourceRef) => string | undefined,
): readonly Occurrence[] {
  const { failure, group, message } = spec
  const { kind, name: named } = group
  const ref = kind === 'Group' ? undefined : { kind, namespace, name: named }
  const source = ref && sourceSubject(ref, uidOf(ref))
  const workload = failure && workloadSubject({ ...failure.workload, namespace })
  const note = `Halted restarts for ${group.kind} ${group.name}: ${message}. Release it by: kubectl delete halt ${name} --namespace ${namespace}`
  const subjects = [workload, source].filter((subject) => subject !== undefined)
  return subjects.map((regarding) => ({
    regarding,
    related: subjects.find((subject) => subject !== regarding),
    type: 'Warning',
    reason: 'GroupHalted',
    action: 'Halt',
    about: name,
    note,
  }))
}

function changedIn(
  { workload: { namespace } }: RecordAction,
  sources: ReadonlyMap<LocalSource, RecordedSource>,
): readonly Subject[] {
  return [...sources]
    .filter(([, each]) => hasChanged(each))
    .map(([local, { uid }]) => sourceSubject(sourceIn(namespace, local), uid))
}

function pods(count: number): string {
  return count === 1 ? '1 pod holds' : `${count} pods hold`
}

function of(sources: readonly Subject[]): string {
  if (sources.length === 0) return ''
  const names = sources.map(({ kind, name }) => `${kind} ${name}`).sort()
  return ` of ${names.join(', ')}`
}
