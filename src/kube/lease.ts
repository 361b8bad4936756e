/**
 * A Lease on the wire: read it, and write it under the condition that nobody wrote it in between.
 */
import { isConflict, isNotFound } from './api-error.ts'
import type { KubeClient } from './client.ts'
import type { ApiCall } from './api-call.ts'
import type { LeaseRecord } from './lease-record.ts'

/** A Lease as the server gave it. */
export interface Lease {
  /** Goes back as it came, foreign labels included. */
  readonly metadata: { readonly resourceVersion: string }
  readonly spec?: LeaseRecord
}

/** The limits of one request: how long it may take (ms), and what ends it early. */
export type Limits = Required<Pick<ApiCall, 'timeout' | 'signal'>>

/** Where the Lease is kept. Both reject with an `ApiError` alone. */
export interface LeaseStore {
  /** By a consistent read; undefined where there is none. */
  read(limits: Limits): Promise<Lease | undefined>
  /** Replaces exactly this version, or creates the Lease where none was seen; undefined if it is not so any more. */
  write(known: Lease | undefined, record: LeaseRecord, limits: Limits): Promise<Lease | undefined>
}

/** The Lease of this name on the API server. */
export function createLeaseStore(
  client: KubeClient,
  { namespace, name }: { namespace: string; name: string },
): LeaseStore {
  const group = 'coordination.k8s.io'
  const leases = { group, version: 'v1', resource: 'leases', namespace } as const
  return {
    async read(limits) {
      try {
        return await client.request<Lease>({ ...leases, ...limits, verb: 'get', name })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    async write(known, spec, limits) {
      const metadata = known?.metadata ?? { namespace, name }
      const body = { apiVersion: `${group}/v1`, kind: 'Lease', metadata, spec }
      const target = known ? ({ verb: 'update', name } as const) : ({ verb: 'create' } as const)
      try {
        return await client.request<Lease>({ ...leases, ...limits, ...target, body })
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return undefined
        throw error
      }
    },
  }
}
