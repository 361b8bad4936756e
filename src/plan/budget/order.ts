/**
 * Who is next. Pure (docs/how-it-decides.md).
 */
import type { Assessment, JudgedPod } from '../judge/assessment.ts'
import { isReplacement } from '../judge/replacement.ts'

/**
 * Namespaces in turn: the one that was served longest ago first, one workload of each a round. Inside a namespace urgent
 * ones first, then higher priority, then those already hurting (stale pods not Ready), then the longest stale, then by
 * name.
 */
export function inOrder(
  waiting: readonly Assessment[],
  all: readonly Assessment[],
): readonly Assessment[] {
  const servedAt = new Map<string, number>()
  for (const each of all) {
    const { namespace } = each.workload.ref
    const { lastRestart, failure } = each.ledger ?? {}
    const last = Math.max(
      servedAt.get(namespace) ?? -Infinity,
      lastRestart?.finishedAt ?? -Infinity,
      // One that failed was served, too: else a namespace whose restarts all fail would come first every time.
      failure?.failedAt ?? -Infinity,
      lastStep(each),
    )
    servedAt.set(namespace, last)
  }
  const byNamespace = Map.groupBy(waiting, ({ workload }) => workload.ref.namespace)
  const queues = [...byNamespace]
    .sort(([a], [b]) => compare(servedAt.get(a) ?? 0, servedAt.get(b) ?? 0) || compare(a, b))
    .map(([, queue]) => queue.sort(byUrgencyInNamespace))
  return queues
    .flatMap((queue, turn) => queue.map((each, round) => ({ each, round, turn })))
    .sort((a, b) => a.round - b.round || a.turn - b.turn)
    .map(({ each }) => each)
}

/** When the restart under way last began or replaced a pod (ms); -Infinity if there is none. */
function lastStep({ judged, ledger }: Assessment): number {
  const restart = ledger?.restart
  if (!restart) return -Infinity
  return judged
    .filter(({ pod }) => isReplacement(pod, restart))
    .reduce((last, { pod }) => Math.max(last, pod.createdAt), restart.startedAt)
}

function byUrgencyInNamespace(a: Assessment, b: Assessment): number {
  return (
    compare(Number(b.urgent), Number(a.urgent)) ||
    compare(b.settings.priority, a.settings.priority) ||
    compare(Number(isHurting(b)), Number(isHurting(a))) ||
    compare(a.staleSince, b.staleSince) ||
    compare(a.workload.ref.name, b.workload.ref.name)
  )
}

function isHurting({ stale }: Assessment): boolean {
  return stale.some(({ pod }) => !pod.ready)
}

/**
 * Which pods of a workload go first: those that the restart itself made and that never came up, since Sluice has taken
 * their places away already; then others that are not Ready, then the highest ordinal where pods have one, then the oldest.
 */
export function podsInOrder({ workload, ledger, stale }: Assessment): Assessment['stale'] {
  const isOwed = ({ pod }: JudgedPod) =>
    !pod.ready && ledger?.restart !== undefined && isReplacement(pod, ledger.restart)
  return stale.toSorted(
    (a, b) =>
      compare(Number(isOwed(b)), Number(isOwed(a))) ||
      compare(Number(a.pod.ready), Number(b.pod.ready)) ||
      (workload.highestOrdinalFirst ? compare(ordinal(b), ordinal(a)) : 0) ||
      compare(a.pod.createdAt, b.pod.createdAt) ||
      compare(a.pod.ref.name, b.pod.ref.name),
  )
}

/** `2` of `web-2`. */
function ordinal({ pod }: JudgedPod): number {
  return Number(/-(\d+)$/.exec(pod.ref.name)?.[1] ?? 0)
}

function compare<T extends number | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1
}
