/**
 * Which Halts there must be, and which groups they stop. Pure.
 */
import type { SourceKey } from '../../model/refs.ts'
import type { Failure } from '../../records/consumer.ts'
import type { HaltRecord, HaltSpec } from '../../records/halt.ts'
import { ABSENT } from '../../sources/digest.ts'
import { digestOf, type SourceRecord } from '../../sources/source.ts'
import type { Action } from '../action.ts'
import type { Assessment } from '../judge/assessment.ts'
import { standingFailure } from '../judge/failure.ts'
import { groupsFor } from '../budget/groups.ts'
import { groupKey, type Group } from '../../model/group.ts'
import type { Snapshot } from '../snapshot.ts'

/** The Halts of one plan, by what they stop: a plan asks for every workload. */
export interface Halts {
  /** The Halt that stops one of these groups, if there is one. */
  readonly haltOf: (groups: readonly Group[]) => HaltRecord | undefined
  /** Whether this Halt is in the cluster. */
  readonly isWritten: (namespace: string, name: string) => boolean
}

/** Indexes Halts. One that is only wanted so far (`uid: ''`) halts all the same. */
export function haltsByGroup(halts: readonly HaltRecord[]): Halts {
  const byGroup = new Map<string, HaltRecord>()
  const unreadable = new Map<string, HaltRecord>()
  for (const halt of halts) {
    const { namespace, spec } = halt
    if (spec) byGroup.set(groupKey({ ...spec.group, namespace }), halt)
    else unreadable.set(namespace, halt)
  }
  const written = new Set(halts.filter(({ uid }) => uid !== '').map(keyOf))
  return {
    haltOf: (groups) => {
      for (const group of groups) {
        // One that cannot be read stops all that it could be about.
        const halt = byGroup.get(groupKey(group)) ?? unreadable.get(group.namespace)
        if (halt) return halt
      }
      return undefined
    },
    isWritten: (namespace, name) => written.has(keyOf({ namespace, name })),
  }
}

/** The names of Halts are made of what they stop, so that one stands for one thing. */
function haltName({ reason, group }: HaltSpec): string {
  return `${reason}-${group.kind}-${group.name}`.toLowerCase().slice(0, 253)
}

/** A Halt that there must be. */
export type WantedHalt = Omit<HaltRecord, 'uid'> & { readonly spec: HaltSpec }

/**
 * The Halts that there must be, by their namespace and name; for failures just found, too.
 * @param assessments those that a failure can be of, at least
 */
export function wantedHalts(
  assessments: readonly Assessment[],
  halts: readonly HaltRecord[],
  now: number,
): ReadonlyMap<string, WantedHalt> {
  const wanted = new Map<string, WantedHalt>()
  const known = new Set(halts.map(keyOf))
  for (const assessment of assessments) {
    const failure = standingFailure(assessment, now)
    if (failure?.kind !== 'Unfit') continue
    const { namespace } = assessment.workload.ref
    for (const spec of failureHalts(assessment, failure)) {
      const halt = { namespace, name: haltName(spec), spec }
      const released = failure.halts?.includes(halt.name) && !known.has(keyOf(halt))
      if (!released) wanted.set(keyOf(halt), halt)
    }
  }
  return wanted
}

/** Halts to create, and Halts that are over. */
export function haltActions(
  wanted: ReadonlyMap<string, WantedHalt>,
  assessments: readonly Assessment[],
  { halts, keyFingerprint }: Pick<Snapshot, 'halts' | 'keyFingerprint'>,
): readonly Action[] {
  const known = new Set(halts.map(keyOf))
  const toCreate = [...wanted].filter(([key]) => !known.has(key)).map(([, each]) => each)
  const unwanted = halts.filter((halt) => halt.spec?.failure && !wanted.has(keyOf(halt)))
  const over = unwanted.length > 0 ? unwanted.filter(isOver(assessments, keyFingerprint)) : []
  return [
    ...toCreate.map((halt) => ({ kind: 'halt' as const, ...halt })),
    ...over.map(({ namespace, name, uid }) => ({
      kind: 'release' as const,
      namespace,
      name,
      uid,
    })),
  ]
}

/** The names of a failure's Halts that are there now, if one of them is new. */
export function haltsSeen(
  assessment: Assessment,
  { isWritten }: Pick<Halts, 'isWritten'>,
): readonly string[] | undefined {
  const failure = assessment.ledger?.failure
  if (failure?.kind !== 'Unfit') return undefined
  const before = failure.halts ?? []
  const { namespace } = assessment.workload.ref
  const names = failureHalts(assessment, failure).map(haltName)
  const seen = names.filter((name) => isWritten(namespace, name))
  return seen.some((name) => !before.includes(name))
    ? [...new Set([...before, ...seen])]
    : undefined
}

/** A restart that failed because its content is suspect halts each of the groups that it was in. */
function failureHalts(assessment: Assessment, failure: Failure): readonly HaltSpec[] {
  const { apiVersion, kind: ofKind, name, uid } = assessment.workload.ref
  const workload = { apiVersion, kind: ofKind, name, uid }
  const { id, message, contents } = failure
  const { keyFingerprint = '' } = assessment.ledger ?? {}
  const suspect = [...new Set(contents.map(({ source }) => source))]
  return groupsFor(assessment, suspect).map(({ kind, name: group }) => ({
    reason: 'RestartFailed',
    group: { kind, name: group },
    message: `the restart of ${name} failed: ${message}`,
    failure: { id, workload, keyFingerprint, contents },
  }))
}

function keyOf({ namespace, name }: Pick<HaltRecord, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

/**
 * Whether a Halt for a failure is over: with other content, or when the workload that failed is there and its failure is
 * over. A Secret that is gone is no content, and under another HMAC key nobody can tell.
 */
function isOver(
  assessments: readonly Assessment[],
  keyFingerprint: string,
): (halt: HaltRecord) => boolean {
  const byUid = new Map(assessments.map((each) => [each.workload.ref.uid, each]))
  const sources = new Map<SourceKey, SourceRecord>(
    assessments.flatMap(({ records }) => [...records]),
  )
  return ({ namespace, spec }) => {
    if (!spec?.failure) return false
    const { id, workload, contents } = spec.failure
    const changed = contents.some(({ source, key, digest }) => {
      const record = sources.get(`${namespace}/${source}`)
      const now = record && digestOf(record, key)
      return now !== undefined && now !== ABSENT && now !== digest
    })
    const ledger = byUid.get(workload.uid)?.ledger
    const recovered = ledger !== undefined && ledger.failure?.id !== id
    return recovered || (changed && spec.failure.keyFingerprint === keyFingerprint)
  }
}
