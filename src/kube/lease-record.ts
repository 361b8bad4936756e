/**
 * What a Lease says about who leads, and what is written into it. Pure.
 */

/** The spec of a coordination.k8s.io/v1 Lease. Anybody may have written what is read. */
export interface LeaseRecord {
  /** Empty after a release. */
  readonly holderIdentity?: string | null
  readonly leaseDurationSeconds?: number | null
  /** A MicroTime, as {@link renewTime}: for people, since no two clocks need agree. */
  readonly acquireTime?: string | null
  readonly renewTime?: string | null
  readonly leaseTransitions?: number | null
}

/** The longest that a record is honoured (ms), whatever it says: nobody can keep Sluice from leading for ever. */
const LONGEST_LIFE = 60_000
const LARGEST_COUNT = 2 ** 31 - 1

/** The record by which `identity` takes the Lease, or keeps it. `now` is milliseconds since the epoch. */
export function heldRecord(
  before: LeaseRecord | undefined,
  { identity, leaseDuration, now }: { identity: string; leaseDuration: number; now: number },
): LeaseRecord {
  const kept = before?.holderIdentity === identity
  const transitions = before?.leaseTransitions ?? 0
  return {
    holderIdentity: identity,
    leaseDurationSeconds: leaseDuration / 1000,
    acquireTime: (kept && before.acquireTime) || microTime(now),
    renewTime: microTime(now),
    leaseTransitions: before && !kept ? Math.min(transitions + 1, LARGEST_COUNT) : transitions,
  }
}

/** The record that lets the next one lead at once. */
export function releasedRecord(before: LeaseRecord | undefined, now: number): LeaseRecord {
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: microTime(now),
    renewTime: microTime(now),
    leaseTransitions: before?.leaseTransitions ?? 0,
  }
}

/**
 * How long a record counts after it was last seen to change (ms): as long as its holder says, but never shorter than
 * an honest one would say.
 */
export function lifeOf(record: LeaseRecord | undefined, leaseDuration: number): number {
  const said = (record?.leaseDurationSeconds ?? 0) * 1000
  return Math.min(Math.max(said, leaseDuration), LONGEST_LIFE)
}

/** Whether nothing was written between two looks: every renewal changes `renewTime`. */
export function isSameRecord(
  one: LeaseRecord | undefined,
  other: LeaseRecord | undefined,
): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** A time as a MicroTime, which has exactly six digits behind the point. */
function microTime(ms: number): string {
  const micros = String(Math.floor((ms - Math.floor(ms)) * 1000)).padStart(3, '0')
  return new Date(ms).toISOString().replace('Z', `${micros}Z`)
}
