/**
 * The operator, in five steps: connect to the cluster, observe it, decide what to restart, act, report.
 *
 * Each step gets what the steps before it have made. What happens later comes back to them as a signal.
 */
import { EventEmitter } from 'node:events'
import { checkRightsAtStart } from './access/rights-check.ts'
import type { Config } from './config/settings.ts'
import { createClient, type KubeClient } from './kube/client.ts'
import { loadCredentials } from './kube/credentials.ts'
import { ensureDigestKey, newDigestKey } from './kube/digest-key.ts'
import { electedLeadership, ALWAYS_LEADING, type Leadership } from './kube/leadership.ts'
import { localNow, sleep } from './kube/local-time.ts'
import { retryUntil } from './kube/retry-until.ts'
import { keepCalibrated, ServerClock } from './kube/server-clock.ts'
import type { Logger } from './model/logger.ts'
import type { WorkloadRef } from './model/refs.ts'
import type { Action, ActionOutcome } from './plan/action.ts'
import { PlanLoop } from './plan/loop.ts'
import type { Plan } from './plan/plan.ts'
import { openClusterReporter } from './report/cluster-reports.ts'
import { CurrentAnswers, notReady } from './report/http/current-answers.ts'
import { startEndpoints, type Endpoints } from './report/http/endpoints.ts'
import { createLogger } from './report/log.ts'
import { memoryOfProcess, watchMemory } from './report/memory-watch.ts'
import { createMetrics, type Metrics } from './report/metrics/metrics.ts'
import { createReporter } from './report/reporter.ts'
import { createApiWrites } from './restart/api-writes.ts'
import { Executor } from './restart/executor.ts'
import { createMemoryWrites } from './restart/memory-writes.ts'
import { createWriteQueue, drain } from './restart/write-queue.ts'
import { createDigester } from './sources/digest.ts'
import { viewCluster, type ClusterView } from './watch/cluster-view.ts'
import { WATCHED } from './watch/resources.ts'
import { messageOf } from './watch/watches.ts'

/** What happens while the operator runs, and what a listener gets of it. */
interface Signals {
  /** Something that a plan depends on is different: plan again. */
  readonly changed: []
  /** We lead from now on, or no more. */
  readonly leading: [leading: boolean]
  /** A plan was made. */
  readonly planned: [plan: Plan, seconds: number]
  /** An action of a plan begins. */
  readonly started: [action: Action]
  /** An action of a plan ended. */
  readonly done: [action: Action, outcome: ActionOutcome]
  /** Annotations without effect came or went. */
  readonly ineffective: []
  /** The metrics are read next. */
  readonly scrape: []
}

/** What every step works with. */
interface Connected {
  readonly config: Config
  /** Aborts when the operator ends. */
  readonly end: AbortSignal
  readonly log: Logger
  readonly metrics: Metrics
  readonly client: KubeClient
  /** API server's clock, milliseconds. */
  readonly now: () => number
  readonly leadership: Leadership
  /** Whether a write may start now. */
  readonly mayWrite: () => boolean
  readonly signals: EventEmitter<Signals>
  readonly answers: CurrentAnswers
  readonly run: () => Promise<unknown>
  /** Ends all connections. It releases the Lease only where no write is under way. */
  readonly close: (options: { readonly release: boolean }) => Promise<void>
}

type Decided = ReturnType<typeof decide>

/** Runs until SIGTERM or SIGINT. @throws where it cannot start */
export async function runOperator(config: Config, version: string): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.once('SIGTERM', stop).once('SIGINT', stop)
  const connected = await connect(config, version, end.signal)
  const observed = await observe(connected)
  if (!observed) return connected.close({ release: false })
  const decided = decide(connected, observed)
  const acting = act(connected, observed, decided)
  const reporting = report(connected, observed)
  const running = [observed.run(end.signal), acting.run(), connected.run(), reporting.run()]
  // The first that fails ends the process: nothing runs on with a part of itself missing.
  await Promise.all(running).finally(stop)
  connected.log.info('ending: nothing new is started')
  // A write that did not end may still arrive: then the Lease is left to run out before another one acts.
  await connected.close({ release: await acting.drain() })
}

/** Connects to the API server, and opens the endpoints. */
async function connect(config: Config, version: string, end: AbortSignal): Promise<Connected> {
  const log = createLogger({ level: config.logLevel })
  const memoryLimit = memoryOfProcess().limit
  const metrics = createMetrics({ version, resources: WATCHED, memoryLimit, now: localNow })
  const clock = new ServerClock(localNow)
  const client = createClient(await loadCredentials(localNow), {
    now: localNow,
    onCall(report) {
      metrics.apiRequestEnded(report)
      clock.observeDate(report)
    },
  })
  const signals = new EventEmitter<Signals>()
  const leadership = lead({ config, log, metrics, client, signals })
  const base = { config, log, metrics, client, signals, leadership, answers: new CurrentAnswers() }
  const endpoints = await listen(base)
  const { address, port } = endpoints.address
  log.info({ address: `${address}:${port}`, version, mode: config.mode }, 'listening')
  return {
    ...base,
    end,
    now: () => clock.now(),
    mayWrite: () => !end.aborted && leadership.mayWrite(),
    run: () =>
      Promise.all([
        leadership.run(end),
        endpoints.run(end),
        keepCalibrated(clock, () => askForTime(client, log), { now: localNow, sleep, signal: end }),
      ]),
    async close({ release }) {
      await Promise.all([release ? leadership.release() : undefined, endpoints.close()])
      await client.close()
      log.info('ended')
    },
  }
}

/** Says whether this process leads, and signals each change: it needs the Lease, or is the only one. */
function lead(
  base: Pick<Connected, 'config' | 'log' | 'metrics' | 'client' | 'signals'>,
): Leadership {
  const { config, log, metrics, client, signals } = base
  const time = { now: localNow, sleep, random: Math.random }
  const onChange = (leading: boolean) => {
    metrics.leader.set(leading ? 1 : 0)
    signals.emit('leading', leading)
    signals.emit('changed')
  }
  const leadership =
    config.mode === 'act' && config.leaderElection === 'on'
      ? electedLeadership({ client, namespace: config.namespace, log, onChange, ...time })
      : ALWAYS_LEADING
  metrics.leader.set(leadership.mayWrite() ? 1 : 0)
  return leadership
}

/** Opens the endpoints. @throws where it cannot listen */
function listen(
  base: Omit<Connected, 'end' | 'now' | 'mayWrite' | 'run' | 'close'>,
): Promise<Endpoints> {
  const { config, log, metrics, client, signals, leadership, answers } = base
  return startEndpoints(config, {
    ...{ client, log, now: localNow, sleep },
    metrics() {
      signals.emit('scrape')
      return metrics.scrape()
    },
    healthy: () => answers.healthy(),
    ready: () => answers.ready(),
    status: () => ({ leadership: leadership.describe(), ...answers.status() }),
  })
}

/** Observes the cluster by watches, once the digest key is read; undefined where the operator ends before. */
async function observe(connected: Connected): Promise<ClusterView | undefined> {
  const { config, log, metrics, client, now, leadership, signals, answers } = connected
  const key = await digestKey(connected)
  if (!key) return undefined
  const view = viewCluster({
    ...{ config, client, log, digester: createDigester(key), now },
    onChanged: () => signals.emit('changed'),
    onIneffectiveChanged: () => signals.emit('ineffective'),
    onSourceChanged(source) {
      // Of several Sluices that see it, one counts it.
      if (leadership.mayWrite()) metrics.sourceChanged(source)
    },
  })
  const { health, ineffective } = view
  signals.on('leading', (leading) => {
    // What another one did until now must be in the picture before anything is done.
    if (leading) view.relist()
  })
  signals.on('scrape', () => {
    health.observe(metrics)
    metrics.observeIneffective(ineffective.list())
  })
  answers.healthy = () => health.alive
  answers.ready = () => health.ready
  return view
}

/** The HMAC key for contents of Secrets. Mode `observe` keeps nothing, so it makes a key of its own. */
async function digestKey({ config, end, log, client, answers }: Connected) {
  if (config.mode !== 'act') return newDigestKey()
  return retryUntil(() => ensureDigestKey(client, config.namespace), {
    signal: end,
    onError(error) {
      const verdict = notReady(`the digest key cannot be read: ${messageOf(error)}`)
      answers.ready = () => verdict
      log.error({ err: error }, 'the digest key cannot be read; it is tried again')
    },
  })
}

/** Decides which pods to restart now. `planWith` makes the loop of plans, given the executor that carries them out. */
function decide({ config, now, leadership, signals }: Connected, { store, health }: ClusterView) {
  const mayPlan = () => leadership.mayWrite() && health.mayPlan()
  const planWith = (executor: Executor) =>
    new PlanLoop({
      policy: config,
      mayPlan,
      snapshot: () => ({
        ...store.snapshot((workload) => executor.pendingOf(workload)),
        blind: health.blind,
      }),
      execute: (actions) => executor.start(actions),
      report(plan, seconds) {
        signals.emit('planned', plan, seconds)
        executor.forgetAllBut(plan.workloads.map(({ workload }) => workload))
      },
      now,
      sleep,
    })
  return { mayPlan, planWith }
}

/** Acts as the plans say, a few writes at a time. In mode `observe` no write leaves the process. */
function act(
  { config, end, log, client, now, mayWrite, signals }: Connected,
  { store, health }: ClusterView,
  { mayPlan, planWith }: Decided,
) {
  const queue = createWriteQueue(config.writeRate)
  const mayStep = () => mayPlan() && health.blind === undefined
  const consumerOf = (workload: WorkloadRef) => store.consumerOf(workload)
  const permits = { mayWrite, mayPlan, mayStep }
  const executor = new Executor({
    writes:
      config.mode === 'act'
        ? createApiWrites({ client, queue, ...permits, picture: store, consumerOf })
        : createMemoryWrites(store),
    picture: store,
    now,
    random: Math.random,
    sleep,
    signal: end,
    onStart: (action) => signals.emit('started', action),
    onDone(action, outcome) {
      signals.emit('done', action, outcome)
      signals.emit('changed')
    },
    planAgain: () => signals.emit('changed'),
    onDefect: (error) => log.error({ err: error }, 'a defect: please report it'),
  })
  const planLoop = planWith(executor)
  signals.on('leading', (leading) => {
    if (leading) executor.begin()
  })
  signals.on('changed', () => planLoop.changed())
  return { run: () => planLoop.run(end), drain: () => drain(queue) }
}

/** Reports what was planned and done: in the log, the metrics, `/status`, Rotations and Events. */
function report(connected: Connected, observed: ClusterView) {
  const { config, end, log, metrics, client, now, mayWrite, signals, answers } = connected
  const { store, ineffective, isListed } = observed
  const clusterReporter = openClusterReporter({
    ...{ client, metrics, log, now, mayWrite },
    act: config.mode === 'act',
    margins: config,
    ineffective: () => ineffective.list(),
    sources: observed.sources,
    planAgain: () => signals.emit('changed'),
  })
  const reporter = createReporter({ log, metrics, policy: config, clusterReporter })
  signals.on('planned', (plan, seconds) => reporter.planned(plan, seconds, now()))
  signals.on('started', (action) => reporter.started(action))
  signals.on('done', (action, outcome) => reporter.done(action, outcome, now()))
  signals.on('ineffective', () => clusterReporter.changed())
  signals.on('leading', (leading) => {
    if (!leading) reporter.standBy()
  })
  answers.status = () => reporter.status()
  const need = () => {
    if (!isListed()) return undefined
    const judged = store.judgedSources()
    return { need: { ...config, judged }, namespaces: store.namespaces() }
  }
  return {
    run: () =>
      Promise.all([
        checkRightsAtStart({ client, log, need, sleep }, end),
        clusterReporter.run(end),
        watchMemory({ log, read: memoryOfProcess, sleep }, end),
      ]),
  }
}

/** Every answer carries the server's time; one that fails is tried again a second later. */
async function askForTime(client: KubeClient, log: Logger): Promise<void> {
  try {
    await client.serverVersion()
  } catch (error) {
    log.debug({ err: error }, 'the API server did not tell its time')
  }
}
