/**
 * The sources of which old content may be in use, and who holds it: looked at again until nobody does. Pure but for its
 * memory.
 */
import { ALL_KEYS } from '../../sources/digest.ts'
import type { PlannedWorkload } from '../../plan/planned-workload.ts'
import type { Margins } from '../../plan/judge/staleness.ts'
import {
  localSource,
  sourceKey,
  type LocalSource,
  type SourceKey,
  type SourceRef,
} from '../../model/refs.ts'
import type { SourceRecord } from '../../sources/source.ts'
import { claimsFrom, isSettled } from './condition.ts'
import {
  lastChangeIn,
  oldContentOf,
  podsInDoubt,
  type OldContent,
  type SourceKnowledge,
  type UserPod,
} from './old-content.ts'
import type { Rotation } from '../../records/rotation.ts'
import { historyOfUse, type Recorded } from '../../sources/source-history.ts'

/** The Secrets of the cluster, and all running pods that use them. */
export interface SourceUsers {
  /** Of the HMAC key in use. */
  readonly keyFingerprint: string
  /** Those whose used content changed while this process watched, until {@link unused} is called. */
  readonly changed: () => Iterable<SourceRef>
  /** Nobody holds old content of it any more. */
  readonly unused: (source: SourceRef) => void
  readonly source: (source: SourceRef) => SourceRecord
  /** All pods of its namespace that use it and are not over. */
  readonly podsUsing: (source: SourceRef) => readonly UserPod[]
}

/** How many running pods may hold old content of a source. */
export interface OldContentRow {
  readonly source: SourceRef
  readonly pods: number
}

/** What is known of a source in one picture. */
export interface Looked {
  readonly source: SourceRecord
  readonly old: OldContent
  readonly record: Recorded
}

/** How many sources are looked at in one go; where old content of more is in use, they take turns. */
const MOST_LOOKS = 200
const LOOK_AGAIN = 1_000

export class Holders {
  readonly #margins: Margins
  /** What was known of a source before this process saw it, by its newest rotation. */
  readonly #recorded = new Map<SourceKey, Recorded>()
  /** The one that was looked at longest ago comes first. */
  readonly #inUse = new Map<SourceKey, OldContentRow>()
  /** When to look again even if nothing happens (ms); Infinity for never. */
  nextAt = Infinity

  constructor(margins: Margins) {
    this.#margins = margins
  }

  get rows(): readonly OldContentRow[] {
    return [...this.#inUse.values()]
  }

  /** Takes over what the newest rotation of a source says. */
  adopt(rotation: Rotation): void {
    const key = sourceKey(rotation.source)
    if (rotation.record) this.#recorded.set(key, rotation.record)
    if (!isSettled(rotation)) this.#inUse.set(key, { source: rotation.source, pods: 0 })
  }

  /** Judges the pods of every source that is open, and of those of which old content may be in use. */
  look(
    sources: SourceUsers,
    open: readonly SourceRef[],
    planned: ReadonlyMap<string, PlannedWorkload>,
    now: number,
  ): ReadonlyMap<SourceKey, Looked> {
    for (const source of sources.changed()) {
      const key = sourceKey(source)
      if (!this.#inUse.has(key)) this.#inUse.set(key, { source, pods: 0 })
    }
    const due = [...this.#inUse].slice(0, MOST_LOOKS)
    const opened = open.map((source) => [sourceKey(source), { source, pods: 0 }] as const)
    const looked = new Map<SourceKey, Looked>()
    for (const [key, { source: ref }] of new Map([...due, ...opened])) {
      const source = sources.source(ref)
      const users = sources.podsUsing(ref)
      const history = historyOfUse(this.#recorded.get(key), source, sources.keyFingerprint)
      const historyFor = historyOfJudged(localSource(ref), planned)
      const old = oldContentOf(users, { source, history, historyFor }, this.#margins, now)
      looked.set(key, {
        source,
        old,
        record: { ...old.record, keyFingerprint: sources.keyFingerprint },
      })
      this.#inUse.delete(key)
      this.#inUse.set(key, { source: ref, pods: podsInDoubt(old.counts) })
    }
    return looked
  }

  /** Stops following the sources of which nobody holds old content, and finds when to look again. */
  settle(
    looked: ReadonlyMap<SourceKey, Looked>,
    newestOf: (key: SourceKey) => Rotation | undefined,
    sources: SourceUsers,
    now: number,
  ): void {
    const { margin } = this.#margins
    this.nextAt = this.#inUse.size > MOST_LOOKS ? now + LOOK_AGAIN : Infinity
    for (const [key, { source, old, record }] of looked) {
      const newest = newestOf(key)
      const changedAt = Math.max(newest?.changedAt ?? -Infinity, lastChangeIn(record))
      const from = claimsFrom({ changedAt }, margin)
      if (now < from) this.nextAt = Math.min(this.nextAt, from)
      else if (podsInDoubt(old.counts) === 0 && !source.unread) {
        if (newest && !isSettled(newest)) continue
        // Every pod holds today's content: nothing from before it need be known.
        if (newest?.record) this.#recorded.set(key, newest.record)
        this.#inUse.delete(key)
        sources.unused(source.ref)
      }
      this.nextAt = Math.min(this.nextAt, old.nextAt)
    }
  }

  forget(key: SourceKey): void {
    this.#recorded.delete(key)
    this.#inUse.delete(key)
  }
}

/** Of the pods that a workload's plan judges, its Consumer remembers more than this process saw. */
function historyOfJudged(
  local: LocalSource,
  planned: ReadonlyMap<string, PlannedWorkload>,
): NonNullable<SourceKnowledge['historyFor']> {
  return ({ pod, workload }) => {
    const known = planned.get(workload)
    const judged = !pod.terminating && !known?.evicted.has(pod.ref.uid)
    const timelines = judged ? known?.sources.get(local)?.timelines : undefined
    return ({ selector }) => {
      const timeline = timelines?.get(selector)
      if (!timeline || !timelines) return undefined
      return selector === ALL_KEYS ? timelines : new Map([[selector, timeline]])
    }
  }
}
