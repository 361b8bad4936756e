/**
 * Breakers: changes that look like a mistake of somebody, and are better looked at first
 * (docs/adr/0008-one-namespace-holds-itself.md). Pure.
 */
import type { HaltSpec } from '../consumers/halt.ts'
import type { SourceRecord } from '../secrets/source.ts'
import type { Consumed } from './consumed.ts'
import type { Policy } from './policy.ts'

const HOUR = 3_600_000
const MASS_CHANGE_WINDOW = 600_000

/** The halt of a source of which what is consumed changed too often within the last hour, if it did. */
export function flapping(
  source: SourceRecord,
  { changesOf }: Pick<Consumed, 'changesOf'>,
  { flappingChanges }: Pick<Policy, 'flappingChanges'>,
  now: number,
): HaltSpec | undefined {
  const { ref, versions } = source
  // What is consumed changed no more often than the whole, of which the first version is no change.
  if (versions.length <= flappingChanges + 1) return undefined
  if ((versions.at(-(flappingChanges + 1))?.changedAt ?? 0) <= now - HOUR) return undefined
  const changes = changesOf(source).filter((time) => time > now - HOUR)
  // The oldest of the changes that are one too many.
  const decisive = changes.at(-(flappingChanges + 1))
  if (decisive === undefined) return undefined
  return {
    reason: 'SourceFlapping',
    group: { kind: 'Secret', name: ref.name },
    message: `Secret ${ref.namespace}/${ref.name} changed ${changes.length} times within an hour, at most ${flappingChanges} are taken for rotations`,
    until: decisive + HOUR,
  }
}

/** What is known of MassChanges that a person released. */
export interface ReleasedMassChanges {
  /** Sluice's own namespace: a release there is for all. */
  readonly namespace: string
  /** When a person last released one (ms), by the namespace of its Halt. */
  readonly massChangeReleasedAt: ReadonlyMap<string, number>
}

/**
 * The halt where too many of the consumed sources changed within minutes, and the namespace that it stands for: none
 * where so many changed outside of any one namespace, which halts everything. So nobody stops others by what he changes
 * alone (docs/adr/0008-one-namespace-holds-itself.md).
 */
export function massChange(
  { sources, changesOf }: Consumed,
  { massChangeShare, massChangeMinimum }: Pick<Policy, 'massChangeShare' | 'massChangeMinimum'>,
  { namespace: own, massChangeReleasedAt: releasedAt }: ReleasedMassChanges,
  now: number,
): { readonly namespace: string | undefined; readonly spec: HaltSpec } | undefined {
  const since = Math.max(now - MASS_CHANGE_WINDOW, releasedAt.get(own) ?? -Infinity)
  const changed = [...sources.values()].filter((source) => {
    const { ref, versions } = source
    const from = Math.max(since, releasedAt.get(ref.namespace) ?? since)
    const mayHave = versions.length > 1 && (versions.at(-1)?.changedAt ?? 0) > from
    return mayHave && (changesOf(source).at(-1) ?? 0) > from
  })
  const tooMany = (some: number, all: number) =>
    some >= massChangeMinimum && some * 100 > all * massChangeShare
  if (!tooMany(changed.length, sources.size)) return undefined
  const byNamespace = Map.groupBy(changed, ({ ref }) => ref.namespace)
  const [most, { length: there }] = [...byNamespace].reduce((a, b) =>
    b[1].length > a[1].length ? b : a,
  )
  const halt = (where: string | undefined, what: string) => ({
    namespace: where,
    spec: {
      reason: 'MassChange' as const,
      message: `${what} within 10 minutes; delete this Halt to let ${where === undefined ? 'the' : 'its'} restarts begin`,
    },
  })
  const outside = [...sources.values()].filter(({ ref }) => ref.namespace !== most).length
  if (tooMany(changed.length - there, outside))
    return halt(undefined, `${changed.length} of ${sources.size} consumed Secrets changed`)
  if (tooMany(there, sources.size))
    return halt(
      most,
      `${there} of ${sources.size} consumed Secrets changed, all in this namespace,`,
    )
  return undefined
}
