// The rights of the shipped service account, as the authorizer of a real API server sees them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIGEST_KEY_SECRET } from '../../src/kube/digest-key.ts'
import { LEASE } from '../../src/kube/leadership.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { SLUICE } from './audit.ts'
import { review, rightsIn } from './rights.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', `--filename=${INSTALL_FILE}`])
})
afterAll(async () => {
  await cluster.stop()
})

/** All that the operator does anywhere in the cluster. */
const EVERYWHERE = [
  'create consumers.sluice.dev',
  'create events.events.k8s.io',
  'create halts.sluice.dev',
  'create pods/eviction',
  'create rotations.sluice.dev',
  'delete consumers.sluice.dev',
  'delete halts.sluice.dev',
  'delete rotations.sluice.dev',
  'list configmaps',
  'list consumers.sluice.dev',
  'list cronjobs.batch',
  'list daemonsets.apps',
  'list deployments.apps',
  'list halts.sluice.dev',
  'list jobs.batch',
  'list namespaces',
  'list pods',
  'list replicasets.apps',
  'list rotations.sluice.dev',
  'list secrets',
  'list statefulsets.apps',
  'patch daemonsets.apps',
  'patch deployments.apps',
  'patch rotations/status.sluice.dev',
  'patch statefulsets.apps',
  'update consumers.sluice.dev',
  'update consumers/status.sluice.dev',
  'watch configmaps',
  'watch consumers.sluice.dev',
  'watch cronjobs.batch',
  'watch daemonsets.apps',
  'watch deployments.apps',
  'watch halts.sluice.dev',
  'watch jobs.batch',
  'watch namespaces',
  'watch pods',
  'watch replicasets.apps',
  'watch secrets',
  'watch statefulsets.apps',
]

test('it has exactly the rights that the operator uses', async () => {
  expect(await rightsIn(cluster, 'default')).toEqual(EVERYWHERE)
})

test('it has some more in its own namespace, for the key of the digests and the Lease', async () => {
  const forKey = ['create secrets', `get secrets ${DIGEST_KEY_SECRET}`]
  const forLease = [
    'create leases.coordination.k8s.io',
    `get leases.coordination.k8s.io ${LEASE}`,
    `update leases.coordination.k8s.io ${LEASE}`,
  ]
  const own = [...EVERYWHERE, ...forKey, ...forLease]
  expect(await rightsIn(cluster, 'sluice-system')).toEqual(own.sort())
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
  ['default', 'patch', 'replicasets.apps', 'web', false],
  ['default', 'patch', 'consumers.sluice.dev', 'web', false],
])('in %s, may it %s %s %s: %s', async (namespace, verb, of, name, allowed) => {
  const [resource, ...group] = of.split('.')
  const { status } = await review<{ status: { allowed: boolean } }>(
    cluster,
    'SubjectAccessReview',
    {
      user: SLUICE,
      resourceAttributes: { namespace, verb, resource, group: group.join('.'), name },
    },
  )
  expect(status.allowed).toBe(allowed)
})
