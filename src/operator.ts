/**
 * The operator: joins the wire, the watches, the plan, the writes and the reports, and runs until told to end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Config } from './config/settings.ts'
import { Coordinator } from './coordinator.ts'
import { createClient, type CallReport, type KubeClient } from './kube/client.ts'
import { loadCredentials } from './kube/credentials.ts'
import { ensureDigestKey, newDigestKey } from './kube/digest-key.ts'
import { ListWatch } from './kube/list-watch.ts'
import { keepCalibrated, ServerClock } from './kube/server-clock.ts'
import { createReporter } from './report/reporter.ts'
import { startHttpServer, type Verdict } from './report/http-server.ts'
import { createLogger, type Logger } from './report/log.ts'
import { createMetrics, type Metrics } from './report/metrics.ts'
import { createApiWrites } from './restart/api-writes.ts'
import { Executor } from './restart/executor.ts'
import { createMemoryWrites } from './restart/memory-writes.ts'
import { createDigester } from './secrets/digest.ts'
import { Store } from './watch/store.ts'
import { watchedResources, type WatchedResource } from './watch/resources.ts'

/** Writes that are under way at once. */
const WRITE_CONCURRENCY = 8
/** How long the end waits for writes that are under way (ms). */
const END_TIMEOUT = 1_000
/** A watch that heard nothing for this long (ms) makes the process unhealthy. */
const UNHEALTHY_SILENCE = 300_000

/** A longer timer of Node would not wait at all. */
const LONGEST_TIMER = 2 ** 31 - 1
const RESOURCES = ['namespaces', 'secrets', 'deployments', 'replicasets', 'pods', 'consumers']

/** Runs until SIGTERM or SIGINT. @throws where it cannot start */
export async function runOperator(config: Config, version: string): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.once('SIGTERM', stop).once('SIGINT', stop)
  const log = createLogger({ level: config.logLevel })
  const clock = new ServerClock(localNow)
  const now = () => clock.now()
  const metrics = createMetrics({ version, resources: RESOURCES, now: localNow })
  const client = createClient(await loadCredentials(localNow), {
    now: localNow,
    onCall(report) {
      observeCall(metrics, report)
      clock.observeDate(report)
    },
  })

  const act = config.mode === 'act'
  const key = act ? await ensureDigestKey(client, config.namespace) : newDigestKey()
  const store = new Store({
    digester: createDigester(key),
    now,
    defaults: config,
    namespace: config.namespace,
    onSourceChanged: (source) => metrics.sourceChanged(source),
  })
  const watches = watchedResources(store, { consumers: act }).map((resource) => ({
    resource: resource.target.resource,
    watch: watchInto(resource, client, log, () => coordinator.changed()),
  }))
  const synced = () => watches.every(({ watch }) => watch.synced)

  const reporter = createReporter({ log, metrics })
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
          picture: store,
          consumerOf: (workload) => store.consumerOf(workload),
        })
      : createMemoryWrites(store),
    picture: store,
    now,
    random: Math.random,
    sleep,
    signal: end.signal,
    onDone(action, outcome) {
      reporter.done(action, outcome, now())
      coordinator.changed()
    },
    onDefect: (error) => log.error({ err: error }, 'a defect: please report it'),
  })
  const coordinator = new Coordinator({
    policy: config,
    snapshot: () => store.snapshot(synced(), (workload) => executor.pendingOf(workload)),
    execute: (actions) => executor.start(actions),
    report: (plan, seconds) => reporter.planned(plan, seconds, now()),
    now,
    sleep,
  })

  const server = await startHttpServer({
    listen: config.listen,
    metrics() {
      observeWatches(metrics, watches, store)
      return metrics.scrape()
    },
    healthy: () => verdict(watches.filter(isSilent), 'nothing came from the watch of'),
    ready: () =>
      verdict(
        watches.filter(({ watch }) => !watch.synced),
        'not synced yet:',
      ),
    status: () => reporter.status(),
    onError: (error) => log.error({ err: error }, 'an endpoint failed'),
  })
  const { address, port } = server.address
  log.info({ address: `${address}:${port}`, version, mode: config.mode }, 'listening')

  const running = [
    ...watches.map(({ watch }) => watch.run(end.signal)),
    coordinator.run(end.signal),
    keepCalibrated(clock, () => askForTime(client, log), {
      now: localNow,
      sleep,
      signal: end.signal,
    }),
  ]
  // The first that fails ends the process: nothing runs on with a part of itself missing.
  await Promise.all(running).finally(stop)
  log.info('ending: nothing new is started')
  await Promise.race([executor.idle(), sleep(END_TIMEOUT, new AbortController().signal)])
  await server.close()
  await client.close()
  log.info('ended')
}

interface Watch {
  readonly resource: string
  readonly watch: ListWatch
}

function watchInto(
  { target, metadataOnly, apply, remove, synced }: WatchedResource,
  client: KubeClient,
  log: Logger,
  changed: () => void,
): ListWatch {
  const { resource } = target
  return new ListWatch({
    client,
    target,
    ...(metadataOnly && { metadataOnly }),
    sink: {
      apply(object) {
        apply(object)
        changed()
      },
      remove(ref) {
        remove(ref)
        changed()
      },
      synced() {
        synced?.()
        changed()
      },
    },
    now: localNow,
    sleep,
    random: Math.random,
    onMalformed: (object, error) =>
      log.error({ resource, object, err: error }, 'an object cannot be read'),
    onError: (error) => log.warn({ resource, err: error }, 'a watch broke and is opened again'),
  })
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

function observeWatches(metrics: Metrics, watches: readonly Watch[], store: Store): void {
  for (const [resource, size] of Object.entries(store.sizes()))
    metrics.objects.set({ resource }, size)
  for (const { resource, watch } of watches) metrics.observeWatch(resource, watch)
}

function verdict(bad: readonly Watch[], reason: string): Verdict {
  return { ok: bad.length === 0, reasons: bad.map(({ resource }) => `${reason} ${resource}`) }
}

function isSilent({ watch }: Watch): boolean {
  return watch.synced && localNow() - watch.lastEventAt > UNHEALTHY_SILENCE
}

/** This machine's clock (ms since the epoch), which never runs backwards. */
function localNow(): number {
  return performance.timeOrigin + performance.now()
}

/** Resolves after `ms`, or at once when `signal` aborts. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(Math.max(0, ms), LONGEST_TIMER), undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
