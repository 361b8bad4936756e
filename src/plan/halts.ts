/**
 * Which Halts there must be, and which groups they stop. Pure.
 */
import type { HaltRecord, HaltSpec } from '../consumers/halt.ts'
import type { SourceRecord } from '../secrets/source.ts'
import { digestIn } from '../secrets/source.ts'
import type { Action } from './action.ts'
import type { Assessment } from './assessment.ts'
import { flapping, massChange } from './breakers.ts'
import { changedSources, groupsOf, type Group } from './groups.ts'
import type { Policy } from './policy.ts'

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

export interface HaltPicture {
  readonly halts: readonly HaltRecord[]
  /** Sluice's own namespace. */
  readonly namespace: string
  /** When a person last released a MassChange (ms). */
  readonly massChangeReleasedAt: number
}

/** Halts to create, and Halts that are over. */
export function haltActions(
  assessments: readonly Assessment[],
  { halts, namespace, massChangeReleasedAt }: HaltPicture,
  policy: Policy,
  now: number,
): readonly Action[] {
  const wanted = new Map<string, { namespace: string; name: string; spec: HaltSpec }>()
  const want = (where: string, spec: HaltSpec) => {
    const name = haltName(spec)
    wanted.set(`${where}/${name}`, { namespace: where, name, spec })
  }
  const consumed = new Map<string, SourceRecord>()
  for (const assessment of assessments) {
    const where = assessment.deployment.ref.namespace
    for (const spec of failureHalts(assessment)) want(where, spec)
    for (const name of new Set(assessment.uses.map((use) => use.source))) {
      consumed.set(`${where}/${name}`, assessment.source(name))
    }
  }
  for (const source of consumed.values()) {
    const spec = flapping(source, policy, now)
    if (spec) want(source.ref.namespace, spec)
  }
  const mass = massChange([...consumed.values()], policy, massChangeReleasedAt, now)
  if (mass) want(namespace, mass)

  const known = new Set(halts.map((halt) => `${halt.namespace}/${halt.name}`))
  const toCreate = [...wanted].filter(([key]) => !known.has(key)).map(([, each]) => each)
  const over = halts.filter(
    (halt) =>
      !wanted.has(`${halt.namespace}/${halt.name}`) && isOver(halt, assessments, consumed, now),
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

/** A restart that failed because its content is suspect halts each of its groups. */
function failureHalts(assessment: Assessment): readonly HaltSpec[] {
  const failure = assessment.ledger?.failure
  if (failure?.kind !== 'Unfit') return []
  const { name, uid } = assessment.deployment.ref
  const changed = new Set(changedSources(assessment))
  const { id, message } = failure
  const contents = failure.contents.filter(({ source }) => changed.has(source))
  return groupsOf(assessment).map(({ kind, name: group }) => ({
    reason: 'RestartFailed',
    group: { kind, name: group },
    message: `the restart of ${name} failed: ${message}`,
    failure: { id, workload: name, workloadUid: uid, contents },
  }))
}

/**
 * A Halt by time ends by time; one for a failure when its content changed, or when the workload that failed is there
 * and its failure is over. If that workload is gone, only other content or a person ends it.
 */
function isOver(
  { namespace, spec }: HaltRecord,
  assessments: readonly Assessment[],
  consumed: ReadonlyMap<string, SourceRecord>,
  now: number,
): boolean {
  if (spec?.until !== undefined) return now >= spec.until
  if (!spec?.failure) return false
  const { id, workloadUid, contents } = spec.failure
  const changed = contents.some(({ source, key, digest }) => {
    const today = consumed.get(`${namespace}/${source}`)?.versions.at(-1)
    return today !== undefined && digestIn(today, key) !== digest
  })
  const failed = assessments.find(({ deployment }) => deployment.ref.uid === workloadUid)
  return changed || (failed?.ledger !== undefined && failed.ledger.failure?.id !== id)
}
