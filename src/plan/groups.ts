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

/** Who belongs to a group. */
export interface Membership {
  /** Workloads in care that a restart in the group can be of, now or later. */
  readonly members: readonly Assessment[]
  /** The sources whose consumers belong to it, as far as workloads in care show them. */
  readonly sources: ReadonlySet<string>
}

const NOBODY: Membership = { members: [], sources: new Set() }

/** Looks up who belongs to which group; for all groups at once, since a plan asks for many. */
export function memberships(assessments: readonly Assessment[]): (group: Group) => Membership {
  const byKey = new Map<string, { members: Set<Assessment>; sources: Set<string> }>()
  const join = (group: Group, assessment: Assessment, through: string | undefined) => {
    const key = groupKey(group)
    const known = byKey.get(key) ?? { members: new Set(), sources: new Set() }
    byKey.set(key, known)
    known.members.add(assessment)
    if (through !== undefined) known.sources.add(through)
  }
  for (const assessment of assessments) {
    const { consumed, deployment, settings, source } = assessment
    const { namespace } = deployment.ref
    if (settings.group !== undefined) {
      join({ kind: 'Group', namespace, name: settings.group }, assessment, undefined)
    }
    for (const name of consumed) {
      join({ kind: 'Secret', namespace, name }, assessment, name)
      const { group } = source(name).settings
      if (group !== undefined) join({ kind: 'Group', namespace, name: group }, assessment, name)
    }
  }
  return (group) => {
    const found = byKey.get(groupKey(group))
    return found ? { members: [...found.members], sources: found.sources } : NOBODY
  }
}
