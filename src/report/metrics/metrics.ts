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
import type { CallReport } from '../../kube/client.ts'
import { STRATEGIES, type Strategy } from '../../records/consumer.ts'
import type { Ineffective } from '../../workloads/ineffective.ts'
import type { SourceRef, WorkloadRef } from '../../model/refs.ts'
import { ENDS, type Rotation } from '../../records/rotation.ts'
import { PROCESS, type Definition } from './definitions.ts'
import { FleetMetrics, OUTCOMES, type Fleet, type Outcome } from './fleet-metrics.ts'
import { addRuntimeMetrics } from './runtime-metrics.ts'

/** How an eviction can end: done, refused for now by a disruption budget, or failed for any other reason. */
const EVICTION_OUTCOMES = ['succeeded', 'refused', 'failed'] as const
export type EvictionOutcome = (typeof EVICTION_OUTCOMES)[number]

/** What Sluice reports in the cluster itself. */
const REPORT_KINDS = ['rotation', 'event'] as const
export type ReportKind = (typeof REPORT_KINDS)[number]

/** The metrics of one process, in a registry of their own. */
export type Metrics = ReturnType<typeof createMetrics>

/** Creates the metrics; counters whose labels are known begin at 0. */
export function createMetrics({
  version,
  resources,
  memoryLimit,
  now,
}: {
  readonly version: string
  /** The resources that are watched, such as `pods`. */
  readonly resources: readonly string[]
  /** Of the container (bytes), where it has one. */
  readonly memoryLimit?: number | undefined
  /** The clock that snapshots are dated by, in milliseconds. */
  readonly now: () => number
}) {
  const registry = new Registry<PrometheusContentType>()
  const options = ({ name, help, labels }: Definition) => ({
    name,
    help,
    labelNames: labels,
    registers: [registry],
  })
  const gauge = (definition: Definition) => new Gauge(options(definition))
  const counter = (definition: Definition) => new Counter(options(definition))
  const histogram = (definition: Definition) =>
    new Histogram({ ...options(definition), buckets: [...(definition.buckets ?? [])] })

  const fleet = new FleetMetrics()
  const rotationsActive = gauge(PROCESS.rotationsActive)
  const restartsActive = gauge(PROCESS.restartsActive)
  const restartsWaiting = gauge(PROCESS.restartsWaiting)
  const restartDuration = histogram(PROCESS.restartDuration)
  const rotationDuration = histogram(PROCESS.rotationDuration)
  const evictions = counter(PROCESS.evictions)
  const reportsDropped = counter(PROCESS.reportsDropped)
  const planningDuration = histogram(PROCESS.planningDuration)
  const snapshotAge = gauge(PROCESS.snapshotAge)
  const watchRestarts = counter(PROCESS.watchRestarts)
  const watchLastEvent = gauge(PROCESS.watchLastEvent)
  const watchBlind = gauge(PROCESS.watchBlind)
  const objects = gauge(PROCESS.objects)
  const apiRequests = counter(PROCESS.apiRequests)
  const apiRequestDuration = histogram(PROCESS.apiRequestDuration)
  const leader = gauge(PROCESS.leader)
  const paused = gauge(PROCESS.paused)
  const ineffectiveAnnotations = gauge(PROCESS.ineffectiveAnnotations)
  const buildInfo = gauge(PROCESS.buildInfo)
  addRuntimeMetrics(registry)

  for (const strategy of STRATEGIES)
    for (const outcome of OUTCOMES) restartDuration.zero({ strategy, outcome })
  for (const end of ENDS) rotationDuration.zero({ outcome: end.toLowerCase() })
  for (const outcome of EVICTION_OUTCOMES) evictions.inc({ outcome }, 0)
  for (const kind of REPORT_KINDS) reportsDropped.inc({ kind }, 0)
  for (const resource of resources) {
    watchRestarts.inc({ resource }, 0)
    objects.set({ resource }, 0)
  }
  if (memoryLimit !== undefined) gauge(PROCESS.memoryLimit).set(memoryLimit)
  buildInfo.set({ version, node_version: process.versions.node }, 1)

  let snapshotTakenAt = now()
  const watchRestartsSeen = new Map<string, number>()

  return {
    rotationsActive,
    restartsActive,
    restartsWaiting,
    planningDuration,
    watchRestarts,
    watchLastEvent,
    objects,
    leader,
    paused,

    /** Where the next scrapes find the fleet; series of what is not in it are dropped. */
    observeFleet(look: () => Fleet): void {
      fleet.observe(look)
    },

    /** How a watch does, as of now. */
    observeWatch(
      resource: string,
      {
        restarts,
        lastEventAt,
        blind,
      }: { readonly restarts: number; readonly lastEventAt: number; readonly blind: boolean },
    ): void {
      watchRestarts.inc({ resource }, restarts - (watchRestartsSeen.get(resource) ?? 0))
      watchRestartsSeen.set(resource, restarts)
      watchLastEvent.set({ resource }, Math.max(0, lastEventAt) / 1000)
      watchBlind.set({ resource }, blind ? 1 : 0)
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
      fleet.countRestart(workload, strategy, outcome)
      restartDuration.observe({ strategy, outcome }, seconds)
    },

    /** A rotation is over. */
    rotationEnded({ phase, changedAt, finishedAt = changedAt }: Rotation): void {
      const seconds = Math.max(0, finishedAt - changedAt) / 1000
      rotationDuration.observe({ outcome: phase.toLowerCase() }, seconds)
    },

    /** The consumed content of a source has changed. */
    sourceChanged(source: SourceRef): void {
      fleet.countChange(source)
    },

    /** All annotations that have no effect where they stand; of what is gone no series stays. */
    observeIneffective(found: readonly Ineffective[]): void {
      ineffectiveAnnotations.reset()
      for (const { subject } of found)
        ineffectiveAnnotations.inc({ namespace: subject.namespace, kind: subject.kind })
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
    apiRequestEnded({ call, status, sentAt, receivedAt }: CallReport): void {
      const { verb, resource, subresource } = call
      const object = subresource ? `${resource}/${subresource}` : resource
      const code = status === 0 ? 'none' : String(status)
      const labels = { verb, resource: object, code }
      apiRequests.inc({ ...labels })
      apiRequestDuration.observe({ ...labels }, (receivedAt - sentAt) / 1000)
    },

    /** Everything as Prometheus reads it. */
    async scrape(): Promise<{ contentType: string; body: string }> {
      snapshotAge.set((now() - snapshotTakenAt) / 1000)
      const body = `${fleet.scrape()}\n${await registry.metrics()}`
      return { contentType: registry.contentType, body }
    },
  }
}
