/**
 * Follows rotations over small pictures, and tells of each in a line.
 */
import type { PodRecord } from '../../../src/workloads/pod.ts'
import { usesSource } from '../../../src/workloads/uses.ts'
import type { ManagedWorkload } from '../../../src/plan/snapshot.ts'
import { forecast } from '../../../src/report/eta.ts'
import { plan } from '../../../src/plan/plan.ts'
import { localSource, type SourceRef } from '../../../src/model/refs.ts'
import {
  RotationTracker,
  type Observation,
} from '../../../src/report/rotations/rotation-tracker.ts'
import type { SourceUsers } from '../../../src/report/rotations/holders.ts'
import type { UserPod } from '../../../src/report/rotations/old-content.ts'
import type { Counts, Rotation } from '../../../src/records/rotation.ts'
import type { SourceRecord } from '../../../src/sources/source.ts'
import { at, digester, policy, snapshot } from '../../plan/cluster-builder.ts'
import { calm } from '../../plan/planning.ts'

export function book(): RotationTracker {
  return new RotationTracker(policy)
}

/** The picture of these workloads at a second. */
export function picture(
  second: number,
  workloads: readonly ManagedWorkload[],
  began: Observation['began'] = new Map(),
  rest: Parameters<typeof snapshot>[1] = {},
  others: readonly UserPod[] = [],
): Observation {
  const made = plan(snapshot(workloads, rest), policy, at(second))
  const ends = forecast(made, policy, 10_000, at(second))
  return {
    workloads: made.workloads,
    ends,
    began,
    sources: sourcesOf(workloads, others),
    now: at(second),
  }
}

/** The Secrets that these workloads use, with their pods and others. */
export function sourcesOf(
  workloads: readonly ManagedWorkload[],
  others: readonly UserPod[] = [],
): SourceUsers {
  const all = [
    ...workloads.flatMap(userPods),
    ...others.map((each) => ({ ...each, namespace: each.pod.ref.namespace })),
  ]
  const source = ({ kind, namespace, name }: SourceRef): SourceRecord => {
    const local = localSource({ kind, name })
    const user = workloads.find(
      ({ workload: { ref, uses } }) => ref.namespace === namespace && usesSource(uses, local),
    )
    return user?.source(local) ?? calm(name)
  }
  const used = workloads.flatMap(({ workload: { ref, uses }, source: read }) =>
    uses.flatMap((each) => each.uses.map((use) => [ref.namespace, read(use.source)] as const)),
  )
  const changed = used.filter(([, { whole = [] }]) => whole.length > 1)
  return {
    keyFingerprint: digester.fingerprint,
    changed: () => changed.map(([namespace, { ref }]) => ({ ...ref, namespace })),
    unused: () => {},
    source,
    podsUsing: ({ kind, namespace, name }) =>
      all.filter(
        ({ pod, namespace: of }) =>
          of === namespace && usesSource(pod.uses, localSource({ kind, name })),
      ),
  }
}

function userPods({ workload: { ref }, pods, settings }: ManagedWorkload) {
  return pods
    .filter(({ terminal }) => !terminal)
    .map((each) => ({
      pod: each,
      namespace: ref.namespace,
      owner: `Deployment/${ref.name}`,
      workload: ref.uid,
      volumes: settings.volumes,
    }))
}

/** A pod of a workload that did not opt in. */
export function unmanaged(owner: string, pod: PodRecord, change: Partial<UserPod> = {}): UserPod {
  return { pod, owner, workload: `uid-of-${owner}`, volumes: 'ignore', ...change }
}

/** `db@0 Waiting: workloads 0/2 (2 waiting), pods 0/6 (6 waiting); ClusterBudget 1`. */
export function line(rotation: Rotation): string {
  const { source, changedAt, phase, workloads, pods, reasons } = rotation
  const why = reasons.map((each) => `${each.reason} ${each.workloads}`).join(', ')
  return (
    `${source.name}@${(changedAt - at(0)) / 1000} ${phase}: ` +
    `workloads ${counts(workloads)}, pods ${counts(pods)}${why && `; ${why}`}`
  )
}

function counts({ total, done, ...rest }: Counts): string {
  const others = Object.entries(rest).filter(([, count]) => count > 0)
  const text = others.map(([progress, count]) => `${count} ${progress}`).join(', ')
  return `${done}/${total}${text && ` (${text})`}`
}
