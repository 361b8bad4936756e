/**
 * Follows rotations over the plans of a simulated Sluice, and compares what they claim with what the pods really hold.
 */
import type { Plan } from '../../../src/plan/plan.ts'
import type { Margins } from '../../../src/plan/judge/staleness.ts'
import { localSource, namespacedKey, sourceKey, type SourceRef } from '../../../src/model/refs.ts'
import { RotationTracker } from '../../../src/report/rotations/rotation-tracker.ts'
import { isUnused } from '../../../src/report/rotations/condition.ts'
import type { SourceUsers } from '../../../src/report/rotations/holders.ts'
import {
  readRotation,
  rotationName,
  writeRotation,
  writeRotationStatus,
  type RawRotation,
  type Rotation,
} from '../../../src/records/rotation.ts'
import { usesSource } from '../../../src/workloads/uses.ts'
import { missingSource, type SourceRecord } from '../../../src/sources/source.ts'
import { digester } from '../cluster-builder.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { ClusterState } from './state.ts'

/** What Sluice knew when it planned. */
export interface Seen {
  readonly plan: Plan
  readonly pods: ClusterState
  readonly secrets: ClusterState
  readonly sources: ReadonlyMap<string, SourceRecord>
}

export class Claims {
  readonly violations = new Set<string>()
  /** How often it was said that old content is unused. */
  made = 0
  readonly #cluster: SimulatedCluster
  readonly #margins: Margins
  #book: RotationTracker
  /** The objects in the cluster, by name. */
  readonly #written = new Map<string, RawRotation>()
  readonly #newest = new Map<string, Rotation>()
  /** What each Secret held last, as Sluice saw it: its absence makes nothing old. */
  readonly #known = new Map<string, string>()

  constructor(cluster: SimulatedCluster, margins: Margins) {
    this.#cluster = cluster
    this.#margins = margins
    this.#book = new RotationTracker(margins)
  }

  /** Another process begins, and reads what was written. */
  restarted(now: number): void {
    this.#book = new RotationTracker(this.#margins)
    const read = [...this.#written.values()].flatMap((raw) => readRotation(raw) ?? [])
    for (const each of this.#book.adopt(read, now)) this.#write(each)
  }

  /** @param lag how old the picture of the Secrets is (ms) */
  look(seen: Seen, now: number, lag: number): void {
    const { workloads } = seen.plan
    const picture = {
      workloads,
      ends: new Map(),
      began: new Map(),
      sources: usersIn(seen, now),
      now,
    }
    for (const each of this.#book.follow(picture)) this.#write(each)
    for (const [key, { value }] of seen.secrets.secrets) this.#known.set(key, value)
    for (const [key, rotation] of this.#newest) {
      if (!isUnused(rotation)) continue
      const known = this.#known.get(key)
      const { name } = rotation.source
      for (const { holds, readAt, record } of this.#cluster.state.pods.values()) {
        const value = record.ref.namespace === rotation.source.namespace && holds?.get(name)
        // What it read after that Sluice had not heard of: a newer content, not an older one.
        // One that started without the Secret holds nothing of it.
        if (!value || value === known) continue
        if (readAt > this.#cluster.now - lag || record.terminal) continue
        if (record.containers.every(({ state }) => state !== 'running')) continue
        this.violations.add(`OldContentUnused=True, though ${record.ref.name} holds ${value}`)
      }
    }
  }

  #write(rotation: Rotation): void {
    const raw = { ...writeRotation(rotation), status: writeRotationStatus(rotation) }
    this.#written.set(rotationName(rotation), JSON.parse(JSON.stringify(raw)) as RawRotation)
    const key = namespacedKey(rotation.source)
    const before = this.#newest.get(key)
    if (before && before.changedAt > rotation.changedAt) return
    if (isUnused(rotation) && !(before && isUnused(before))) this.made++
    this.#newest.set(key, rotation)
  }
}

function usersIn({ pods, sources }: Seen, now: number): SourceUsers {
  const find = (ref: SourceRef) => sources.get(sourceKey(ref)) ?? missingSource(ref, undefined, now)
  return {
    keyFingerprint: digester.fingerprint,
    changed: () =>
      [...sources.values()].filter(({ whole = [] }) => whole.length > 1).map(({ ref }) => ref),
    unused: () => {},
    source: find,
    podsUsing: ({ kind, namespace, name }) =>
      [...pods.pods.values()]
        .filter(
          ({ record }) =>
            record.ref.namespace === namespace &&
            usesSource(record.uses, localSource({ kind, name })),
        )
        .map(({ record, workload }) => ({
          pod: record,
          owner: `Deployment/${workload}`,
          workload,
          volumes: 'ignore' as const,
        })),
  }
}
