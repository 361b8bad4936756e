// Annotations where they can have no effect: whoever wrote them is told, on the object that has them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CoreV1Event, KubernetesObject } from '@kubernetes/client-node'
import type { TestCluster } from '../../testbed/cluster.ts'
import { deployment, namespace } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { consumerOf, dbSecret, inState, startInstalledCluster } from './installed-cluster.ts'
import { QUICK, startOperator } from './operator-process.ts'
import { rightsIn } from './rights.ts'

let cluster: TestCluster
const SHOP = 'shop'
const OPT_IN = { 'sluice.dev/restart-on-change': 'true' }
const ONLY = 'Sluice restarts Deployments, StatefulSets, and DaemonSets, and no other kind'
const IN_VAIN = `No effect: annotation sluice.dev/restart-on-change: ${ONLY}`

beforeAll(async () => {
  cluster = await startInstalledCluster()
  await cluster.apply(namespace({ name: SHOP }))
})
afterAll(async () => {
  await cluster.stop()
})

/** Pods of one container, for any controller. */
function template(app: string, annotations?: Record<string, string>, restartPolicy = 'Always') {
  const containers = [{ name: 'app', image: 'registry.example/app:1' }]
  return { metadata: { labels: { app }, annotations }, spec: { containers, restartPolicy } }
}

function object(
  [apiVersion, kind]: readonly [string, string],
  name: string,
  spec: object,
  annotations?: Record<string, string>,
): KubernetesObject & { spec: object } {
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: SHOP, ...(annotations && { annotations }) },
    spec,
  }
}

const STATEFUL_SET = ['apps/v1', 'StatefulSet'] as const
const DAEMON_SET = ['apps/v1', 'DaemonSet'] as const
const REPLICA_SET = ['apps/v1', 'ReplicaSet'] as const
const CRON_JOB = ['batch/v1', 'CronJob'] as const
const JOB = ['batch/v1', 'Job'] as const
const POD = ['v1', 'Pod'] as const

const selected = (app: string, annotations?: Record<string, string>) => ({
  selector: { matchLabels: { app } },
  template: template(app, annotations),
})

test('what cannot have an effect shows as an Event on the object, and as a metric', async () => {
  const once = { template: template('once', undefined, 'Never') }
  await cluster.apply(
    { ...dbSecret(SHOP, 'old'), metadata: { name: 'db', namespace: SHOP, annotations: OPT_IN } },
    object(REPLICA_SET, 'redis', selected('redis'), OPT_IN),
    object(REPLICA_SET, 'agent', selected('agent', OPT_IN)),
    // These are read where they stand.
    object(STATEFUL_SET, 'queue', { serviceName: 'queue', ...selected('queue') }, OPT_IN),
    object(DAEMON_SET, 'logs', selected('logs', OPT_IN)),
    object(CRON_JOB, 'nightly', { schedule: '0 0 1 1 *', jobTemplate: { spec: once } }, OPT_IN),
    object(JOB, 'once', { template: template('once', OPT_IN, 'Never') }),
    object(POD, 'bare', template('bare').spec, OPT_IN),
    deployment({ name: 'web', namespace: SHOP, labels: OPT_IN }),
  )
  const sluice = await startOperator(cluster)
  const expected = [
    `CronJob nightly: ${IN_VAIN}`,
    'Deployment web: No effect: label sluice.dev/restart-on-change: Sluice reads annotations, not labels',
    `Job once: ${IN_VAIN}`,
    `Pod bare: ${IN_VAIN}`,
    `ReplicaSet agent: ${IN_VAIN}`,
    `ReplicaSet redis: ${IN_VAIN}`,
    'Secret db: No effect: annotation sluice.dev/restart-on-change: it belongs on a workload, its pod template or its Namespace',
  ]
  await eventsAre(expected)
  const series = (await metrics(sluice)).filter((line) => line.includes(`namespace="${SHOP}"`))
  expect(
    series.map((line) => /kind="(\w+)"\} (\d+)$/.exec(line)?.slice(1).join(' ')).sort(),
  ).toEqual(['CronJob 1', 'Deployment 1', 'Job 1', 'Pod 1', 'ReplicaSet 2', 'Secret 1'])
  expect(await sluice.end('SIGTERM')).toBe(0)
})

test('without the rights for these hints all else works, and the log names what is missing', async () => {
  await cluster.kubectl(['delete', 'clusterrolebinding/sluice-hints'])
  await waitUntil('the rights to be gone', async () => {
    const rights = await rightsIn(cluster, SHOP)
    return rights.some((right) => /cronjobs/.test(right))
      ? { instead: rights.join() }
      : { value: true }
  })
  await cluster.apply(consumerOf('env', { name: 'orders', namespace: SHOP }))
  const sluice = await startOperator(cluster, QUICK)
  await inState(cluster, SHOP, 'orders', 'Fresh')
  for (const resource of ['jobs', 'cronjobs']) {
    const lines = sluice.log.filter((line) => line['resource'] === resource)
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('403')])
  }
  expect(await sluice.end('SIGTERM')).toBe(0)
})

async function metrics(sluice: {
  get(path: string): Promise<{ body: string }>
}): Promise<string[]> {
  const { body } = await sluice.get('/metrics')
  return body.split('\n').filter((line) => line.startsWith('sluice_ineffective_annotations{'))
}

/** Waits until the Events about annotations without effect are these. */
async function eventsAre(expected: readonly string[]): Promise<void> {
  await waitUntil('the Events', async () => {
    const text = await cluster.kubectl([
      'get',
      'events',
      `--namespace=${SHOP}`,
      '--field-selector=reason=AnnotationIneffective',
      '--output=json',
    ])
    const { items } = JSON.parse(text) as { items: CoreV1Event[] }
    const found = items
      .map(({ involvedObject: { kind, name }, message }) => `${kind} ${name}: ${message}`)
      .sort()
    return found.join('\n') === expected.toSorted().join('\n')
      ? { value: true }
      : { instead: found.join('\n') }
  })
}
