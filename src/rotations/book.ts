/**
 * Follows rotations from plan to plan. Pure but for its memory: times are given.
 *
 * There is at most one open rotation of a source: a newer change takes the place of the one before, and whoever is
 * stale is brought to today's content, whatever it missed in between.
 */
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import type { Margins } from '../plan/staleness.ts'
import { namespacedKey, type NamespacedKey, type SourceRef } from '../refs.ts'
import type { SourceRecord } from '../secrets/source.ts'
import { finished, memberOf, type Member } from './member.ts'
import { isEmpty, standing } from './progress.ts'
import { isFinished, NONE, rotationName, type Rotation } from './rotation.ts'
import { staleSources } from './stale-sources.ts'

/** A plan, as far as rotations are concerned. */
export interface Picture {
  readonly workloads: readonly PlannedWorkload[]
  /** When each rotation will end (ms), by source; Infinity where it is held. */
  readonly ends: ReadonlyMap<NamespacedKey, number>
  /** When restarts began since the last picture (ms), by UID of the workload: one may be over by now. */
  readonly began: ReadonlyMap<string, number>
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

/** Who is stale for a source now. */
interface Stale {
  readonly source: SourceRecord
  readonly planned: PlannedWorkload[]
  changedAt: number
  certain: boolean
}

/** How many are followed at once; where more Secrets change together, the others follow when some are over. */
export const MOST_OPEN = 200

/** ETAs that differ by less than this (ms) are one, and by less than this part of what is left. */
const ETA_STEP = 5_000
const ETA_SHARE = 0.2

export class RotationBook {
  readonly #margins: Margins
  readonly #open = new Map<NamespacedKey, Open>()
  /** The newest rotation of each source that is over. */
  readonly #over = new Map<NamespacedKey, Rotation>()

  constructor(margins: Margins) {
    this.#margins = margins
  }

  /** Takes over what is written in the cluster. @returns those that a newer one took the place of long ago */
  adopt(rotations: readonly Rotation[], now: number): readonly Rotation[] {
    const outdated: Rotation[] = []
    for (const rotation of rotations.toSorted((a, b) => a.changedAt - b.changedAt)) {
      const key = namespacedKey(rotation.source)
      const before = this.#open.get(key)?.rotation
      if (before) outdated.push(superseded(before, rotation, now))
      this.#open.delete(key)
      this.#over.delete(key)
      if (isFinished(rotation)) this.#over.set(key, rotation)
      else this.#open.set(key, opened(rotation, { adopted: true }))
    }
    return outdated
  }

  /** What is to be said of every rotation that is not over, and of those that are over with this picture. */
  follow(picture: Picture): readonly Rotation[] {
    const { began, ends, now } = picture
    const stale = staleIn(picture.workloads, this.#margins)
    const said: Rotation[] = []
    for (const [key, group] of stale) said.push(...this.#find(key, group, now))
    if (this.#open.size === 0) return said

    const planned = new Map(
      picture.workloads.map((each) => [each.assessment.deployment.ref.uid, each]),
    )
    for (const [key, open] of this.#open) {
      const group = stale.get(key)
      this.#update(open, group, planned)
      if (open.adopted) recall(open)
      const { rotation } = open
      open.rotation = { ...rotation, startedAt: rotation.startedAt ?? startOf(open, began) }
      const over = group === undefined
      open.rotation = over
        ? ended(open, planned, now)
        : {
            ...underWay(open),
            ...found(group.source, open.rotation),
            ...etaOf(open, ends.get(key), now),
          }
      said.push(open.rotation)
      if (!over) continue
      this.#open.delete(key)
      this.#over.set(key, open.rotation)
    }
    return said
  }

  /** Forgets the rotations of a source that are over, so that memory is bounded by what is kept in the cluster. */
  forget(source: SourceRef, changedAt: number): void {
    const key = namespacedKey(source)
    if (this.#over.get(key)?.changedAt === changedAt) this.#over.delete(key)
  }

  /** Opens the rotation that a group of stale workloads is about. @returns the one that it takes the place of */
  #find(key: NamespacedKey, { source, changedAt, certain }: Stale, now: number): Rotation[] {
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
    const next = { source: ref, changedAt, phase: 'Waiting', workloads: NONE, pods: NONE } as const
    const rotation: Rotation = { ...next, reasons: [] }
    this.#open.set(key, opened(rotation, { adopted: false }))
    return open ? [superseded(open.rotation, rotation, now)] : []
  }

  #update(
    { members }: Open,
    group: Stale | undefined,
    planned: ReadonlyMap<string, PlannedWorkload>,
  ): void {
    const now = new Map(group?.planned.map((each) => [each.assessment.deployment.ref.uid, each]))
    for (const [uid, each] of now) members.set(uid, memberOf(each))
    for (const [uid, member] of members) {
      if (now.has(uid)) continue
      if (planned.has(uid)) members.set(uid, finished(member))
      // Deleted, or opted out.
      else members.delete(uid)
    }
  }
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
  const { source, changedAt, startedAt } = rotation
  return { source, changedAt, ...standing([...members.values()], before), startedAt }
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
  planned: ReadonlyMap<string, PlannedWorkload>,
  now: number,
): Rotation {
  const { source, changedAt, startedAt, fingerprint, changedBy } = rotation
  const counts = standing([...members.values()], before)
  const { namespace, name } = source
  const consumers = [...planned.values()].some(
    ({ assessment }) =>
      assessment.deployment.ref.namespace === namespace && assessment.consumed.has(name),
  )
  const phase = isEmpty(counts) || !consumers ? 'Abandoned' : 'Succeeded'
  const finishedAt = now
  return { source, changedAt, ...counts, fingerprint, changedBy, startedAt, phase, finishedAt }
}

function superseded(rotation: Rotation, by: Rotation, now: number): Rotation {
  return {
    ...rotation,
    eta: undefined,
    phase: 'Superseded',
    finishedAt: now,
    supersededBy: rotationName(by),
  }
}

/** What the Secret itself says of the change: the version that came with it, or else today's. */
function found(
  { versions }: SourceRecord,
  { changedAt, fingerprint, changedBy }: Rotation,
): Pick<Rotation, 'fingerprint' | 'changedBy'> {
  const exact = versions.findLast((version) => version.changedAt === changedAt)
  const version = exact ?? versions.at(-1)
  const content = typeof version?.content === 'object' ? version.content.whole : undefined
  if (!exact && fingerprint !== undefined) return { fingerprint, changedBy }
  return { fingerprint: content?.slice(0, FINGERPRINT), changedBy: version?.changedBy }
}

/** Hex digits: enough to tell contents apart, and of a keyed digest, so they give nothing away. */
const FINGERPRINT = 12

/** A forecast moves with every pod; small moves are not worth a write, but for one that has passed. */
function etaOf({ rotation }: Open, end: number | undefined, now: number): Pick<Rotation, 'eta'> {
  if (end === undefined || end === Infinity) return { eta: undefined }
  const known = rotation.eta
  const slack = Math.max(ETA_STEP, ETA_SHARE * (end - now))
  const isNear = known !== undefined && known > now && Math.abs(known - end) <= slack
  return { eta: isNear ? known : end }
}

function staleIn(
  workloads: readonly PlannedWorkload[],
  margins: Margins,
): ReadonlyMap<NamespacedKey, Stale> {
  const stale = new Map<NamespacedKey, Stale>()
  for (const planned of workloads) {
    const { assessment } = planned
    const { namespace } = assessment.deployment.ref
    for (const { name, changedAt = -Infinity, certain } of staleSources(assessment, margins)) {
      const key = namespacedKey({ namespace, name })
      const group = stale.get(key)
      if (group) {
        group.planned.push(planned)
        group.changedAt = Math.max(group.changedAt, changedAt)
        group.certain ||= certain
      } else {
        const source = assessment.source(name)
        stale.set(key, { source, planned: [planned], changedAt, certain })
      }
    }
  }
  return stale
}
