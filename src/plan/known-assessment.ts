/**
 * Judges a workload once, for as long as nothing that it is judged by has changed. Pure: equal inputs, equal answer.
 *
 * A plan is made on every event, and an event concerns one workload: the others need not be judged again.
 */
import type { SourceRecord } from '../secrets/source.ts'
import { assess, type Assessment } from './assessment.ts'
import type { Margins } from './staleness.ts'
import type { Workload } from './workload.ts'

interface Known {
  readonly assessment: Assessment
  readonly keyFingerprint: string
  readonly margins: Margins
  /** Every source that was looked at. */
  readonly sources: ReadonlyMap<string, SourceRecord>
}

/** By the list of pods, of which the picture makes a new one whenever a pod changes. */
const known = new WeakMap<Workload['pods'], Known>()

/** As {@link assess}; objects that are the same as before are known to be equal. */
export function assessOnce(
  workload: Workload,
  keyFingerprint: string,
  margins: Margins,
): Assessment {
  const before = known.get(workload.pods)
  if (before && isStillSo(before, workload, keyFingerprint, margins)) {
    return { ...before.assessment, ...workload }
  }
  const sources = new Map<string, SourceRecord>()
  const source = (name: string) => {
    const record = workload.source(name)
    sources.set(name, record)
    return record
  }
  const assessment = {
    ...assess({ ...workload, source }, keyFingerprint, margins),
    source: workload.source,
  }
  known.set(workload.pods, { assessment, keyFingerprint, margins, sources })
  return assessment
}

function isStillSo(
  { assessment, sources, ...before }: Known,
  { deployment, settings, consumer, pending, source }: Workload,
  keyFingerprint: string,
  margins: Margins,
): boolean {
  return (
    assessment.deployment === deployment &&
    assessment.settings === settings &&
    assessment.consumer === consumer &&
    assessment.pending.evicted.size === 0 &&
    pending.evicted.size === 0 &&
    before.keyFingerprint === keyFingerprint &&
    before.margins === margins &&
    [...sources].every(([name, record]) => source(name) === record)
  )
}
