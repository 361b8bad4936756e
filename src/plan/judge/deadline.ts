/**
 * How long a replacement may take before it counts as failed. Pure.
 */
import { PROGRESS_DEADLINE } from '../../model/annotations.ts'
import type { Restart } from '../../records/consumer.ts'
import type { WorkloadRecord } from '../../workloads/workload.ts'
import type { PodRecord } from '../../workloads/pod.ts'
import type { Settings } from '../../workloads/settings.ts'

/** However patient the Deployment is (ms). */
const LONGEST = 30 * 60_000
/** However long `minReadySeconds` and `settle` are (ms). */
const LONGEST_CALM = 3_600_000

/**
 * How long a restart goes on before those that wait (ms). After that it takes turns with them, and takes no further pod
 * while one is away: else new content could keep its slot without end.
 */
const TURN = 30 * 60_000

/** A workload as far as its deadlines are concerned. */
interface Stepped {
  readonly workload: WorkloadRecord
  readonly settings: Settings
  readonly pending: { readonly owedSince: number }
}

/** The `progress-deadline` of the workload, else the Deployment's own, in milliseconds. */
export function deadlineOf(
  { progressDeadline }: WorkloadRecord,
  settings?: Pick<Settings, 'progressDeadline'>,
): number {
  return settings?.progressDeadline ?? Math.min(progressDeadline, LONGEST)
}

/**
 * Since when a pod that is not Ready is waited for (ms): one that was and is not any more has as long as a new one to
 * come back.
 */
export function waitsSince({ createdAt, scheduledAt, unreadyAt }: PodRecord): number {
  return Math.max(scheduledAt ?? createdAt, unreadyAt ?? -Infinity)
}

/** Whether a restart under way has had its time before those that wait. */
export function isPastTurn(restart: Pick<Restart, 'startedAt'> | undefined, now: number): boolean {
  return restart !== undefined && now >= restart.startedAt + TURN
}

/** Whether a pod is not Ready, and has not been for longer than the deadline. */
export function isLate(pod: PodRecord, deadline: number, now: number): boolean {
  return pod.readyAt === undefined && now >= waitsSince(pod) + deadline
}

/**
 * How long a new pod may take to be Available and settled (ms): Ready within the deadline, and then calm, or coming and
 * going, for as long again; longer only where `minReadySeconds` and `settle` ask for it, and not without end.
 */
export function patienceFor(
  workload: WorkloadRecord,
  settings: Pick<Settings, 'progressDeadline' | 'settle'>,
): number {
  const deadline = deadlineOf(workload, settings)
  const calm = Math.min(LONGEST_CALM, workload.minReady + settings.settle)
  return deadline + Math.max(deadline, calm)
}

/** When a replacement that is not Available yet is waited for no longer (ms), so that it blocks nobody without end. */
export function givenUpAt(
  pod: PodRecord,
  workload: WorkloadRecord,
  settings: Pick<Settings, 'progressDeadline' | 'settle'>,
): number {
  const atLast = (pod.scheduledAt ?? pod.createdAt) + patienceFor(workload, settings)
  if (pod.readyAt !== undefined) return atLast
  return Math.min(atLast, waitsSince(pod) + deadlineOf(workload, settings))
}

/**
 * Until when the last step of a restart keeps its slot (ms), whatever becomes of its pods: what is evicted again and
 * again, or never created, must not keep the slot without end.
 */
export function stepEndsAt({ workload, settings, pending }: Stepped): number {
  const deadline = deadlineOf(workload, settings)
  return pending.owedSince + deadline + patienceFor(workload, settings)
}

/** `settings` with a fault where the deadline leaves no time for what a new pod must wait after it is Ready. */
export function withDeadlineFault(settings: Settings, { minReady }: WorkloadRecord): Settings {
  const { progressDeadline, settle, faults } = settings
  if (progressDeadline === undefined || progressDeadline >= minReady + settle) return settings
  const fault = {
    where: `annotation ${PROGRESS_DEADLINE}`,
    expected: `at least minReadySeconds (${minReady / 1000} s) and settle (${settle / 1000} s) together`,
    found: `${progressDeadline / 1000} s`,
  }
  return { ...settings, faults: [...faults, fault] }
}
