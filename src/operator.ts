/**
 * The operator: joins the wire, the watches, the plan, the writes and the reports, and runs until told to end.
 */
import PQueue from 'p-queue'
import type { Config } from './config/settings.ts'
import { openChronicle } from './report/cluster-reports.ts'
import { Coordinator } from './plan/loop.ts'
import { createClient, type CallReport, type KubeClient } from './kube/client.ts'
import { loadCredentials } from './kube/credentials.ts'
import { ensureDigestKey, newDigestKey } from './kube/digest-key.ts'
import { keepCalibrated, ServerClock } from './kube/server-clock.ts'
import { localNow, sleep } from './kube/local-time.ts'
import { startEndpoints } from './report/http/endpoints.ts'
import { electedLeadership, UNCONTESTED, type Leadership } from './kube/leadership.ts'
import { createReporter } from './report/reporter.ts'
import { createLogger } from './report/log.ts'
import { memoryOfProcess, watchMemory } from './report/memory-watch.ts'
import type { Logger } from './model/logger.ts'
import { createMetrics, type Metrics } from './report/metrics/metrics.ts'
import { createApiWrites } from './restart/api-writes.ts'
import { Executor } from './restart/executor.ts'
import { createMemoryWrites } from './restart/memory-writes.ts'
import { createDigester } from './sources/digest.ts'
import { checkRightsAtStart } from './access/rights-check.ts'
import { secretScopes, SecretWatches } from './watch/secret-watches.ts'
import { IneffectiveAnnotations } from './watch/ineffective-annotations.ts'
import { Store } from './watch/store.ts'
import {
  heardBy,
  watchedConfigMaps,
  watchedHints,
  watchedResources,
  watchedSecrets,
} from './watch/resources.ts'
import { untilRead } from './kube/retry-until.ts'
import { WatchHealth } from './watch/watch-health.ts'
import { areSynced, messageOf, watchInto } from './watch/watches.ts'

/** Writes that are under way at once. */
const WRITE_CONCURRENCY = 8
/** How long the end waits for writes that are under way (ms). */
const END_TIMEOUT = 1_000
const RESOURCES = [
  'namespaces',
  'secrets',
  'configmaps',
  'deployments',
  'replicasets',
  'pods',
  'consumers',
  'halts',
]

/** Runs until SIGTERM or SIGINT. @throws where it cannot start */
export async function runOperator(config: Config, version: string): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.once('SIGTERM', stop).once('SIGINT', stop)
  const log = createLogger({ level: config.logLevel })
  const clock = new ServerClock(localNow)
  const now = () => clock.now()
  const metrics = createMetrics({
    version,
    resources: RESOURCES,
    memoryLimit: memoryOfProcess().limit,
    now: localNow,
  })
  const client = createClient(await loadCredentials(localNow), {
    now: localNow,
    onCall(report) {
      observeCall(metrics, report)
      clock.observeDate(report)
    },
  })

  // It listens before it knows anything: who looks for the reason that it does nothing finds it at /readyz.
  const act = config.mode === 'act'
  // Asked when there is leadership to ask about: nothing is told before the first plan.
  const mayWrite = () => !end.signal.aborted && leadership.mayWrite()
  const ineffective = new IneffectiveAnnotations(() => chronicle.changed())
  const chronicle = openChronicle({
    act,
    client,
    metrics,
    log,
    now,
    mayWrite,
    margins: config,
    ineffective: () => ineffective.list(),
    sources: {
      // Asked after the first plan alone.
      get keyFingerprint() {
        return digester.fingerprint
      },
      changed: () => store.sources.changed(),
      unused: (source) => store.sources.oldUnused(source),
      source: (source) => store.source(source),
      podsUsing: (source) => store.podsUsing(source),
    },
    planAgain: () => coordinator.changed(),
  })
  const reporter = createReporter({ log, metrics, policy: config, chronicle })
  const leadership: Leadership =
    act && config.leaderElection === 'on'
      ? electedLeadership({
          client,
          namespace: config.namespace,
          log,
          now: localNow,
          sleep,
          random: Math.random,
          onChange: (leading) => leadershipChanged(leading),
        })
      : UNCONTESTED
  metrics.leader.set(leadership.mayWrite() ? 1 : 0)
  const start: { health?: WatchHealth; trouble: string } = {
    trouble: 'the digest key has not been read yet',
  }
  const endpoints = await startEndpoints(config, {
    client,
    log,
    now: localNow,
    sleep,
    metrics() {
      start.health?.observe(metrics)
      metrics.observeIneffective(ineffective.list())
      return metrics.scrape()
    },
    healthy: () => start.health?.alive ?? { ok: true, reasons: [] },
    ready: () => start.health?.ready ?? { ok: false, reasons: [start.trouble] },
    status: () => ({ leadership: leadership.describe(), ...reporter.status() }),
  })
  const { address, port } = endpoints.address
  log.info({ address: `${address}:${port}`, version, mode: config.mode }, 'listening')
  const close = async (release?: Promise<void>) => {
    await Promise.all([release, endpoints.close()])
    await client.close()
    log.info('ended')
  }

  const key = act
    ? await untilRead(() => ensureDigestKey(client, config.namespace), {
        signal: end.signal,
        onError(error) {
          start.trouble = `the digest key cannot be read: ${messageOf(error)}`
          log.error({ err: error }, 'the digest key cannot be read; it is tried again')
        },
      })
    : newDigestKey()
  if (!key) {
    await close()
    return
  }
  const digester = createDigester(key)
  const store = new Store({
    digester,
    now,
    defaults: config,
    namespace: config.namespace,
    onSourceChanged(source) {
      // Of several Sluices that see it, one counts it.
      if (leadership.mayWrite()) metrics.sourceChanged(source)
    },
    unread: (source) => secrets?.unread(source),
  })
  const changed = () => {
    secrets?.look()
    coordinator.changed()
  }
  const fieldSelector = config.secretSelector
  const scopes = config.sources.has('Secret') && secretScopes(config.secretAccess, store)
  const secrets: SecretWatches | undefined = scopes
    ? new SecretWatches({ ...scopes, client, store, log, fieldSelector, changed, sleep })
    : undefined
  const watches = [
    ...(secrets || !config.sources.has('Secret') ? [] : [watchedSecrets(store, fieldSelector)]),
    ...(config.sources.has('ConfigMap') ? [watchedConfigMaps(store)] : []),
    ...watchedResources(store, { consumers: act }),
  ].map((resource) => watchInto(heardBy(ineffective, resource), client, log, changed))
  // Nothing waits for these: what they would say is no more than a hint.
  const hints = watchedHints(ineffective).map((resource) =>
    watchInto(resource, client, log, () => undefined),
  )
  const health = new WatchHealth({
    watches,
    secrets,
    store,
    log,
    now: localNow,
    sleep,
    changed: () => coordinator.changed(),
  })
  start.health = health
  const mayPlan = () => leadership.mayWrite() && health.mayPlan()
  const leadershipChanged = (leading: boolean) => {
    metrics.leader.set(leading ? 1 : 0)
    if (leading) {
      executor.begin()
      // What another one did until now must be in the picture before anything is done.
      for (const { watch } of watches) watch.relist()
      secrets?.relist()
    } else {
      reporter.standBy()
    }
    coordinator.changed()
  }

  const queue = new PQueue({
    concurrency: WRITE_CONCURRENCY,
    interval: 1_000,
    intervalCap: config.writeRate,
  })
  const executor = new Executor({
    writes: act
      ? createApiWrites({
          client,
          queue,
          mayWrite,
          mayPlan,
          mayStep: () => mayPlan() && health.blind === undefined,
          picture: store,
          consumerOf: (workload) => store.consumerOf(workload),
        })
      : createMemoryWrites(store),
    picture: store,
    now,
    random: Math.random,
    sleep,
    signal: end.signal,
    onStart: (action) => reporter.started(action),
    onDone(action, outcome) {
      reporter.done(action, outcome, now())
      coordinator.changed()
    },
    planAgain: () => coordinator.changed(),
    onDefect: (error) => log.error({ err: error }, 'a defect: please report it'),
  })
  const coordinator = new Coordinator({
    policy: config,
    mayPlan,
    snapshot: () => ({
      ...store.snapshot((workload) => executor.pendingOf(workload)),
      blind: health.blind,
    }),
    execute: (actions) => executor.start(actions),
    report(plan, seconds) {
      reporter.planned(plan, seconds, now())
      executor.forgetAllBut(plan.workloads.map(({ assessment }) => assessment.workload.ref))
    },
    now,
    sleep,
  })

  const running = [
    ...[...watches, ...hints].map(({ watch }) => watch.run(end.signal)),
    ...(secrets ? [secrets.run(end.signal)] : []),
    health.run(end.signal),
    coordinator.run(end.signal),
    leadership.run(end.signal),
    endpoints.run(end.signal),
    checkRightsAtStart(
      {
        client,
        log,
        need() {
          if (!areSynced(watches).ok) return undefined
          const need = { ...config, judged: store.judgedSources() }
          return { need, namespaces: store.namespaces() }
        },
        sleep,
      },
      end.signal,
    ),
    chronicle.run(end.signal),
    watchMemory({ log, read: memoryOfProcess, sleep }, end.signal),
    keepCalibrated(clock, () => askForTime(client, log), {
      now: localNow,
      sleep,
      signal: end.signal,
    }),
  ]
  // The first that fails ends the process: nothing runs on with a part of itself missing.
  await Promise.all(running).finally(stop)
  log.info('ending: nothing new is started')
  // What waits is not sent any more.
  queue.clear()
  const idle = new AbortController()
  void queue.onPendingZero().then(() => idle.abort())
  await sleep(END_TIMEOUT, idle.signal)
  // A write that did not end may still arrive: then the Lease is left to run out before another one acts.
  await close(idle.signal.aborted ? leadership.release() : undefined)
}

/** Every answer carries the server's time; one that fails is tried again a second later. */
async function askForTime(client: KubeClient, log: Logger): Promise<void> {
  try {
    await client.serverVersion()
  } catch (error) {
    log.debug({ err: error }, 'the API server did not tell its time')
  }
}

function observeCall(metrics: Metrics, { call, status, sentAt, receivedAt }: CallReport): void {
  const { verb, resource, subresource } = call
  const object = subresource ? `${resource}/${subresource}` : resource
  const code = status === 0 ? 'none' : String(status)
  metrics.apiRequestEnded({ verb, resource: object, code }, (receivedAt - sentAt) / 1000)
}
