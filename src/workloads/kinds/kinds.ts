/**
 * The kinds of workloads that Sluice restarts, one file each.
 */
import type { KindOfWorkload } from '../../model/refs.ts'
import { DAEMON_SET } from './daemon-set.ts'
import { DEPLOYMENT } from './deployment.ts'
import type { WorkloadKind } from './kind.ts'
import { STATEFUL_SET } from './stateful-set.ts'

/** In the order of documents. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [DEPLOYMENT, STATEFUL_SET, DAEMON_SET]

const BY_KIND = new Map(WORKLOAD_KINDS.map((each) => [each.kind, each]))

/** What is known about a kind. */
export function workloadKind(kind: KindOfWorkload): WorkloadKind {
  return BY_KIND.get(kind) ?? DEPLOYMENT
}
