/**
 * An occurrence in a line.
 */
import type { Occurrence, Subject } from '../../../src/report/events/occurrence.ts'

/** `Warning RestartHeld Deployment shop/web (Secret shop/db): note`. */
export function line({ type, reason, regarding, related, note }: Occurrence): string {
  const about = related ? ` (${nameOf(related)})` : ''
  return `${type} ${reason} ${nameOf(regarding)}${about}: ${note}`
}

function nameOf({ kind, namespace, name }: Subject): string {
  return `${kind} ${namespace}/${name}`
}
