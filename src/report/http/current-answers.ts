/**
 * What the endpoints answer now. Sluice listens before it knows anything, so that `/readyz` can say why it does nothing.
 */
import { statusOf } from '../status.ts'
import type { Health } from './http-server.ts'

/** The answers of a process that has only begun. A part of it that knows more replaces one. */
export class CurrentAnswers {
  healthy = (): Health => ({ ok: true, reasons: [] })
  ready = (): Health => notReady('the digest key has not been read yet')
  status = (): Readonly<Record<string, unknown>> => statusOf({ workloads: [] }, new Map())
}

/** Not ready, for one reason. */
export function notReady(reason: string): Health {
  return { ok: false, reasons: [reason] }
}
