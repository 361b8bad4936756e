/**
 * Follows rotations from plan to plan. Pure but for its memory: times are given.
 *
 * There is at most one open rotation of a source: a newer change takes the place of the one before, and every stale
 * workload is brought to today's content. The newest rotation of a source is followed beyond its restarts, until no
 * running pod of the namespace holds old content.
 */
import type { PlannedWorkload } from '../../plan/planned-workload.ts'
import type { Margins } from '../../plan/judge/staleness.ts'
import { localSource, sourceKey, type SourceKey, type SourceRef } from '../../model/refs.ts'
import { applied } from '../../sources/timeline.ts'
import { claimsFrom, isSettled, isSuperseded, isUnused, withConditions } from './condition.ts'
import { Holders, type Looked, type OldContentRow, type SourceUsers } from './holders.ts'
import { finished, memberOf, type Member } from './member.ts'
import { isContentGone, isTakenBack, lastChangeIn } from './old-content.ts'
import { etaOf, found } from './outlook.ts'
import { isEmpty, standing } from './progress.ts'
import {
  isFinished,
  NONE,
  rotationName,
  writeRotationStatus,
  type Rotation,
} from '../../records/rotation.ts'
import type { Recorded } from '../../sources/source-history.ts'
import { staleIn, type Stale } from './stale-sources.ts'

/** A plan, as far as rotations are concerned. */
export interface Observation {
  readonly workloads: readonly PlannedWorkload[]
  /** When each rotation will end (ms), by source; Infinity where it is held. */
  readonly ends: ReadonlyMap<SourceKey, number>
  /** When restarts began since the last picture (ms), by UID of the workload: one may be over by now. */
  readonly began: ReadonlyMap<string, number>
  readonly sources: SourceUsers
  /** API server's clock, milliseconds. */
  readonly now: number
}

interface Open {
  rotation: Rotation
  /** By UID of the workload. */
  readonly members: Map<string, Member>
  /** What another process told of it, until it is seen who is left. */
  adopted: boolean
  before: { readonly workloads: number; readonly pods: number }
}

/** How many are followed at once; where more Secrets change together, the others follow when some are over. */
export const MOST_OPEN = 200

export class RotationTracker {
  readonly #margins: Margins
  readonly #open = new Map<SourceKey, Open>()
  /** The newest rotation of each source that is over. */
  readonly #over = new Map<SourceKey, Rotation>()
  readonly #holders: Holders

  constructor(margins: Margins) {
    this.#margins = margins
    this.#holders = new Holders(margins)
  }

  /** Takes over what is written in the cluster. @returns those that a newer one took the place of long ago */
  adopt(rotations: readonly Rotation[], now: number): readonly Rotation[] {
    const outdated: Rotation[] = []
    for (const rotation of rotations.toSorted((a, b) => a.changedAt - b.changedAt)) {
      const key = sourceKey(rotation.source)
      const before = this.#open.get(key)?.rotation
      if (before) outdated.push(superseded(before, rotation, now))
      const over = this.#over.get(key)
      if (over && !isSuperseded(over)) outdated.push(superseded(over, rotation, now))
      this.#open.delete(key)
      this.#over.delete(key)
      if (isFinished(rotation)) this.#over.set(key, rotation)
      else this.#open.set(key, opened(rotation, { adopted: true }))
      this.#holders.adopt(rotation)
    }
    return outdated
  }

  /** The sources of which old content may be in use; nothing where another process reports. */
  get inUse(): readonly OldContentRow[] {
    return this.#holders.rows
  }

  /** When it is to look again even if nothing happens (ms); Infinity for never. */
  get nextAt(): number {
    return this.#holders.nextAt
  }

  /** What is to be said of every rotation that is not over, and of those that are over and say something new. */
  follow(picture: Observation): readonly Rotation[] {
    const { began, ends, now, sources } = picture
    const stale = staleIn(picture.workloads)
    const said: Rotation[] = []
    for (const [key, group] of stale) said.push(...this.#find(key, group, now))
    const planned = new Map(picture.workloads.map((each) => [each.workload.uid, each]))
    const open = [...this.#open.values()].map(({ rotation }) => rotation.source)
    const looked = this.#holders.look(sources, open, planned, now)
    for (const [key, { rotation: next, before }] of this.#unrestarted(looked, picture)) {
      this.#open.set(key, opened(next, { adopted: false }))
      if (before) said.push(before)
    }
    for (const [key, open] of this.#open) {
      const group = stale.get(key)
      this.#update(open, group, planned)
      if (open.adopted) recall(open)
      const { rotation } = open
      open.rotation = { ...rotation, startedAt: rotation.startedAt ?? startOf(open, began) }
      const known = looked.get(key)
      // Of a source that cannot be read now nobody knows who is stale.
      const over = group === undefined && known?.source.unread === undefined
      open.rotation = this.#claim(
        over
          ? ended(open, known, planned, now)
          : {
              ...underWay(open),
              ...(group && found(group.source, open.rotation)),
              ...etaOf(open.rotation, ends.get(key), now),
            },
        known,
        now,
      )
      said.push(open.rotation)
      if (!over) continue
      this.#open.delete(key)
      this.#over.set(key, open.rotation)
    }
    for (const [key, known] of looked) {
      const over = this.#over.get(key)
      if (!over || this.#open.has(key)) continue
      // What was proven of one content says nothing of the next.
      const again = isUnused(over) && lastChangeIn(known.record) > over.changedAt
      if (isSettled(over) && !again) continue
      const next = this.#claim(over, known, now)
      this.#over.set(key, next)
      if (statusText(next) !== statusText(over)) said.push(next)
    }
    this.#holders.settle(looked, (key) => this.#newest(key), sources, now)
    return said
  }

  /** Changes for which nothing is to be restarted, though a workload that opted in uses the source and others are stale. */
  #unrestarted(
    looked: ReadonlyMap<SourceKey, Looked>,
    { workloads, now }: Observation,
  ): [SourceKey, { rotation: Rotation; before: Rotation | undefined }][] {
    return [...looked].flatMap(([key, { source, old, record }]) => {
      const { namespace } = source.ref
      const local = localSource(source.ref)
      const changedAt = lastChangeIn(record)
      const newest = this.#over.get(key)?.changedAt ?? -Infinity
      const isHeld = old.counts.stale + old.counts.unproven > 0
      const isNew = isHeld && changedAt > newest && !this.#open.has(key)
      // The plan may be older than what was seen of the Secret since.
      const isSure = now >= claimsFrom({ changedAt }, this.#margins.margin)
      if (!isNew || !isSure || source.settings.ignore || this.#open.size >= MOST_OPEN) return []
      const consumed = workloads.some(
        ({ workload, consumed: names }) => workload.namespace === namespace && names.has(local),
      )
      if (!consumed) return []
      const rotation = newRotation(source.ref, changedAt)
      return [[key, { rotation, before: this.#replaced(key, rotation, now) }]]
    })
  }

  #claim(rotation: Rotation, known: Looked | undefined, now: number): Rotation {
    const { margin } = this.#margins
    const next = withConditions(rotation, known?.old, known?.source, { margin, now })
    if (!known || known.source.unread) return next
    return { ...next, record: isUnused(next) ? forgotten(known.record) : known.record }
  }

  /** Forgets the rotations of a source that are over, so that memory is bounded by what is kept in the cluster. */
  forget(source: SourceRef, changedAt: number): void {
    const key = sourceKey(source)
    if (this.#over.get(key)?.changedAt !== changedAt) return
    this.#over.delete(key)
    this.#holders.forget(key)
  }

  #newest(key: SourceKey): Rotation | undefined {
    return this.#open.get(key)?.rotation ?? this.#over.get(key)
  }

  /** The rotation of the same source that a newer one takes the place of: only the newest one makes claims. */
  #replaced(key: SourceKey, by: Rotation, now: number): Rotation | undefined {
    const before = this.#newest(key)
    return before && !isSuperseded(before) ? superseded(before, by, now) : undefined
  }

  /** Opens the rotation that a group of stale workloads is about. @returns the one that it takes the place of */
  #find(key: SourceKey, { source, changedAt, certain }: Stale, now: number): Rotation[] {
    const { ref } = source
    const open = this.#open.get(key)
    const over = this.#over.get(key)
    if (open && changedAt <= open.rotation.changedAt) return []
    if (!open && over && changedAt <= over.changedAt) {
      // It is not over after all: somebody turned stale again, or is judged by other settings now.
      if (certain)
        this.#open.set(key, opened({ ...over, finishedAt: undefined }, { adopted: true }))
      return []
    }
    // What is away tells nothing: only a pod that holds old content shows that there is a rotation.
    if (!certain || changedAt === -Infinity) return []
    if (!open && this.#open.size >= MOST_OPEN) return []
    const rotation = newRotation(ref, changedAt)
    const before = this.#replaced(key, rotation, now)
    this.#open.set(key, opened(rotation, { adopted: false }))
    return before ? [before] : []
  }

  #update(
    { rotation, members }: Open,
    group: Stale | undefined,
    planned: ReadonlyMap<string, PlannedWorkload>,
  ): void {
    const now = new Map(group?.planned.map((each) => [each.workload.uid, each]))
    for (const [uid, each] of now) members.set(uid, memberOf(each))
    for (const [uid, member] of members) {
      if (now.has(uid)) continue
      const each = planned.get(uid)
      if (each?.sources.has(localSource(rotation.source))) members.set(uid, finished(member, each))
      // Deleted, or opted out, of this source alone maybe.
      else members.delete(uid)
    }
  }
}

function newRotation(source: SourceRef, changedAt: number): Rotation {
  const counts = { workloads: NONE, pods: NONE }
  return { source, changedAt, phase: 'Waiting', ...counts, reasons: [], conditions: [] }
}

function statusText(rotation: Rotation): string {
  return JSON.stringify(writeRotationStatus(rotation))
}

function forgotten(record: Recorded): Recorded {
  const timelines = [...record.timelines].map(([key, each]) => [key, applied(each)] as const)
  return { ...record, timelines: new Map(timelines) }
}

function opened(rotation: Rotation, { adopted }: Pick<Open, 'adopted'>): Open {
  return { rotation, members: new Map(), adopted, before: { workloads: 0, pods: 0 } }
}

/** Those whom the object counts and who are not stale any more are done; who they were is not known. */
function recall(open: Open): void {
  const { workloads, pods } = standing([...open.members.values()], open.before)
  const { rotation } = open
  open.before = {
    workloads: Math.max(0, rotation.workloads.total - workloads.total),
    pods: Math.max(0, rotation.pods.total - pods.total),
  }
  open.adopted = false
}

function underWay({ rotation, members, before }: Open): Rotation {
  const { source, changedAt, startedAt, conditions, record } = rotation
  const now = standing([...members.values()], before)
  return { source, changedAt, ...now, startedAt, conditions, record }
}

function startOf(
  { rotation, members }: Open,
  began: ReadonlyMap<string, number>,
): number | undefined {
  const times = [...members].flatMap(([uid, each]) => each.restartingSince ?? began.get(uid) ?? [])
  // A restart under way that goes on for this change began before it.
  return times.length > 0 ? Math.max(rotation.changedAt, Math.min(...times)) : undefined
}

function ended(
  { rotation, members, before }: Open,
  known: Looked | undefined,
  planned: ReadonlyMap<string, PlannedWorkload>,
  now: number,
): Rotation {
  const counts = standing([...members.values()], before)
  const { namespace } = rotation.source
  const local = localSource(rotation.source)
  const consumers = [...planned.values()].some(
    ({ workload, consumed }) => workload.namespace === namespace && consumed.has(local),
  )
  const takenBack = known && isTakenBack(rotation.record, known.record, rotation.changedAt)
  // Nobody of those that it was about is left, or nothing that they could be brought to.
  const gone = known && isContentGone(known.record)
  const abandoned = gone || !consumers || (isEmpty(counts) && rotation.workloads.total > 0)
  const phase = takenBack ? 'TakenBack' : abandoned ? 'Abandoned' : 'Succeeded'
  return { ...rotation, ...counts, eta: undefined, phase, finishedAt: now }
}

function superseded(rotation: Rotation, by: Rotation, now: number): Rotation {
  const next: Rotation = {
    ...rotation,
    eta: undefined,
    phase: isFinished(rotation) ? rotation.phase : 'Superseded',
    finishedAt: rotation.finishedAt ?? now,
    supersededBy: rotationName(by),
    record: undefined,
  }
  return withConditions(next, undefined, undefined, { margin: 0, now })
}
