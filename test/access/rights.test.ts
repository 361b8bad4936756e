import { expect, test } from 'vitest'
import type { Rule } from '../../src/access/grants.ts'
import { describeRight, superfluousRights, type Right } from '../../src/access/rights.ts'

const needed: Right[] = [
  { verb: 'watch', apiGroup: '', resource: 'pods' },
  { verb: 'create', apiGroup: '', resource: 'pods/eviction' },
  { verb: 'watch', apiGroup: '', resource: 'secrets', name: 'db', namespace: 'shop' },
]

const pods: Rule = { apiGroups: [''], resources: ['pods'], verbs: ['watch'] }
const secrets = (...resourceNames: string[]): Rule => ({
  apiGroups: [''],
  resources: ['secrets'],
  verbs: ['watch'],
  ...(resourceNames.length > 0 && { resourceNames }),
})
const basic: Rule = {
  apiGroups: ['authorization.k8s.io'],
  resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  verbs: ['create'],
}

function superfluous(granted: Record<string, Rule[]>): string[] {
  return superfluousRights(new Map(Object.entries(granted)), needed).map(describeRight)
}

test.each<[string, Record<string, Rule[]>, string[]]>([
  ['what is needed is not too much', { shop: [pods, secrets('db')], default: [pods] }, []],
  ['a part of what is needed is not too much', { shop: [{ ...pods, resourceNames: ['a'] }] }, []],
  ['what everybody has does not count', { shop: [basic] }, []],
  [
    'another name is too much, and tells where',
    { shop: [secrets('db', 'mail')], default: [] },
    ['watch secrets mail in namespace shop'],
  ],
  [
    'the same name elsewhere is too much',
    { shop: [], default: [secrets('db')] },
    ['watch secrets db in namespace default'],
  ],
  [
    'all names are more than one',
    { shop: [secrets()], default: [] },
    ['watch secrets in namespace shop'],
  ],
  [
    'what is granted everywhere is told once',
    { shop: [secrets()], default: [secrets()] },
    ['watch secrets'],
  ],
  [
    'a wildcard is told as it is',
    { shop: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], default: [] },
    ['* *.* in namespace shop'],
  ],
  [
    'a verb too much is told alone',
    { shop: [{ ...pods, verbs: ['watch', 'delete'] }], default: [] },
    ['delete pods in namespace shop'],
  ],
])('%s', (_, granted, expected) => {
  expect(superfluous(granted)).toEqual(expected)
})
