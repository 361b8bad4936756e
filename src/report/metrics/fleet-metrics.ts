/**
 * The metrics that have series for each workload, source or group. They are made from the latest plan at each scrape,
 * so planning costs nothing more, and what has vanished has no series.
 */
import type { Strategy } from '../../records/consumer.ts'
import { sourceOf, type SourceKey, type SourceRef, type WorkloadRef } from '../../model/refs.ts'
import type { OldContentRow } from '../rotations/holders.ts'
import { FLEET } from './definitions.ts'
import { Family, labelText, type LabelText } from './exposition.ts'
import { ObjectCounter } from './object-counter.ts'

/** What is shown of one workload. */
export interface WorkloadRow {
  readonly workload: WorkloadRef
  readonly stalePods: number
  readonly unknownPods: number
  readonly unprovenPods: number
  readonly unverifiedPods: number
  /** When the oldest content that it still holds was replaced (ms); Infinity if it is fresh. */
  readonly staleSince: number
  /** The reasons for which it is held. */
  readonly holds: readonly string[]
  /** How many of its annotations cannot be read. */
  readonly invalidSettings: number
  /** How it would be restarted now. */
  readonly strategy: Strategy
}

/** What is shown of one group. */
interface GroupRow {
  /** `Secret shop/db`. */
  readonly group: string
  readonly starting: number
  readonly limit: number
  readonly halted: boolean
}

/** All that one Sluice has in its care. */
export interface Fleet {
  readonly workloads: readonly WorkloadRow[]
  /** All groups that something runs, waits or is halted in. */
  readonly groups: readonly GroupRow[]
  /** All consumed sources; one may stand there more than once. */
  readonly sources: readonly SourceRef[]
  /** When each rotation will end (ms), by source; Infinity where that cannot be told. */
  readonly ends: ReadonlyMap<SourceKey, number>
  /** The sources of which old content may be in use. */
  readonly oldContent: readonly OldContentRow[]
}

/** How a restart can end. */
export const OUTCOMES = ['succeeded', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

const NOBODY: Fleet = { workloads: [], groups: [], sources: [], ends: new Map(), oldContent: [] }

export class FleetMetrics {
  readonly #restarts = new ObjectCounter(FLEET.restarts)
  readonly #sourceChanges = new ObjectCounter(FLEET.sourceChanges)
  #fleet: () => Fleet = () => NOBODY

  /** Where the next scrapes find the fleet. */
  observe(fleet: () => Fleet): void {
    this.#fleet = fleet
  }

  /** Counts a restart that has ended. */
  countRestart(workload: WorkloadRef, strategy: Strategy, outcome: Outcome): void {
    this.#restarts.count(workloadLabels(workload), restartLabels(strategy, outcome))
  }

  /** Counts a change of a source. */
  countChange(source: SourceRef): void {
    this.#sourceChanges.count(sourceLabels(source))
  }

  /** All series, as Prometheus reads them. */
  scrape(): string {
    const { workloads, groups, sources, ends, oldContent } = this.#fleet()
    const rows = workloads.map((row) => [workloadLabels(row.workload), row] as const)
    this.#restarts.follow(
      rows.map(([labels, { strategy }]) => [
        labels,
        OUTCOMES.map((outcome) => restartLabels(strategy, outcome)),
      ]),
    )
    this.#sourceChanges.follow(sources.map((source) => [sourceLabels(source), ['']]))
    const families = [
      ...ofWorkloads(rows),
      this.#restarts,
      ...ofRotations(ends),
      ofOldContent(oldContent),
      ...ofGroups(groups),
      this.#sourceChanges,
    ]
    return families.map((family) => `${family.toString()}\n`).join('\n')
  }
}

function ofWorkloads(rows: readonly (readonly [LabelText, WorkloadRow])[]): Family[] {
  const stale = new Family(FLEET.stalePods)
  const unknown = new Family(FLEET.unknownPods)
  const unproven = new Family(FLEET.unprovenPods)
  const unverified = new Family(FLEET.unverifiedPods)
  const since = new Family(FLEET.staleSince)
  const hold = new Family(FLEET.hold)
  const invalid = new Family(FLEET.invalidSettings)
  // What is nearly always 0 has no series then: ten thousand zeros would say nothing, and cost a megabyte each.
  for (const [labels, row] of rows) {
    stale.add(labels, row.stalePods)
    if (row.unknownPods > 0) unknown.add(labels, row.unknownPods)
    if (row.unprovenPods > 0) unproven.add(labels, row.unprovenPods)
    if (row.unverifiedPods > 0) unverified.add(labels, row.unverifiedPods)
    if (row.staleSince < Infinity) since.add(labels, row.staleSince / 1000)
    for (const reason of row.holds) hold.add(`${labels},reason="${reason}"`, 1)
    if (row.invalidSettings > 0) invalid.add(labels, row.invalidSettings)
  }
  return [stale, unknown, unproven, unverified, since, hold, invalid]
}

function ofRotations(ends: Fleet['ends']): Family[] {
  const eta = new Family(FLEET.rotationEta)
  for (const [key, end] of ends) {
    if (end < Infinity) eta.add(sourceLabels(sourceOf(key)), end / 1000)
  }
  return [eta]
}

function ofOldContent(rows: Fleet['oldContent']): Family {
  const family = new Family(FLEET.oldContentPods)
  for (const { source, pods } of rows) {
    family.add(sourceLabels(source), pods)
  }
  return family
}

function ofGroups(groups: readonly GroupRow[]): Family[] {
  const startingPods = new Family(FLEET.startingPods)
  const startingPodsLimit = new Family(FLEET.startingPodsLimit)
  const groupHalted = new Family(FLEET.groupHalted)
  for (const { group, starting, limit, halted } of groups) {
    const labels = labelText(FLEET.startingPods.labels, [group])
    // A change of many Secrets makes as many groups, nearly all of which wait.
    if (starting > 0) {
      startingPods.add(labels, starting)
      startingPodsLimit.add(labels, limit)
    }
    if (halted) groupHalted.add(labels, 1)
  }
  return [startingPods, startingPodsLimit, groupHalted]
}

function workloadLabels({ namespace, kind, name }: WorkloadRef): LabelText {
  return labelText(FLEET.stalePods.labels, [namespace, kind.toLowerCase(), name])
}

function sourceLabels({ kind, namespace, name }: SourceRef): LabelText {
  return labelText(FLEET.sourceChanges.labels, [namespace, kind, name])
}

function restartLabels(strategy: Strategy, outcome: Outcome): LabelText {
  return `strategy="${strategy}",outcome="${outcome}"`
}
