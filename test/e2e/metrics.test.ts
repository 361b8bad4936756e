// A rotation seen by a real Prometheus, which scrapes a leader and a standby, beside an observer that knows neither.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ALERTS } from '../../observability/alerts.ts'
import { dashboard } from '../../observability/dashboard/dashboard.ts'
import { panelsOf } from '../../observability/dashboard/panels-of.ts'
import { build } from '../../testbed/build.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { deployment, secret } from '../../testbed/fixtures.ts'
import { startPrometheus, type Prometheus, type Series } from '../../testbed/prometheus.ts'
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
import { observe, type Observer } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'
import { recordPods, type PodRecording } from './pod-recording.ts'

/**
 * Each step of the rotation lasts for more than two scrapes, which are a second apart: one may come late on a busy machine, and
 * a step must not be missed for that.
 */
const podAnnotations = { 'sim.sluice.dev/ready-delay': '2500ms' }
const UNTOUCHED = '--quiet-period=2500ms'
const ORDERS = 4
const PAYMENTS = 2
const FLAGS = [...QUICK, UNTOUCHED, '--leader-election=on', '--max-starting-pods=3']

let cluster: TestCluster
let shop: string
let observer: Observer
let recording: PodRecording
let leader: OperatorProcess
let standby: OperatorProcess
let prometheus: Prometheus
let started: number
let rotatedAt: number

beforeAll(async () => {
  cluster = await startInstalledCluster()
  shop = await freshNamespace(cluster)
  observer = await observe(cluster, shop)
  leader = await startOperator(cluster, FLAGS)
  await waitUntil('the first one to lead', async () => {
    const { body } = await leader.get('/metrics')
    return body.includes('\nsluice_leader 1\n') ? { value: true } : { instead: 'it stands by' }
  })
  standby = await startOperator(cluster, FLAGS)
  started = Date.now() / 1000
  prometheus = await startPrometheus({
    dir: cluster.dir,
    targets: [
      { pod: 'sluice-1', url: leader.url },
      { pod: 'sluice-2', url: standby.url },
    ],
  })
  await deploy()
  rotatedAt = await rotate()
  await breakThings()
  await scrapedSince(Date.now())
})
afterAll(async () => {
  recording.stop()
  observer.stop()
  await prometheus.stop()
  for (const each of [leader, standby]) await each.end('SIGTERM')
  await cluster.stop()
})

/** Two workloads to restart, one that mounts files, and four for which things go wrong. */
async function deploy(): Promise<void> {
  const of = (name: string, options: Partial<Parameters<typeof deployment>[0]>) =>
    consumerOf('env', { name, namespace: shop, podAnnotations, ...options })
  const choosy = { 'sim.sluice.dev/bad-value': 'wrong', 'sim.sluice.dev/crash-backoff': '200ms' }
  await cluster.apply(
    dbSecret(shop, 'old'),
    ...['mail', 'cards'].map((name) =>
      secret({ name, namespace: shop, data: { password: 'old' } }),
    ),
    of('orders', { replicas: ORDERS, annotations: { 'sluice.dev/max-unavailable': '2' } }),
    of('payments', { replicas: PAYMENTS }),
    consumerOf('volume', { name: 'gateway', namespace: shop, replicas: 2 }),
    of('mailer', { uses: [{ secret: 'mail', mode: 'env' }] }),
    of('billing', { uses: [{ secret: 'cards', mode: 'env' }], podAnnotations: choosy }),
    of('typo', { uses: [], annotations: { 'sluice.dev/priority': 'high' } }),
    of('forged', { uses: [] }),
  )
  const all = ['orders', 'payments', 'gateway', 'mailer', 'billing', 'typo', 'forged']
  await available(cluster, shop, ...all)
  for (const name of ['orders', 'payments']) await inState(cluster, shop, name, 'Fresh')
  await beyondDoubt()
  observer.reset({ orders: ORDERS, payments: PAYMENTS })
  recording = recordPods(observer, ['orders', 'payments'])
}

/** Changes the password of orders and payments, and waits until both are fresh. */
async function rotate(): Promise<number> {
  const at = Date.now()
  await cluster.apply(dbSecret(shop, 'new'))
  await waitUntil(
    'the rotation to end',
    async () => {
      const rows = (await leader.status()).filter(({ name }) => /orders|payments/.test(name))
      const done =
        observer.newPods('orders').length === ORDERS &&
        observer.newPods('payments').length === PAYMENTS &&
        rows.every(({ stalePods, restart }) => stalePods === 0 && !restart)
      return done ? { value: true } : { instead: JSON.stringify(rows) }
    },
    { deadline: 60_000 },
  )
  return at
}

async function breakThings(): Promise<void> {
  await cluster.kubectl(['delete', 'secret', 'mail', `--namespace=${shop}`])
  await inState(cluster, shop, 'mailer', 'Held', 'SourceMissing')
  await cluster.apply(secret({ name: 'cards', namespace: shop, data: { password: 'wrong' } }))
  await inState(cluster, shop, 'billing', 'Failed', 'RestartFailed')
  await inState(cluster, shop, 'forged', 'Fresh')
  const status = { lastRestart: { id: 'forged', finishedAt: '2099-01-01T00:00:00.000Z' } }
  await cluster.kubectl([
    'patch',
    'consumers/deployment-forged',
    `--namespace=${shop}`,
    '--subresource=status',
    '--type=merge',
    `--patch=${JSON.stringify({ status })}`,
  ])
  await inState(cluster, shop, 'forged', 'Held', 'MalformedConsumer')
}

/** Until every process has been scraped more than a scrape's time after this (ms). */
async function scrapedSince(time: number): Promise<void> {
  await waitUntil('two more scrapes', async () => {
    const last = Number(await ask('min(timestamp(up{job="sluice"}))')) * 1000
    return last > time + 1_000 ? { value: true } : { instead: `${last} of ${time}` }
  })
}

/** One number. */
async function ask(expr: string): Promise<number | undefined> {
  const series = await prometheus.query(expr)
  if (series.length > 1) throw new Error(`expected one series of ${expr}, found ${series.length}`)
  return series[0]?.values[0]?.[1]
}

/** A query of the dashboard over the whole test, with its variables at "All". */
function overall(expr: string): Promise<Series[]> {
  const filled = expr
    .replaceAll('$namespace', '.*')
    .replaceAll('$workload', '.*')
    .replaceAll('$job', 'sluice')
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$__range', '2m')
  return prometheus.queryRange(filled, { start: started, end: Date.now() / 1000, step: 1 })
}

describe('what Prometheus has', () => {
  test('agrees with the pods at every scrape of the rotation', async () => {
    const expr = `sluice_stale_pods{namespace="${shop}", workload=~"orders|payments"}[5m]`
    const samples = (await prometheus.query(expr)).flatMap(({ metric, values }) =>
      values.map(([seconds, value]) => ({
        app: metric['workload'] ?? '',
        at: seconds * 1000,
        value,
      })),
    )
    // What a scrape finds was true a moment before or after it: an event has to arrive, at both of us.
    const told = samples.filter(({ at }) => at > rotatedAt - 2_000)
    const wrong = told.filter(({ app, at, value }) => {
      const seen = recording.staleDuring(app, at - 1_000, at + 1_000, rotatedAt)
      return !seen.has(value)
    })
    expect(wrong).toEqual([])
    // It was a staircase, not a flat line.
    const steps = new Set(told.filter(({ app }) => app === 'orders').map(({ value }) => value))
    expect(steps.size).toBeGreaterThanOrEqual(3)
    expect(Math.max(...steps)).toBe(ORDERS)
  })

  test('agrees with the peak of starting pods, and with the limit', async () => {
    const peak = `max(max_over_time(sluice_starting_pods{group="Secret ${shop}/db"}[5m]))`
    expect(await ask(peak)).toBe(recording.peakStarting)
    expect(recording.peakStarting).toBe(2)
    expect(await ask('min(min_over_time(sluice_starting_pods_limit[5m]))')).toBe(3)
  })

  test('agrees with the restarts and evictions that the pods show', async () => {
    const restarts = `sum(sluice_restarts_total{namespace="${shop}", outcome="succeeded"})`
    expect(await ask(restarts)).toBe(observer.order.length)
    expect([...observer.order].sort()).toEqual(['orders', 'payments'])
    const evicted = observer.newPods('orders').length + observer.newPods('payments').length
    // One more, the last, was of billing.
    expect(await ask('sum(sluice_evictions_total{outcome="succeeded"})')).toBe(evicted)
    expect(await ask('sum(sluice_restarts_total{outcome="failed"})')).toBe(1)
    expect(await ask(`sum(sluice_source_changes_total{source="db"})`)).toBe(1)
  })

  test('tells of the workloads whose files changed, and of each hold', async () => {
    expect(await ask('sum(sluice_unverified_pods{workload="gateway"})')).toBe(2)
    const holds = await prometheus.query('sluice_hold')
    const reasons = holds.map(({ metric }) => `${metric['workload']} ${metric['reason']}`).sort()
    expect(reasons).toEqual([
      'billing RestartFailed',
      'forged MalformedConsumer',
      'mailer SourceMissing',
      'typo InvalidSetting',
    ])
  })

  test('comes once, though a standby is scraped as well', async () => {
    expect(await ask('count(sluice_leader)')).toBe(2)
    expect(await ask('sum(sluice_leader)')).toBe(1)
    expect(await ask('max(count by (namespace, workload) (sluice_stale_pods))')).toBe(1)
    expect(await ask('count(sluice_stale_pods)')).toBe(7)
    expect(await ask('count(count by (pod) (sluice_stale_pods))')).toBe(1)
    // The namespace is the workload's; that of Sluice itself stands on what is about Sluice.
    expect(await ask('count(sluice_stale_pods{exported_namespace=~".+"})')).toBeUndefined()
    expect(await ask('count(process_cpu_seconds_total{namespace="sluice-system"})')).toBe(2)
  })

  test('passes promtool check metrics', async () => {
    const promtool = await build('promtool', (line) => process.stderr.write(`${line}\n`))
    for (const each of [leader, standby]) {
      const checking = promisify(execFile)(promtool, ['check', 'metrics'])
      checking.child.stdin?.end((await each.get('/metrics')).body)
      expect(await checking).toEqual({ stdout: '', stderr: '' })
    }
  })
})

test('kubectl apply -k installs dashboard, rules and scraping where the Prometheus operator is', async () => {
  // Of its definitions only that they are there; test/build checks both objects by the operator's schema.
  const kinds = ['PrometheusRule', 'ServiceMonitor'] as const
  await cluster.apply(...kinds.map(monitoringKind))
  for (const kind of kinds) {
    const name = `crd/${kind.toLowerCase()}s.monitoring.coreos.com`
    await cluster.kubectl(['wait', '--for=condition=Established', name])
  }
  const printed = await cluster.kubectl(['apply', '--kustomize=manifests/overlays/monitoring'])
  expect(printed.trim().split('\n').sort()).toEqual([
    'configmap/sluice-dashboard created',
    'prometheusrule.monitoring.coreos.com/sluice created',
    'servicemonitor.monitoring.coreos.com/sluice created',
  ])
})

function monitoringKind(kind: string) {
  const singular = kind.toLowerCase()
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${singular}s.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind, singular, plural: `${singular}s` },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  }
}

const PANELS = panelsOf(dashboard())
const QUERIES = PANELS.flatMap(({ title, queries }) =>
  queries.map((expr) => [title, expr] as const),
)

test.each(QUERIES)('the panel "%s" has data from %s', async (_, expr) => {
  const series = await overall(expr)
  const values = series.flatMap((each) => each.values.map(([, value]) => value))
  expect(values.some((value) => Number.isFinite(value))).toBe(true)
})

test('Prometheus accepts the rules, and fires what is so and nothing else', async () => {
  const { groups } = (await prometheus.get('rules')) as {
    groups: { rules: { name: string; health: string; lastError?: string; state: string }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.map(({ name }) => name)).toEqual(ALERTS.map(({ name }) => name))
  expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
  // Pending at least: some have to be so for an hour.
  expect(rules.filter(({ state }) => state !== 'inactive').map(({ name }) => name)).toEqual([
    'SluiceOldContentInUse',
    'SluiceGroupHalted',
    'SluiceRestartFailed',
    'SluiceSourceMissing',
    'SluiceInvalidAnnotation',
    'SluiceMalformedConsumer',
    'SluiceVolumesUnverified',
  ])
})

/** What is there of an alert for what is not: a Sluice that is down, the memory limit of a container. */
const THERE: Readonly<Record<string, string>> = {
  SluiceDown: 'up{job="sluice"}',
  SluiceMemoryNearLimit: 'process_resident_memory_bytes{job="sluice"}',
}

test.each(ALERTS.map(({ name, expr }) => [name, expr] as const))(
  '%s looks at something that is there',
  async (name, expr) => {
    // Whatever its threshold.
    const asked = THERE[name] ?? expr.replace(/ (>|==) \d+$/, ' >= 0')
    expect((await overall(asked)).length).toBeGreaterThan(0)
  },
)

test('sums stay the same when the standby takes over', async () => {
  const stale = `count(sluice_stale_pods{namespace="${shop}"})`
  expect(await ask(stale)).toBe(7)
  await leader.end('SIGTERM')
  await waitUntil('the standby to be seen leading', async () => {
    const leading = await prometheus.query('sluice_leader == 1')
    const pods = leading.map(({ metric }) => metric['pod']).join()
    return pods === 'sluice-2' && (await ask(stale)) === 7 ? { value: true } : { instead: pods }
  })
  expect(await ask('max(count by (namespace, workload) (sluice_stale_pods))')).toBe(1)
})
