/**
 * Which Halts there must be, and which groups they stop. Pure.
 */
import type { Failure } from '../consumers/consumer.ts'
import type { HaltRecord, HaltSpec } from '../consumers/halt.ts'
import { ABSENT } from '../secrets/digest.ts'
import { digestIn } from '../secrets/source.ts'
import type { Action } from './action.ts'
import type { Assessment } from './assessment.ts'
import { flapping, massChange, type ReleasedMassChanges } from './breakers.ts'
import type { Consumed } from './consumed.ts'
import { standingFailure } from './failure.ts'
import { groupsFor, type Group } from './groups.ts'
import type { Policy } from './policy.ts'
import type { Snapshot } from './workload.ts'

/** The Halt that stops one of these groups, if there is one. `own` is Sluice's namespace. */
export function haltOf(
  groups: readonly Group[],
  halts: readonly HaltRecord[],
  own: string,
): HaltRecord | undefined {
  return halts.find(({ namespace, spec }) => {
    // One that cannot be read stops all that it could be about.
    if (namespace === own && (!spec || spec.reason === 'MassChange')) return true
    return groups.some((group) => {
      if (group.namespace !== namespace) return false
      if (!spec?.group) return true
      return spec.group.kind === group.kind && spec.group.name === group.name
    })
  })
}

/** The names of Halts are made of what they stop, so that one stands for one thing. */
export function haltName(spec: HaltSpec): string {
  const { reason, group } = spec
  if (!group) return reason.toLowerCase()
  return `${reason}-${group.kind}-${group.name}`.toLowerCase().slice(0, 253)
}

export interface HaltPicture extends ReleasedMassChanges {
  readonly halts: readonly HaltRecord[]
}

/** A Halt that there must be. */
export type WantedHalt = Omit<HaltRecord, 'uid'> & { readonly spec: HaltSpec }

/**
 * The Halts that there must be, by their namespace and name; for failures just found, too.
 * @param assessments those that a failure can be of, at least
 */
export function wantedHalts(
  assessments: readonly Assessment[],
  consumed: Consumed,
  picture: HaltPicture,
  policy: Policy,
  now: number,
): ReadonlyMap<string, WantedHalt> {
  const wanted = new Map<string, WantedHalt>()
  const want = (where: string, spec: HaltSpec) => {
    const halt = { namespace: where, name: haltName(spec), spec }
    wanted.set(keyOf(halt), halt)
  }
  const known = new Set(picture.halts.map(keyOf))
  for (const assessment of assessments) {
    const failure = standingFailure(assessment, now)
    if (failure?.kind !== 'Unfit') continue
    const where = assessment.deployment.ref.namespace
    for (const spec of failureHalts(assessment, failure)) {
      const name = haltName(spec)
      const released =
        failure.halts?.includes(name) && !known.has(keyOf({ namespace: where, name }))
      if (!released) want(where, spec)
    }
  }
  for (const source of consumed.sources.values()) {
    const spec = flapping(source, consumed, policy, now)
    if (spec) want(source.ref.namespace, spec)
  }
  const mass = massChange(consumed, policy, picture, now)
  if (mass) want(mass.namespace ?? picture.namespace, mass.spec)
  return wanted
}

/** Halts to create, and Halts that are over. */
export function haltActions(
  wanted: ReadonlyMap<string, WantedHalt>,
  assessments: readonly Assessment[],
  consumed: Consumed,
  { halts, keyFingerprint }: Pick<Snapshot, 'halts' | 'keyFingerprint'>,
  now: number,
): readonly Action[] {
  const known = new Set(halts.map(keyOf))
  const toCreate = [...wanted].filter(([key]) => !known.has(key)).map(([, each]) => each)
  const over = halts.filter(
    (halt) =>
      !wanted.has(keyOf(halt)) &&
      (isOverByTime(halt, now) ||
        isOverByContent(halt, consumed, keyFingerprint) ||
        isOverForWorkload(halt, assessments)),
  )
  return [
    ...toCreate.map((halt) => ({ kind: 'halt' as const, ...halt })),
    ...over.map(({ namespace: where, name, uid }) => ({
      kind: 'release' as const,
      namespace: where,
      name,
      uid,
    })),
  ]
}

/** The names of a failure's Halts that are there now, if one of them is new. */
export function haltsSeen(
  assessment: Assessment,
  halts: readonly HaltRecord[],
): readonly string[] | undefined {
  const failure = assessment.ledger?.failure
  if (failure?.kind !== 'Unfit') return undefined
  const before = failure.halts ?? []
  const names = failureHalts(assessment, failure).map(haltName)
  const { namespace } = assessment.deployment.ref
  const seen = names.filter((name) =>
    halts.some((halt) => halt.uid !== '' && halt.namespace === namespace && halt.name === name),
  )
  return seen.some((name) => !before.includes(name))
    ? [...new Set([...before, ...seen])]
    : undefined
}

/** A restart that failed because its content is suspect halts each of the groups that it was in. */
function failureHalts(assessment: Assessment, failure: Failure): readonly HaltSpec[] {
  const { name, uid } = assessment.deployment.ref
  const { id, message, contents } = failure
  const { keyFingerprint = '' } = assessment.ledger ?? {}
  const suspect = [...new Set(contents.map(({ source }) => source))]
  return groupsFor(assessment, suspect).map(({ kind, name: group }) => ({
    reason: 'RestartFailed',
    group: { kind, name: group },
    message: `the restart of ${name} failed: ${message}`,
    failure: { id, workload: name, workloadUid: uid, keyFingerprint, contents },
  }))
}

function keyOf({ namespace, name }: Pick<HaltRecord, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

/** A Halt by time ends by time. */
function isOverByTime({ spec }: HaltRecord, now: number): boolean {
  return now >= (spec?.until ?? Infinity)
}

/**
 * One for a failure ends with other content. A Secret that is gone is none, and under another HMAC key nobody can tell:
 * then its workload ends it, or a person.
 */
function isOverByContent(
  { namespace, spec }: HaltRecord,
  { sources }: Consumed,
  keyFingerprint: string,
): boolean {
  if (spec?.failure?.keyFingerprint !== keyFingerprint) return false
  return spec.failure.contents.some(({ source, key, digest }) => {
    const version = sources.get(`${namespace}/${source}`)?.versions.at(-1)
    const now = version && digestIn(version, key)
    return now !== undefined && now !== ABSENT && now !== digest
  })
}

/** It ends, too, when the workload that failed is there and its failure is over. */
function isOverForWorkload({ spec }: HaltRecord, assessments: readonly Assessment[]): boolean {
  if (!spec?.failure) return false
  const { id, workloadUid } = spec.failure
  const failed = assessments.find(({ deployment }) => deployment.ref.uid === workloadUid)
  return failed?.ledger !== undefined && failed.ledger.failure?.id !== id
}
