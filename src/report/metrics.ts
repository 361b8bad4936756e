/**
 * All metrics of Sluice. Values are in base units: what is called `_seconds` takes seconds.
 */
import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  type PrometheusContentType,
} from '@prometheus-io/client'
import type { Strategy } from '../consumers/consumer.ts'
import type { NamespacedKey, SourceRef, WorkloadRef } from '../refs.ts'
import { ObjectCounter } from './object-counter.ts'
import { RESTARTS, WorkloadMetrics, type Outcome, type WorkloadRow } from './workload-metrics.ts'

/** How an eviction can end: done, refused for now by a disruption budget, or failed for any other reason. */
export const EVICTION_OUTCOMES = ['succeeded', 'refused', 'failed'] as const
export type EvictionOutcome = (typeof EVICTION_OUTCOMES)[number]

/** One request to the API server. */
export interface ApiRequest {
  readonly verb: string
  readonly resource: string
  /** The HTTP status, or what happened instead of an answer. */
  readonly code: string
}

/** What Sluice reports in the cluster itself. */
const REPORT_KINDS = ['rotation', 'event'] as const
export type ReportKind = (typeof REPORT_KINDS)[number]

const RESTART_BUCKETS = [5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600]
// A rotation is many restarts in a row.
const ROTATION_BUCKETS = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600]
const API_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]
const PLANNING_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

/** What is shown of one group. */
export interface GroupRow {
  /** `Secret shop/db`. */
  readonly group: string
  readonly starting: number
  readonly limit: number
  readonly halted: boolean
}

/** The metrics of one process, in a registry of their own. */
export type Metrics = ReturnType<typeof createMetrics>

/** Creates the metrics; counters whose labels are known begin at 0. */
export function createMetrics({
  version,
  resources,
  now,
}: {
  readonly version: string
  /** The resources that are watched, such as `pods`. */
  readonly resources: readonly string[]
  /** The clock that snapshots are dated by, in milliseconds. */
  readonly now: () => number
}) {
  const registry = new Registry<PrometheusContentType>()
  const registers = [registry]
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge<L>({ name, help, labelNames, registers })
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers })
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ) => new Histogram<L>({ name, help, labelNames, buckets, registers })

  const workloads = new WorkloadMetrics(registry)
  const sourceChanges = new ObjectCounter({
    name: 'sluice_source_changes_total',
    help: 'Changes of the consumed content of the Secret.',
    labelNames: ['namespace', 'source'],
    variants: [{}],
    registry,
  })
  const restartDuration = histogram(
    'sluice_restart_duration_seconds',
    'Time from the start of a restart to its end.',
    RESTART_BUCKETS,
    ['strategy', 'outcome'],
  )
  const rotationDuration = histogram(
    'sluice_rotation_duration_seconds',
    'Time from the change of a Secret until its last stale pod was replaced.',
    ROTATION_BUCKETS,
    ['outcome'],
  )
  const rotationsActive = gauge(
    'sluice_rotations_active',
    'Secrets whose last change has not reached every pod.',
  )
  const rotationEta = gauge(
    'sluice_rotation_eta_timestamp_seconds',
    'When the last change of the Secret is expected to have reached every pod, in seconds since the epoch.',
    ['namespace', 'source'],
  )
  const restartsActive = gauge('sluice_restarts_active', 'Workloads that are being restarted.')
  const restartsWaiting = gauge('sluice_restarts_waiting', 'Workloads that wait for their restart.')
  const startingPods = gauge(
    'sluice_starting_pods',
    'Pods of the group that are starting, whoever started them.',
    ['group'],
  )
  const startingPodsLimit = gauge(
    'sluice_starting_pods_limit',
    'How many pods of the group may be starting at once; +Inf for no limit.',
    ['group'],
  )
  const groupHalted = gauge(
    'sluice_group_halted',
    'Whether restarts of the group are halted: 1 while they are.',
    ['group'],
  )
  const evictions = counter('sluice_evictions_total', 'Evictions that were asked for.', ['outcome'])
  const reportsDropped = counter(
    'sluice_reports_dropped_total',
    'Rotation objects and Events that could not be written, and were given up.',
    ['kind'],
  )
  const planningDuration = histogram(
    'sluice_planning_duration_seconds',
    'Time that it took to make one plan.',
    PLANNING_BUCKETS,
  )
  const snapshotAge = gauge(
    'sluice_snapshot_age_seconds',
    'Age of the picture that the last plan was made from.',
  )
  const watchRestarts = counter('sluice_watch_restarts_total', 'Watches that had to begin anew.', [
    'resource',
  ])
  const watchLastEvent = gauge(
    'sluice_watch_last_event_timestamp_seconds',
    'When a watch last delivered anything, in seconds since the epoch.',
    ['resource'],
  )
  const objects = gauge('sluice_objects', 'Objects in the picture of the cluster.', ['resource'])
  const apiRequests = counter('sluice_api_requests_total', 'Requests to the API server.', [
    'verb',
    'resource',
    'code',
  ])
  const apiRequestDuration = histogram(
    'sluice_api_request_duration_seconds',
    'Time from a request to the API server to its answer.',
    API_BUCKETS,
    ['verb', 'resource', 'code'],
  )
  const leader = gauge(
    'sluice_leader',
    'Whether this process leads, and shows the fleet: 1 while it does.',
  )
  const paused = gauge('sluice_paused', 'Whether all of Sluice is paused: 1 while it is.')
  const buildInfo = gauge('sluice_build_info', 'The version that runs, with the value 1.', [
    'version',
    'node_version',
  ])

  for (const labels of RESTARTS) restartDuration.zero(labels)
  rotationDuration.zero({ outcome: 'succeeded' })
  for (const outcome of EVICTION_OUTCOMES) evictions.inc({ outcome }, 0)
  for (const kind of REPORT_KINDS) reportsDropped.inc({ kind }, 0)
  for (const resource of resources) {
    watchRestarts.inc({ resource }, 0)
    objects.set({ resource }, 0)
  }
  buildInfo.set({ version, node_version: process.versions.node }, 1)

  let sources: readonly SourceRef[] = []
  let snapshotTakenAt = now()
  const watchRestartsSeen = new Map<string, number>()

  return {
    rotationDuration,
    rotationsActive,
    restartsActive,
    restartsWaiting,
    planningDuration,
    watchRestarts,
    watchLastEvent,
    objects,
    leader,
    paused,

    /** The fleet as the next scrape shall show it; series of other workloads are dropped. */
    observeFleet(rows: readonly WorkloadRow[]): void {
      workloads.observe(rows)
    },

    /** When each rotation will end (ms), by source; one without an end has no series. */
    observeForecast(ends: ReadonlyMap<NamespacedKey, number>): void {
      rotationEta.reset()
      for (const [key, end] of ends) {
        const [namespace = '', source = ''] = key.split('/')
        if (end < Infinity) rotationEta.set({ namespace, source }, end / 1000)
      }
    },

    /** All groups that something runs, waits or is halted in; series of other ones are dropped. */
    observeGroups(groups: readonly GroupRow[]): void {
      for (const each of [startingPods, startingPodsLimit, groupHalted]) each.reset()
      for (const { group, starting, limit, halted } of groups) {
        startingPods.set({ group }, starting)
        startingPodsLimit.set({ group }, limit)
        groupHalted.set({ group }, halted ? 1 : 0)
      }
    },

    /** All consumed sources; series of other ones are dropped. */
    observeSources(consumed: readonly SourceRef[]): void {
      sources = consumed
    },

    /** How a watch does, as of now. */
    observeWatch(
      resource: string,
      { restarts, lastEventAt }: { readonly restarts: number; readonly lastEventAt: number },
    ): void {
      watchRestarts.inc({ resource }, restarts - (watchRestartsSeen.get(resource) ?? 0))
      watchRestartsSeen.set(resource, restarts)
      if (lastEventAt > 0) watchLastEvent.set({ resource }, lastEventAt / 1000)
    },

    /** A snapshot was taken (ms) and is planned from. */
    observeSnapshot(takenAt: number): void {
      snapshotTakenAt = takenAt
    },

    /** A restart has ended. */
    restartEnded(
      workload: WorkloadRef,
      { strategy, outcome, seconds }: { strategy: Strategy; outcome: Outcome; seconds: number },
    ): void {
      workloads.countRestart(workload, strategy, outcome)
      restartDuration.observe({ strategy, outcome }, seconds)
    },

    /** The consumed content of a source has changed. */
    sourceChanged({ namespace, name }: SourceRef): void {
      sourceChanges.count({ namespace, source: name })
    },

    /** The API server has answered an eviction. */
    evictionEnded(outcome: EvictionOutcome): void {
      evictions.inc({ outcome })
    },

    /** A report in the cluster could not be written, and is given up. */
    reportDropped(kind: ReportKind): void {
      reportsDropped.inc({ kind })
    },

    /** A request to the API server has ended. */
    apiRequestEnded(request: ApiRequest, seconds: number): void {
      apiRequests.inc({ ...request })
      apiRequestDuration.observe({ ...request }, seconds)
    },

    /** Everything as Prometheus reads it. */
    async scrape(): Promise<{ contentType: string; body: string }> {
      workloads.refresh()
      sourceChanges.follow(sources.map(({ namespace, name }) => ({ namespace, source: name })))
      snapshotAge.set((now() - snapshotTakenAt) / 1000)
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}
