/**
 * What a use of a source has stood for, as far as anybody knows: what a Rotation recorded, and what this process saw
 * since. Pure. Workloads that did not opt in have no Consumer that remembers for them.
 */
import type { Use } from '../consumers/uses.ts'
import { ABSENT } from '../secrets/digest.ts'
import { digestIn, type SourceRecord } from '../secrets/source.ts'
import { rekey, timelineOf, type RecordedSource, type Timeline } from '../secrets/timeline.ts'

/** What a Rotation remembers of its source. */
export interface Recorded extends RecordedSource {
  /** Of the HMAC key that the digests were made with. */
  readonly keyFingerprint: string
}

/** The timeline of each use; without a record it begins with the first content that this process saw. */
export function historyOf(
  recorded: Recorded | undefined,
  source: SourceRecord,
  keyFingerprint: string,
): (use: Use) => Timeline | undefined {
  const known =
    recorded && recorded.keyFingerprint !== keyFingerprint ? rekey(recorded, source) : recorded
  return ({ selector, optional }) =>
    timelineOf(
      known?.timelines.has(selector) ? known : firstSight(source, selector),
      source,
      selector,
      optional,
    )
}

/** A record as of the first version with content. */
function firstSight(source: SourceRecord, selector: string): RecordedSource | undefined {
  const first = source.versions.find((version) => digestIn(version, selector) !== ABSENT)
  if (!first) return undefined
  const { uid, resourceVersion, writtenAt, changedAt: since } = first
  const timeline: Timeline = [{ digest: digestIn(first, selector), since }]
  return { uid, resourceVersion, writtenAt, timelines: new Map([[selector, timeline]]) }
}
