/**
 * What the API server's own audit log says somebody did.
 */
import { readFileSync } from 'node:fs'
import type { TestCluster } from '../../testbed/cluster.ts'

/** One request that the API server has answered. */
export interface AuditedRequest {
  readonly verb: string
  /** `pods/eviction`. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly code: number
  /** When the API server got it, to the microsecond (ms since the epoch). */
  readonly receivedAt: number
}

interface AuditEvent {
  readonly stage: string
  readonly verb: string
  readonly requestReceivedTimestamp: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
}

/** The user name of the shipped service account. */
export const SLUICE = 'system:serviceaccount:sluice-system:sluice'

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/** The writes of a user since the audit log had `from` bytes; questions about one's own rights are none. */
export function writesBy(cluster: TestCluster, user: string, from = 0): AuditedRequest[] {
  return requestsBy(cluster, user, from).filter(
    ({ verb, resource }) => WRITES.has(verb) && !resource.startsWith('selfsubject'),
  )
}

/** All requests of a user since the audit log had `from` bytes. */
export function requestsBy(cluster: TestCluster, user: string, from = 0): AuditedRequest[] {
  const text = readFileSync(cluster.auditLog).subarray(from).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user: { username } }) => username === user)
    .map(({ verb, requestReceivedTimestamp, objectRef = {}, responseStatus = {} }) => ({
      verb,
      resource: [objectRef.resource, objectRef.subresource].filter(Boolean).join('/'),
      namespace: objectRef.namespace ?? '',
      name: objectRef.name ?? '',
      code: responseStatus.code ?? 0,
      receivedAt: exactTime(requestReceivedTimestamp),
    }))
}

/** How long the audit log is now (bytes). */
export function auditPosition(cluster: TestCluster): number {
  return readFileSync(cluster.auditLog).length
}

/** `Date.parse` cuts the microseconds off. */
function exactTime(timestamp: string): number {
  const [seconds = '', fraction = 'Z'] = timestamp.split('.')
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction.replace('Z', '')}`) * 1000
}
