/**
 * Groups: restarts that share limits, because they meet the same database. Pure.
 */
import type { RecordedSource } from '../../sources/recorded.ts'
import { untilAbsence } from '../../sources/timeline.ts'
import type { Assessment } from '../judge/assessment.ts'
import { sourceIn, type LocalSource } from '../../model/refs.ts'
import { groupKey, type Group } from '../../model/group.ts'

/** The sources that a restart of the workload is for: they changed, and not only by what is no more in them. */
export function changedSources({ sources }: Assessment): readonly LocalSource[] {
  return [...sources].filter(([, each]) => hasChanged(each)).map(([name]) => name)
}

/** Whether something of a source changed that can make a pod stale: no more than what was there last. */
export function hasChanged({ timelines }: RecordedSource): boolean {
  return [...timelines.values()].some((timeline) => (untilAbsence(timeline)?.length ?? 0) > 1)
}

/** The groups of a restart: its changed sources, and the names that they or the workload give. */
export function groupsOf(assessment: Assessment): readonly Group[] {
  return groupsFor(assessment, changedSources(assessment))
}

/** The groups of a restart that is for these sources. */
export function groupsFor(
  { workload, settings, source }: Assessment,
  changed: readonly LocalSource[],
): readonly Group[] {
  const { namespace } = workload.ref
  if (changed.length === 0) return []
  const names = [settings.group, ...changed.map((name) => source(name).settings.group)]
  return [
    ...changed.map((local): Group => sourceIn(namespace, local)),
    ...[...new Set(names)]
      .filter((name) => name !== undefined)
      .map((name): Group => ({ kind: 'Group', namespace, name })),
  ]
}

/** The groups in which its pods start, whatever they are restarted for: they meet all that they consume. */
export function groupsToMeet(assessment: Assessment): readonly Group[] {
  const { consumed, workload, settings } = assessment
  if (consumed.size > 0) return groupsFor(assessment, [...consumed])
  const { namespace } = workload.ref
  return settings.group === undefined ? [] : [{ kind: 'Group', namespace, name: settings.group }]
}

/**
 * Looks up the workloads in care that a restart in a group can be of, now or later; for all groups at once, since a plan
 * asks for many.
 */
export function membership(
  assessments: readonly Assessment[],
): (group: Group) => readonly Assessment[] {
  const byKey = new Map<string, Assessment[]>()
  for (const assessment of assessments) {
    for (const group of groupsToMeet(assessment)) {
      const members = byKey.get(groupKey(group))
      if (members) members.push(assessment)
      else byKey.set(groupKey(group), [assessment])
    }
  }
  return (group) => byKey.get(groupKey(group)) ?? []
}
