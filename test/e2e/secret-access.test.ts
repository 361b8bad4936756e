// Less than the right to read every Secret: those of some namespaces, or each by its name.
import type { KubernetesObject } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { auditPosition, requestsBy, SLUICE } from './audit.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  removeNamespace,
  startInstalledCluster,
} from './installed-cluster.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let sluice: OperatorProcess | undefined

beforeAll(async () => {
  cluster = await startInstalledCluster('named')
})
afterEach(async () => {
  await sluice?.end('SIGTERM')
  sluice = undefined
})
afterAll(async () => {
  await cluster.stop()
})

test('by name: only Secrets that are granted one by one are watched, and the others are told', async () => {
  const shop = await freshNamespace(cluster)
  await cluster.apply(
    dbSecret(shop, 'at first'),
    secret({ name: 'mail', namespace: shop, data: { password: 'at first' } }),
    secret({ name: 'idle', namespace: shop, data: { password: 'nobody asks for it' } }),
    consumerOf('env', { name: 'web', namespace: shop }),
    consumerOf('env', {
      name: 'mailer',
      namespace: shop,
      uses: [{ secret: 'mail', mode: 'env' }],
    }),
    consumerOf('env', {
      name: 'bystander',
      namespace: shop,
      uses: [{ secret: 'idle', mode: 'env' }],
      annotations: { [RESTART_ON_CHANGE]: 'false' },
    }),
  )
  await available(cluster, shop, 'web', 'mailer')
  const position = auditPosition(cluster)
  sluice = await startOperator(cluster, [...QUICK, '--secret-access=named'])

  const held = await inState(cluster, shop, 'web', 'Held', 'SourceUnreadable')
  expect(held.status?.message).toBe(
    `Sluice may not watch Secret db: a Role of namespace ${shop} must grant apiGroups [""], resources [secrets], resourceNames [db], verbs [watch]`,
  )
  await inState(cluster, shop, 'mailer', 'Held', 'SourceUnreadable')

  await cluster.apply(...granted(shop, { resourceNames: ['db'], verbs: ['watch'] }))
  await inState(cluster, shop, 'web', 'Fresh')
  await beyondDoubt()
  await cluster.apply(dbSecret(shop, 'rotated'))
  await restarted(shop, 'web')
  // It has not become anybody else's right.
  expect((await inState(cluster, shop, 'mailer', 'Held')).status?.reason).toBe('SourceUnreadable')

  const asked = requestsBy(cluster, SLUICE, position)
    .filter(({ resource, namespace }) => resource === 'secrets' && namespace !== 'sluice-system')
    .map(({ verb, namespace, name }) => `${verb} ${namespace}/${name}`)
  expect([...new Set(asked)].sort()).toEqual([`watch ${shop}/db`, `watch ${shop}/mail`])

  // Who opts out needs no watch any more.
  expect(await watchedSecrets()).toBe(1)
  await cluster.kubectl([
    'annotate',
    'deployment/web',
    `${RESTART_ON_CHANGE}=false`,
    '--overwrite',
    `--namespace=${shop}`,
  ])
  await waitUntil('the Secret to be forgotten', async () => {
    const secrets = await watchedSecrets()
    return secrets === 0 ? { value: true } : { instead: `${secrets} Secrets` }
  })
  await removeNamespace(cluster, shop)
})

test('by name: a Secret that does not exist is missing, and is found when it comes', async () => {
  const shop = await freshNamespace(cluster)
  await cluster.apply(
    ...granted(shop, { resourceNames: ['db'], verbs: ['watch'] }),
    consumerOf('env', { name: 'web', namespace: shop }),
  )
  sluice = await startOperator(cluster, [...QUICK, '--secret-access=named'])
  await inState(cluster, shop, 'web', 'Held', 'SourceMissing')
  // What starts from now on has started since the Secret was seen to be missing.
  await beyondDoubt()
  await cluster.apply(dbSecret(shop, 'at last'))
  await inState(cluster, shop, 'web', 'Fresh')
  await removeNamespace(cluster, shop)
})

test('by namespace: only the Secrets of namespaces that are listed and granted are read', async () => {
  const shops = [
    await freshNamespace(cluster),
    await freshNamespace(cluster),
    await freshNamespace(cluster),
  ] as const
  const [open, closed, unlisted] = shops
  for (const shop of shops) {
    await cluster.apply(
      dbSecret(shop, 'at first'),
      consumerOf('env', { name: 'web', namespace: shop }),
    )
  }
  for (const shop of [open, unlisted]) {
    await cluster.apply(...granted(shop, { verbs: ['list', 'watch'] }))
  }
  await available(cluster, open, 'web')
  const position = auditPosition(cluster)
  sluice = await startOperator(cluster, [...QUICK, `--secret-access=${open},${closed}`])

  expect((await inState(cluster, closed, 'web', 'Held')).status).toMatchObject({
    reason: 'SourceUnreadable',
    message: `Sluice may not watch Secret db: a Role of namespace ${closed} must grant apiGroups [""], resources [secrets], verbs [list, watch]`,
  })
  expect((await inState(cluster, unlisted, 'web', 'Held')).status).toMatchObject({
    reason: 'SourceUnreadable',
    message: `Sluice does not read Secret db: secretAccess does not name namespace ${unlisted}`,
  })
  await inState(cluster, open, 'web', 'Fresh')
  await beyondDoubt()
  await cluster.apply(dbSecret(open, 'rotated'))
  await restarted(open, 'web')

  const asked = requestsBy(cluster, SLUICE, position)
    .filter(({ resource, namespace }) => resource === 'secrets' && namespace !== 'sluice-system')
    .map(({ namespace }) => namespace)
  expect([...new Set(asked)].sort()).toEqual([open, closed].sort())
  for (const shop of shops) await removeNamespace(cluster, shop)
})

/** A Role on Secrets for Sluice, and its binding. */
function granted(
  namespace: string,
  rule: { readonly resourceNames?: readonly string[]; readonly verbs: readonly string[] },
): KubernetesObject[] {
  const metadata = { name: 'sluice-secrets', namespace }
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const objects = [
    {
      apiVersion,
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['secrets'], ...rule }],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'sluice', namespace: 'sluice-system' }],
    },
  ]
  return objects
}

async function restarted(namespace: string, name: string): Promise<void> {
  await waitUntil(
    `${namespace}/${name} to be restarted`,
    async () => {
      const status = (await consumer(cluster, namespace, name))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status ?? 'no Consumer') }
    },
    { deadline: 60_000, every: 100 },
  )
}

async function watchedSecrets(): Promise<number> {
  const { body } = (await sluice?.get('/metrics')) ?? { body: '' }
  return Number(/^sluice_objects\{resource="secrets"\} (\d+)$/m.exec(body)?.[1])
}
