/**
 * Breakers: changes that look like a mistake of somebody, and are better looked at first (design section 4.4). Pure.
 */
import type { HaltSpec } from '../consumers/halt.ts'
import type { SourceRecord } from '../secrets/source.ts'
import type { ConsumedSources } from './halts.ts'
import type { Policy } from './policy.ts'

const HOUR = 3_600_000
const MASS_CHANGE_WINDOW = 600_000

/** The halt of a source that changed too often within the last hour, if it did. */
export function flapping(
  { ref, versions }: SourceRecord,
  { flappingChanges }: Policy,
  now: number,
): HaltSpec | undefined {
  if (versions.length <= flappingChanges) return undefined
  const changes = versions.slice(1).filter(({ changedAt }) => changedAt > now - HOUR)
  if (changes.length <= flappingChanges) return undefined
  // When the oldest of the changes that are one too many is an hour old.
  const decisive = changes.at(-(flappingChanges + 1))
  return {
    reason: 'SourceFlapping',
    group: { kind: 'Secret', name: ref.name },
    message: `Secret ${ref.namespace}/${ref.name} changed ${changes.length} times within an hour, at most ${flappingChanges} are taken for rotations`,
    until: (decisive?.changedAt ?? now) + HOUR,
  }
}

/** The halt of everything where too many of the consumed sources changed within minutes. */
export function massChange(
  consumed: ConsumedSources,
  { massChangeShare, massChangeMinimum }: Policy,
  releasedAt: number,
  now: number,
): HaltSpec | undefined {
  const since = Math.max(now - MASS_CHANGE_WINDOW, releasedAt)
  const changed = [...consumed.values()].filter(
    ({ versions }) => versions.length > 1 && (versions.at(-1)?.changedAt ?? 0) > since,
  )
  const tooMany =
    changed.length >= massChangeMinimum && changed.length * 100 > consumed.size * massChangeShare
  if (!tooMany) return undefined
  return {
    reason: 'MassChange',
    message: `${changed.length} of ${consumed.size} consumed Secrets changed within 10 minutes; delete this Halt to let the restarts begin`,
  }
}
