/**
 * What a use of a source has stood for, as far as anybody knows: what a Rotation recorded, and what this process saw
 * since. Pure. Workloads that did not opt in have no Consumer that remembers for them.
 */
import type { Use } from '../consumers/uses.ts'
import { rekey, timelinesOf, type RecordedSource } from '../secrets/recorded.ts'
import type { SourceRecord } from '../secrets/source.ts'
import type { Timeline } from '../secrets/timeline.ts'

/** What a Rotation remembers of its source. */
export interface Recorded extends RecordedSource {
  /** Of the HMAC key that the digests were made with. */
  readonly keyFingerprint: string
}

/** The timelines of each use; without a record they begin with what this process first saw. */
export function historyOf(
  recorded: Recorded | undefined,
  source: SourceRecord,
  keyFingerprint: string,
): (use: Use) => ReadonlyMap<string, Timeline> {
  const known =
    recorded && recorded.keyFingerprint !== keyFingerprint ? rekey(recorded, source) : recorded
  return ({ selector }) => timelinesOf(known, source, new Set([selector]))
}
