/**
 * The operator: joins the wire, the watches, the plan, the writes and the reports, and runs until told to end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Config } from './config/settings.ts'
import { Coordinator } from './coordinator.ts'
import { isNotFound } from './kube/api-error.ts'
import { Backoff } from './kube/backoff.ts'
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
const RESOURCES = [
  'namespaces',
  'secrets',
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
  const metrics = createMetrics({ version, resources: RESOURCES, now: localNow })
  const client = createClient(await loadCredentials(localNow), {
    now: localNow,
    onCall(report) {
      observeCall(metrics, report)
      clock.observeDate(report)
    },
  })

  // It listens before it knows anything: who looks for the reason that it does nothing finds it at /readyz.
  const reporter = createReporter({ log, metrics })
  const start: { picture?: { watches: readonly Watch[]; store: Store }; trouble: string } = {
    trouble: 'the digest key has not been read yet',
  }
  const server = await startHttpServer({
    listen: config.listen,
    metrics() {
      if (start.picture) observeWatches(metrics, start.picture.watches, start.picture.store)
      return metrics.scrape()
    },
    healthy: () => verdict((start.picture?.watches ?? []).filter(isSilent), silence),
    ready: () =>
      start.picture
        ? verdict(
            start.picture.watches.filter(({ watch }) => !watch.synced),
            notSynced,
          )
        : { ok: false, reasons: [start.trouble] },
    status: () => reporter.status(),
    onError: (error) => log.error({ err: error }, 'an endpoint failed'),
  })
  const { address, port } = server.address
  log.info({ address: `${address}:${port}`, version, mode: config.mode }, 'listening')
  const close = async () => {
    await server.close()
    await client.close()
    log.info('ended')
  }

  const act = config.mode === 'act'
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
  const store = new Store({
    digester: createDigester(key),
    now,
    defaults: config,
    namespace: config.namespace,
    onSourceChanged: (source) => metrics.sourceChanged(source),
  })
  const watches = watchedResources(store, { consumers: act }).map((resource) =>
    watchInto(resource, client, log, () => coordinator.changed()),
  )
  start.picture = { watches, store }
  const synced = () => watches.every(({ watch }) => watch.synced)

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
  await close()
}

/** Reads until it succeeds; `undefined` where `signal` aborts first. */
async function untilRead<T>(
  read: () => Promise<T>,
  { signal, onError }: { signal: AbortSignal; onError: (error: unknown) => void },
): Promise<T | undefined> {
  const backoff = new Backoff(Math.random)
  while (!signal.aborted) {
    try {
      return await read()
    } catch (error) {
      onError(error)
      await sleep(backoff.next(), signal)
    }
  }
  return undefined
}

interface Watch {
  readonly resource: string
  readonly watch: ListWatch
  /** What broke it last; empty since it has delivered all again. */
  readonly trouble: string
}

function watchInto(
  { target, metadataOnly, apply, remove, synced }: WatchedResource,
  client: KubeClient,
  log: Logger,
  changed: () => void,
): Watch {
  const { resource } = target
  let trouble = ''
  const watch = new ListWatch({
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
        trouble = ''
        synced?.()
        changed()
      },
    },
    now: localNow,
    sleep,
    random: Math.random,
    onMalformed: (object, error) =>
      log.error({ resource, object, err: error }, 'an object cannot be read'),
    onError(error) {
      trouble = messageOf(error)
      log.warn({ resource, err: error }, `a watch broke and is opened again: ${trouble}`)
    },
  })
  return {
    resource,
    watch,
    get trouble() {
      return trouble
    },
  }
}

/** For a person. Errors of the API server's answers hold nothing of these answers. */
function messageOf(error: unknown): string {
  // Discovery knows no such kind: the one that Sluice brings along is missing, not an object of it.
  const hint = isNotFound(error) ? '; are all manifests of Sluice installed?' : ''
  return error instanceof Error ? `${error.message}${hint}` : 'unknown'
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

function verdict(bad: readonly Watch[], reason: (watch: Watch) => string): Verdict {
  return { ok: bad.length === 0, reasons: bad.map(reason) }
}

function silence({ resource }: Watch): string {
  return `nothing came from the watch of ${resource}`
}

function notSynced({ resource, trouble }: Watch): string {
  return `not synced yet: ${resource}${trouble && ` (${trouble})`}`
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
