/**
 * A group: what restarts share limits in, since they meet the same database.
 */

import type { KindOfSource } from './refs.ts'

/** A changed source, or a name that sources and workloads of one namespace share. */
export interface Group {
  readonly kind: KindOfSource | 'Group'
  readonly namespace: string
  readonly name: string
}

/** Key of a group, and its name in metrics: `Secret shop/db`, `Group shop/postgres`. */
export function groupKey({ kind, namespace, name }: Group): string {
  return `${kind} ${namespace}/${name}`
}
