/**
 * Pods whose files may have changed under a process that read them once. Pure.
 *
 * The kubelet updates the files of a plain volume; whether the process reads them again, nobody can see from outside.
 */
import type { PodRecord } from '../../workloads/pod.ts'
import type { Use } from '../../workloads/uses.ts'
import { ABSENT } from '../../sources/digest.ts'
import { historyOf, type SourceRecord } from '../../sources/source.ts'
import { today } from '../../sources/timeline.ts'
import { judgedUses, type Margins } from './staleness.ts'
import type { ManagedWorkload } from '../snapshot.ts'

/**
 * How many of the pods were created before the last change of a Secret that they mount as a plain volume, and are not
 * restarted for it. A change from before Sluice first saw the Secret is dated by its last write, at the latest.
 */
export function unverifiedPods(
  { settings, source }: ManagedWorkload,
  pods: readonly PodRecord[],
  { margin }: Margins,
): number {
  if (settings.volumes !== 'ignore') return 0
  const leftToTheKubelet = (use: Use) =>
    use.mode === 'volume' && !source(use.source).settings.ignore
  return pods.filter(({ uses: all, createdAt }) => {
    const mounted = all.flatMap(({ uses }) => uses.filter(leftToTheKubelet))
    if (mounted.length === 0) return false
    return judgedUses(mounted, { ...settings, volumes: 'restart' }).some(
      (use) => createdAt - margin < currentSince(source(use.source), use.selector),
    )
  }).length
}

/** Since when, at the latest, the content is what it is (ms); -Infinity where nothing is there. */
function currentSince(source: SourceRecord, selector: string): number {
  const history = historyOf(source, selector)
  if (!history || today(history).digest === ABSENT) return -Infinity
  return today(history).since
}
