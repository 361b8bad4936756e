/**
 * Follows rotations over small pictures, and tells of each in a line.
 */
import type { Workload } from '../../src/plan/workload.ts'
import { forecast } from '../../src/plan/eta.ts'
import { plan } from '../../src/plan/plan.ts'
import { RotationBook, type Picture } from '../../src/rotations/book.ts'
import type { Counts, Rotation } from '../../src/rotations/rotation.ts'
import { at, policy, snapshot } from '../plan/cluster-builder.ts'

export function book(): RotationBook {
  return new RotationBook(policy)
}

/** The picture of these workloads at a second. */
export function picture(
  second: number,
  workloads: readonly Workload[],
  began: Picture['began'] = new Map(),
  rest: Parameters<typeof snapshot>[1] = {},
): Picture {
  const made = plan(snapshot(workloads, rest), policy, at(second))
  const ends = forecast(made, policy, 10_000, at(second))
  return { workloads: made.workloads, ends, began, now: at(second) }
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
