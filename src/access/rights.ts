/**
 * Rights one by one, and what two sets of them have that the other lacks. Pure.
 */
import type { Grant, Rule } from './grants.ts'

/** One verb on one resource. */
export interface Right {
  readonly verb: string
  readonly apiGroup: string
  /** With its subresource: `pods/eviction`. */
  readonly resource: string
  /** One object alone; any object if undefined. */
  readonly name?: string
  /** One namespace alone; all of them, and what is in none, if undefined. */
  readonly namespace?: string
}

/** Every right of a rule. */
export function rightsOf(rule: Rule, namespace?: string): readonly Right[] {
  const names = rule.resourceNames?.length ? rule.resourceNames : [undefined]
  return rule.verbs.flatMap((verb) =>
    rule.apiGroups.flatMap((apiGroup) =>
      rule.resources.flatMap((resource) =>
        names.map((name) => ({
          verb,
          apiGroup,
          resource,
          ...(name !== undefined && { name }),
          ...(namespace !== undefined && { namespace }),
        })),
      ),
    ),
  )
}

/** The rights that grants give. */
export function rightsIn(grants: readonly Grant[]): readonly Right[] {
  return grants.flatMap(({ rules, namespace }) =>
    rules.flatMap((rule) => rightsOf(rule, namespace)),
  )
}

/** Whether whoever has the one right may do all that the other one allows. A `*` stands for anything. */
export function covers(one: Right, other: Right): boolean {
  const matches = (pattern: string, value: string) => pattern === '*' || pattern === value
  return (
    matches(one.verb, other.verb) &&
    matches(one.apiGroup, other.apiGroup) &&
    matches(one.resource, other.resource) &&
    (one.name === undefined || one.name === other.name) &&
    (one.namespace === undefined || one.namespace === other.namespace)
  )
}

interface Found {
  readonly right: Right
  readonly namespaces: string[]
}

/**
 * The granted rights that nobody needs, `granted` by namespace. What is too much in each of them stands there once,
 * without a namespace: it is most likely granted for all.
 */
export function superfluousRights(
  granted: ReadonlyMap<string, readonly Rule[]>,
  needed: readonly Right[],
): readonly Right[] {
  const found = new Map<string, Found>()
  for (const [namespace, rules] of granted) {
    const rights = rules.flatMap((rule) => rightsOf(rule, namespace))
    const distinct = new Map(rights.map((right) => [describeRight(right), right]))
    for (const right of distinct.values()) {
      if (isEverybodys(right) || needed.some((each) => covers(each, right))) continue
      const { verb, apiGroup, resource, name } = right
      const anywhere = { verb, apiGroup, resource, ...(name !== undefined && { name }) }
      const key = describeRight(anywhere)
      const entry: Found = found.get(key) ?? { right: anywhere, namespaces: [] }
      found.set(key, entry)
      entry.namespaces.push(namespace)
    }
  }
  return [...found.values()].flatMap(({ right, namespaces }) =>
    granted.size > 1 && namespaces.length === granted.size
      ? [right]
      : namespaces.map((namespace) => ({ ...right, namespace })),
  )
}

/** A right in words, as `kubectl auth can-i` takes them: `watch secrets db in namespace shop`. */
export function describeRight({ verb, apiGroup, resource, name, namespace }: Right): string {
  const [kind = '', subresource] = resource.split('/')
  const of = `${kind}${apiGroup && `.${apiGroup}`}${subresource ? `/${subresource}` : ''}`
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  return `${verb} ${of}${name === undefined ? '' : ` ${name}`}${where}`
}

/** Asking for one's own rights is everybody's right (ClusterRole system:basic-user). */
function isEverybodys({ apiGroup, resource }: Right): boolean {
  return (
    (apiGroup === 'authorization.k8s.io' && resource.startsWith('selfsubject')) ||
    (apiGroup === 'authentication.k8s.io' && resource === 'selfsubjectreviews')
  )
}
