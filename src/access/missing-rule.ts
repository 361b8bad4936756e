/**
 * Says which rule lets Sluice read a Secret, so that a person can grant exactly that. Pure.
 */
import type { SourceRef } from '../model/refs.ts'

/** That Sluice may not read a Secret by itself, and what it needs. */
export function mayNotReadSecret({ namespace, name }: SourceRef, verbs: readonly string[]): string {
  const rule = `apiGroups [""], resources [secrets], resourceNames [${name}], verbs [${verbs.join(', ')}]`
  return `Sluice may not watch Secret ${name}: a Role of namespace ${namespace} must grant ${rule}`
}

/** That Sluice may not read the Secrets of a namespace, and what it needs. */
export function mayNotReadSecrets({ namespace, name }: SourceRef): string {
  const rule = 'apiGroups [""], resources [secrets], verbs [list, watch]'
  return `Sluice may not watch Secret ${name}: a Role of namespace ${namespace} must grant ${rule}`
}

/** That the configuration names the namespaces whose Secrets are read, and this one is not among them. */
export function namespaceNotListed({ namespace, name }: SourceRef): string {
  return `Sluice does not read Secret ${name}: secretAccess does not name namespace ${namespace}`
}
