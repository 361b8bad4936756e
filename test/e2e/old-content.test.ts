// The moment to revoke an old password, with the real kubectl: whoever still holds it is named, opted in or not.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { V1Pod } from '@kubernetes/client-node'
import type { TestCluster } from '../../testbed/cluster.ts'
import { container, deployment, volumes } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  startInstalledCluster,
} from './installed-cluster.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

const uses = [{ secret: 'db', mode: 'env' as const }]

const debug = (namespace: string): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'debug', namespace },
  spec: { containers: [container('app', uses)], volumes: volumes(uses) },
})

let cluster: TestCluster
let shop: string
let operator: OperatorProcess

beforeAll(async () => {
  cluster = await startInstalledCluster()
  shop = await freshNamespace(cluster)
  operator = await startOperator(cluster)
  await cluster.apply(
    dbSecret(shop, 'old'),
    consumerOf('env', { name: 'web', namespace: shop, replicas: 2 }),
    deployment({ name: 'batch', namespace: shop, uses }),
    debug(shop),
  )
  await available(cluster, shop, 'web', 'batch')
  await kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'pod/debug')
  await inState(cluster, shop, 'web', 'Fresh')
  await beyondDoubt()
})
afterAll(async () => {
  await operator.end('SIGTERM')
  await cluster.stop()
})

function kubectl(...args: readonly string[]): Promise<string> {
  return cluster.kubectl([...args, `--namespace=${shop}`])
}

/** The condition as `kubectl get` shows it: `False StillInUse: …`. */
async function unused(): Promise<string> {
  const path =
    '{range .items[*]}{range .status.conditions[?(@.type=="OldContentUnused")]}{.status} {.reason}: {.message}{end}{end}'
  return kubectl('get', 'rotations', `--output=jsonpath=${path}`)
}

function untilItSays(text: string): Promise<true> {
  return waitUntil(
    `the rotation to say ${text}`,
    async () => {
      const found = await unused()
      return found.includes(text) ? { value: true as const } : { instead: found }
    },
    { deadline: 60_000, every: 100 },
  )
}

test('kubectl wait returns when the last holder is gone, and not before', async () => {
  await cluster.apply(dbSecret(shop, 'new'))
  await kubectl('wait', '--for=condition=Restarted', '--timeout=60s', 'rotation', '--all').catch(
    async () => {
      // There is no rotation yet in the moment after the change.
      await untilItSays('False')
      await kubectl('wait', '--for=condition=Restarted', '--timeout=60s', 'rotation', '--all')
    },
  )
  await untilItSays('Deployment/batch (1 stale), Pod/debug (1 stale)')
  expect(await unused()).toContain('False StillInUse: running pods: 2 with old content')
  const metrics = async () => (await operator.get('/metrics')).body
  expect(await metrics()).toContain(
    `sluice_old_content_pods{namespace="${shop}",source_kind="Secret",source="db"} 2`,
  )
  let waited = false
  const waiting = kubectl(
    'wait',
    '--for=condition=OldContentUnused',
    '--timeout=120s',
    'rotation',
    '--all',
  ).then((text) => {
    waited = true
    return text
  })

  await kubectl('rollout', 'restart', 'deployment/batch')
  await untilItSays('1 with old content: Pod/debug (1 stale)')
  // A restart of Sluice forgets nothing of what nobody else remembers.
  await operator.end('SIGKILL')
  operator = await startOperator(cluster)
  await untilItSays('1 with old content: Pod/debug (1 stale)')
  expect(waited).toBe(false)

  await kubectl('delete', 'pod/debug')
  expect(await waiting).toContain('condition met')
  const pods = JSON.parse(await kubectl('get', 'pods', '--output=json')) as {
    items: { metadata: { name: string } }[]
  }
  expect(pods.items.map(({ metadata }) => metadata.name)).not.toContain('debug')
  await waitUntil('the Event on the Secret', async () => {
    const text = await kubectl('events', '--for=secret/db')
    return text.includes('OldContentUnused') ? { value: true } : { instead: text }
  })
})
