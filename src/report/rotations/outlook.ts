/**
 * What is said of a rotation besides its progress: which content it brought, and when it will be done. Pure.
 */
import { ABSENT, LOST } from '../../sources/digest.ts'
import type { SourceRecord } from '../../sources/source.ts'
import type { Rotation } from '../../records/rotation.ts'

/** ETAs that differ by less than this (ms) are one, and by less than this part of what is left. */
const ETA_STEP = 5_000
const ETA_SHARE = 0.2

/** Hex digits: enough to tell contents apart, and of a keyed digest, so they give nothing away. */
const FINGERPRINT = 12

/** What the Secret itself says of the change: the content that came with it, or else today's. */
export function found(
  { whole }: SourceRecord,
  { changedAt, fingerprint, changedBy }: Rotation,
): Pick<Rotation, 'fingerprint' | 'changedBy'> {
  const exact = whole?.findLast(({ since }) => since === changedAt)
  const entry = exact ?? whole?.at(-1)
  if (!exact && fingerprint !== undefined) return { fingerprint, changedBy }
  const isThere = entry !== undefined && entry.digest !== ABSENT && entry.digest !== LOST
  return {
    fingerprint: isThere ? entry.digest.slice(0, FINGERPRINT) : undefined,
    changedBy: entry?.changedBy,
  }
}

/** A forecast moves with every pod; small moves are not worth a write, but for one that has passed. */
export function etaOf(
  rotation: Rotation,
  end: number | undefined,
  now: number,
): Pick<Rotation, 'eta'> {
  if (end === undefined || end === Infinity) return { eta: undefined }
  const known = rotation.eta
  const slack = Math.max(ETA_STEP, ETA_SHARE * (end - now))
  const isNear = known !== undefined && known > now && Math.abs(known - end) <= slack
  return { eta: isNear ? known : end }
}
