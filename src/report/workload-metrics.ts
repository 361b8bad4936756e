/**
 * The metrics that have series for each workload. They are made from the latest picture at each scrape, so planning
 * costs nothing more, and a workload that has vanished has no series.
 */
import { Gauge, type PrometheusContentType, type Registry } from '@prometheus-io/client'
import { STRATEGIES, type Strategy } from '../consumers/consumer.ts'
import type { WorkloadRef } from '../refs.ts'
import { ObjectCounter, type Labels } from './object-counter.ts'

/** What is shown of one workload. */
export interface WorkloadRow {
  readonly workload: WorkloadRef
  readonly stalePods: number
  readonly unknownPods: number
  readonly unprovenPods: number
  /** When the oldest content that it still holds was replaced (ms); Infinity if it is fresh. */
  readonly staleSince: number
  /** The reasons for which it is held. */
  readonly holds: readonly string[]
  /** How many of its annotations cannot be read. */
  readonly invalidSettings: number
}

/** How a restart or a rotation can end. */
export const OUTCOMES = ['succeeded', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Each strategy with each outcome. */
export const RESTARTS = STRATEGIES.flatMap((strategy) =>
  OUTCOMES.map((outcome) => ({ strategy, outcome })),
)

// As in the kubernetes-mixin, so that its dashboards and rules can be joined.
const LABELS = ['namespace', 'workload_type', 'workload'] as const

/** The metrics of the fleet. */
export class WorkloadMetrics {
  readonly #stalePods
  readonly #unknownPods
  readonly #unprovenPods
  readonly #staleSince
  readonly #hold
  readonly #invalidSettings
  readonly #restarts
  #rows: readonly WorkloadRow[] = []

  constructor(registry: Registry<PrometheusContentType>) {
    const gauge = (name: string, help: string, ...further: string[]) =>
      new Gauge<string>({ name, help, labelNames: [...LABELS, ...further], registers: [registry] })

    this.#stalePods = gauge(
      'sluice_stale_pods',
      'Running pods that hold content of a Secret that is not current any more.',
    )
    this.#unknownPods = gauge(
      'sluice_unknown_pods',
      'Running pods that may be older than the last change that was made before Sluice first saw the Secret.',
    )
    this.#unprovenPods = gauge(
      'sluice_unproven_pods',
      'Running pods that were created so close to a change that neither content can be proven.',
    )
    this.#staleSince = gauge(
      'sluice_stale_since_timestamp_seconds',
      'When the oldest content that a stale pod holds was replaced, in seconds since the epoch.',
    )
    this.#hold = gauge(
      'sluice_hold',
      'Whether the workload is held for this reason: 1 while it is.',
      'reason',
    )
    this.#invalidSettings = gauge(
      'sluice_invalid_settings',
      'Annotations of the workload or its Namespace whose value cannot be read.',
    )
    this.#restarts = new ObjectCounter({
      name: 'sluice_restarts_total',
      help: 'Restarts of the workload that have ended.',
      labelNames: [...LABELS, 'strategy', 'outcome'],
      variants: RESTARTS,
      registry,
    })
  }

  /** The fleet as the next scrape shall show it. */
  observe(rows: readonly WorkloadRow[]): void {
    this.#rows = rows
  }

  /** Counts a restart that has ended. */
  countRestart(workload: WorkloadRef, strategy: Strategy, outcome: Outcome): void {
    this.#restarts.count(labelsOf(workload), { strategy, outcome })
  }

  /** Makes the series from what was observed last. */
  refresh(): void {
    const labelled = this.#rows.map((row) => ({ row, labels: labelsOf(row.workload) }))
    this.#restarts.follow(labelled.map(({ labels }) => labels))

    this.#stalePods.reset()
    this.#unknownPods.reset()
    this.#unprovenPods.reset()
    this.#staleSince.reset()
    this.#hold.reset()
    this.#invalidSettings.reset()
    for (const { row, labels } of labelled) {
      this.#stalePods.set(labels, row.stalePods)
      this.#unknownPods.set(labels, row.unknownPods)
      this.#unprovenPods.set(labels, row.unprovenPods)
      if (row.staleSince < Infinity) this.#staleSince.set(labels, row.staleSince / 1000)
      for (const reason of row.holds) this.#hold.set({ ...labels, reason }, 1)
      if (row.invalidSettings > 0) this.#invalidSettings.set(labels, row.invalidSettings)
    }
  }
}

function labelsOf({ namespace, kind, name }: WorkloadRef): Labels {
  return { namespace, workload_type: kind.toLowerCase(), workload: name }
}
