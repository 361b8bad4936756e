/**
 * Groups: restarts that share limits, because they meet the same database. Pure.
 */
import type { Assessment } from './assessment.ts'

/** A changed source, or a name that sources and workloads of one namespace share. */
export interface Group {
  readonly kind: 'Secret' | 'Group'
  readonly namespace: string
  readonly name: string
}

/** Key of a group, and its name in metrics: `Secret shop/db`, `Group shop/postgres`. */
export function groupKey({ kind, namespace, name }: Group): string {
  return `${kind} ${namespace}/${name}`
}

/** The sources that a restart of the workload is for: they changed, or an unproven pod is to be replaced for them. */
export function changedSources({ sources, stale }: Assessment): readonly string[] {
  const changed = [...sources].filter(([, { timelines }]) =>
    [...timelines.values()].some((timeline) => timeline.length > 1),
  )
  const all = changed.length === 0 && stale.length > 0 ? [...sources] : changed
  return all.map(([name]) => name)
}

/** The groups of a restart: its changed sources, and the names that they or the workload give. */
export function groupsOf(assessment: Assessment): readonly Group[] {
  return groupsFor(assessment, changedSources(assessment))
}

/** The groups of a restart that is for these sources. */
export function groupsFor(
  { deployment, settings, source }: Assessment,
  changed: readonly string[],
): readonly Group[] {
  const { namespace } = deployment.ref
  if (changed.length === 0) return []
  const names = [settings.group, ...changed.map((name) => source(name).settings.group)]
  return [
    ...changed.map((name): Group => ({ kind: 'Secret', namespace, name })),
    ...[...new Set(names)]
      .filter((name) => name !== undefined)
      .map((name): Group => ({ kind: 'Group', namespace, name })),
  ]
}

/** Whether a restart of the workload, now or later, belongs to the group. */
export function belongsTo(assessment: Assessment, group: Group): boolean {
  const { consumed, deployment, settings, source } = assessment
  if (deployment.ref.namespace !== group.namespace) return false
  if (group.kind === 'Secret') return consumed.has(group.name)
  return (
    settings.group === group.name ||
    [...consumed].some((name) => source(name).settings.group === group.name)
  )
}

/** The sources whose consumers belong to the group, as far as workloads in care show them. */
export function sourcesOf(group: Group, assessments: readonly Assessment[]): readonly string[] {
  if (group.kind === 'Secret') return [group.name]
  const named = assessments
    .filter(({ deployment }) => deployment.ref.namespace === group.namespace)
    .flatMap((each) =>
      [...each.consumed].filter((name) => each.source(name).settings.group === group.name),
    )
  return [...new Set(named)]
}
