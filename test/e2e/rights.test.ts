// The rights of the shipped service account, as the authorizer of a real API server sees them.
import type { V1ResourceRule } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIGEST_KEY_SECRET } from '../../src/kube/digest-key.ts'
import { LEASE } from '../../src/leadership.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../cluster/cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', `--filename=${INSTALL_FILE}`])
})
afterAll(async () => {
  await cluster.stop()
})

const SLUICE = 'system:serviceaccount:sluice-system:sluice'
const NOBODY = 'system:serviceaccount:sluice-system:nobody'

/** All that the operator does anywhere in the cluster. */
const EVERYWHERE = [
  'create consumers.sluice.dev',
  'create halts.sluice.dev',
  'create pods/eviction',
  'create rotations.sluice.dev',
  'delete consumers.sluice.dev',
  'delete halts.sluice.dev',
  'delete rotations.sluice.dev',
  'list consumers.sluice.dev',
  'list deployments.apps',
  'list halts.sluice.dev',
  'list namespaces',
  'list pods',
  'list replicasets.apps',
  'list rotations.sluice.dev',
  'list secrets',
  'patch deployments.apps',
  'patch rotations/status.sluice.dev',
  'update consumers/status.sluice.dev',
  'watch consumers.sluice.dev',
  'watch deployments.apps',
  'watch halts.sluice.dev',
  'watch namespaces',
  'watch pods',
  'watch replicasets.apps',
  'watch secrets',
]

test('it has exactly the rights that the operator uses', async () => {
  expect(await rightsIn('default')).toEqual(EVERYWHERE)
})

test('it has some more in its own namespace, for the key of the digests and the Lease', async () => {
  const forKey = ['create secrets', `get secrets ${DIGEST_KEY_SECRET}`]
  const forLease = [
    'create leases.coordination.k8s.io',
    `get leases.coordination.k8s.io ${LEASE}`,
    `update leases.coordination.k8s.io ${LEASE}`,
  ]
  const own = [...EVERYWHERE, ...forKey, ...forLease]
  expect(await rightsIn('sluice-system')).toEqual(own.sort())
})

// The rules are a summary; ask the authorizer about single requests too.
test.each([
  ['default', 'list', 'secrets', '', true],
  ['default', 'get', 'secrets', 'db', false],
  ['default', 'create', 'secrets', '', false],
  ['sluice-system', 'create', 'secrets', '', true],
  ['sluice-system', 'get', 'secrets', DIGEST_KEY_SECRET, true],
  ['sluice-system', 'get', 'secrets', 'db', false],
  ['sluice-system', 'update', 'secrets', DIGEST_KEY_SECRET, false],
  ['sluice-system', 'update', 'leases.coordination.k8s.io', LEASE, true],
  ['sluice-system', 'update', 'leases.coordination.k8s.io', 'another', false],
  ['sluice-system', 'delete', 'leases.coordination.k8s.io', LEASE, false],
  ['default', 'create', 'leases.coordination.k8s.io', '', false],
  ['default', 'create', 'pods', '', false],
  ['default', 'delete', 'pods', 'web', false],
  ['default', 'patch', 'deployments.apps', 'web', true],
  ['default', 'update', 'deployments.apps', 'web', false],
  ['default', 'patch', 'statefulsets.apps', 'web', false],
  ['default', 'update', 'consumers.sluice.dev', 'web', false],
])('in %s, may it %s %s %s: %s', async (namespace, verb, of, name, allowed) => {
  const [resource, ...group] = of.split('.')
  const { status } = await review<{ status: { allowed: boolean } }>('SubjectAccessReview', {
    user: SLUICE,
    resourceAttributes: { namespace, verb, resource, group: group.join('.'), name },
  })
  expect(status.allowed).toBe(allowed)
})

/** What Sluice may do in a namespace and an account without any binding may not, sorted. */
async function rightsIn(namespace: string): Promise<string[]> {
  const rights = async (user: string): Promise<Set<string>> => {
    const { status } = await review<{
      status: { resourceRules: V1ResourceRule[]; incomplete: boolean }
    }>('SelfSubjectRulesReview', { namespace }, user)
    expect(status.incomplete).toBe(false)
    return new Set(status.resourceRules.flatMap(sentences))
  }
  const nobodys = await rights(NOBODY)
  return [...(await rights(SLUICE)).difference(nobodys)].sort()
}

/** A rule as `verb resource.group name`, one for each of its combinations. */
function sentences(rule: V1ResourceRule): string[] {
  return rule.verbs.flatMap((verb) =>
    (rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) => {
        const right = `${verb} ${resource}${group && `.${group}`}`
        return rule.resourceNames?.map((name) => `${right} ${name}`) ?? [right]
      }),
    ),
  )
}

/** Asks the authorizer, as the admin or as somebody else. */
async function review<T>(kind: string, spec: object, as?: string): Promise<T> {
  const input = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind, spec })
  const impersonate = as === undefined ? [] : [`--as=${as}`, '--as-group=system:authenticated']
  // Validation by kubectl itself would ask for rights of its own.
  const args = ['create', '--filename=-', '--output=json', '--validate=false', ...impersonate]
  return JSON.parse(await cluster.kubectl(args, { input })) as T
}
