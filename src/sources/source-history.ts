/**
 * What a use of a source has stood for, as far as anybody knows: what a Rotation recorded, and what this process saw
 * since. Pure. Workloads that did not opt in have no Consumer that remembers for them.
 */
import { rekey, timelinesOf, type RecordedSource } from './recorded.ts'
import type { SourceRecord } from './source.ts'
import type { Timeline } from './timeline.ts'

/** What a Rotation remembers of its source. */
export interface Recorded extends RecordedSource {
  /** Of the HMAC key that the digests were made with. */
  readonly keyFingerprint: string
}

/** The timelines of each use; without a record they begin with what this process first saw. */
export function historyOfUse(
  recorded: Recorded | undefined,
  source: SourceRecord,
  keyFingerprint: string,
): (use: { readonly selector: string }) => ReadonlyMap<string, Timeline> {
  const known =
    recorded && recorded.keyFingerprint !== keyFingerprint ? rekey(recorded, source) : recorded
  return ({ selector }) => timelinesOf(known, source, new Set([selector]))
}
