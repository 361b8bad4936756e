import type { SourceKey } from '../../src/model/refs.ts'
import { describe, expect, test } from 'vitest'
import { leastGrants, type Need } from '../../src/access/grants.ts'
import { roleManifests } from '../../src/access/role-manifests.ts'

const need: Need = {
  mode: 'act',
  namespace: 'sluice-system',
  strategy: 'auto',
  leaderElection: 'on',
  secretAccess: 'cluster',
  endpointAccess: 'open',
  sources: new Set(['Secret', 'ConfigMap']),
  judged: ['shop/secret/db', 'shop/configmap/db'],
}

/** `name` or `namespace/name` of each grant. */
function names(change: Partial<Need>): string[] {
  return leastGrants({ ...need, ...change }).map(({ namespace, name }) =>
    namespace === undefined ? name : `${namespace}/${name}`,
  )
}

describe('the least rights', () => {
  test.each<[string, Partial<Need>, string[]]>([
    [
      'with all Secrets',
      {},
      ['sluice-secrets', 'CONFIG', 'sluice-restart', 'sluice-rollout', 'KEY', 'LEASE'],
    ],
    [
      'of Secrets alone',
      { sources: new Set(['Secret']) },
      ['sluice-secrets', 'sluice-restart', 'sluice-rollout', 'KEY', 'LEASE'],
    ],
    [
      'of ConfigMaps alone',
      { sources: new Set(['ConfigMap']), secretAccess: 'named' },
      ['CONFIG', 'sluice-restart', 'sluice-rollout', 'KEY', 'LEASE'],
    ],
    ['to observe', { mode: 'observe' }, ['sluice-secrets', 'CONFIG']],
    [
      'to evict alone',
      { strategy: 'evict-only' },
      ['sluice-secrets', 'CONFIG', 'sluice-restart', 'KEY', 'LEASE'],
    ],
    [
      'to ask who reads its endpoints',
      { endpointAccess: 'token' },
      [
        'sluice-secrets',
        'CONFIG',
        'sluice-restart',
        'sluice-rollout',
        'sluice-reviews',
        'KEY',
        'LEASE',
      ],
    ],
    [
      'of one that is alone',
      { leaderElection: 'off' },
      ['sluice-secrets', 'CONFIG', 'sluice-restart', 'sluice-rollout', 'KEY'],
    ],
    [
      'with the Secrets of some namespaces',
      { secretAccess: ['billing', 'shop'] },
      [
        'CONFIG',
        'sluice-restart',
        'sluice-rollout',
        'KEY',
        'LEASE',
        'billing/sluice-secrets',
        'shop/sluice-secrets',
      ],
    ],
    [
      'with each Secret by its name',
      { secretAccess: 'named' },
      ['CONFIG', 'sluice-restart', 'sluice-rollout', 'KEY', 'LEASE', 'shop/sluice-secrets'],
    ],
  ])('%s', (_, change, expected) => {
    const own: Record<string, string> = {
      KEY: 'sluice-system/sluice-digest-key',
      LEASE: 'sluice-system/sluice-lease',
      CONFIG: 'sluice-configmaps',
    }
    const full = expected.map((name) => own[name] ?? name)
    expect(names(change)).toEqual(['sluice-watch', 'sluice-hints', ...full])
  })

  test('by name are printed in the same order, whatever the order of what is opted in', () => {
    const sources: SourceKey[] = ['shop/secret/mail', 'billing/secret/stripe', 'shop/secret/db']
    const print = (of: SourceKey[]) =>
      roleManifests(
        leastGrants({ ...need, secretAccess: 'named', judged: of }).slice(-2),
        'sluice-system',
      )
    expect(print(sources)).toBe(print(sources.toReversed()))
    expect(print(sources)).toBe(`apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: sluice-secrets
  namespace: billing
  labels:
    app.kubernetes.io/name: sluice
rules:
  - apiGroups:
      - ""
    resources:
      - secrets
    resourceNames:
      - stripe
    verbs:
      - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: sluice-secrets
  namespace: billing
  labels:
    app.kubernetes.io/name: sluice
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: sluice-secrets
subjects:
  - kind: ServiceAccount
    name: sluice
    namespace: sluice-system
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: sluice-secrets
  namespace: shop
  labels:
    app.kubernetes.io/name: sluice
rules:
  - apiGroups:
      - ""
    resources:
      - secrets
    resourceNames:
      - db
      - mail
    verbs:
      - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: sluice-secrets
  namespace: shop
  labels:
    app.kubernetes.io/name: sluice
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: sluice-secrets
subjects:
  - kind: ServiceAccount
    name: sluice
    namespace: sluice-system
`)
  })
})
