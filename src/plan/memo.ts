/**
 * Judges a workload once, for as long as nothing of it has changed. Pure: equal inputs, equal answer.
 *
 * A plan is made on every event, and an event concerns one workload: the others need not be judged again.
 */
import { assess, type Assessment } from './judge/assessment.ts'
import type { Margins } from './judge/staleness.ts'
import type { ManagedWorkload } from './snapshot.ts'

interface Known {
  readonly assessment: Assessment
  readonly keyFingerprint: string
  readonly margins: Margins
}

/** The picture makes a new workload whenever anything of it changes. */
const known = new WeakMap<ManagedWorkload, Known>()

/** As {@link assess}. */
export function assessOnce(
  workload: ManagedWorkload,
  keyFingerprint: string,
  margins: Margins,
): Assessment {
  const before = known.get(workload)
  if (before?.keyFingerprint === keyFingerprint && before.margins === margins) {
    return before.assessment
  }
  const assessment = assess(workload, keyFingerprint, margins)
  known.set(workload, { assessment, keyFingerprint, margins })
  return assessment
}
