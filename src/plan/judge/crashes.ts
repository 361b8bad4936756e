/**
 * Crashes of the pods that came with a restart: the first one stops it, the second one of the same pod fails it. Pure.
 *
 * A crash counts until its pod has been up for long enough, whichever process of Sluice looks: all of it is in the pod.
 */
import type { ContainerRecord, PodRecord } from '../../workloads/pod.ts'

/** What a new pod must show to be called calm (ms). */
export interface Patience {
  /** From Ready on: `minReadySeconds` and `settle`. */
  readonly calm: number
  /** Whoever was up for so long is calm, however long it ran before. */
  readonly deadline: number
}

/** Crashes of a pod that count. */
export interface Crashes {
  /** 2 stands for more as well. */
  readonly count: 0 | 1 | 2
  /** For how long the pod must have been Ready for them to count no more (ms). */
  readonly calm: number
}

/** The crashes of a pod since it was last calm: up for twice as long as it ran before the last one. */
export function crashesOf(pod: PodRecord, patience: Patience, now: number): Crashes {
  const counted = pod.containers
    .filter(mayCrash)
    .map((container) => crashesOfContainer(container, pod, patience, now))
  return counted.reduce((worst, each) => (each.count > worst.count ? each : worst), {
    count: 0,
    calm: patience.calm,
  })
}

/** In CrashLoopBackOff. An init container may wait for something by ending: it has until the deadline. */
export function isCrashLooping({ containers }: PodRecord): boolean {
  return containers.some(({ init, waitingReason }) => !init && waitingReason === 'CrashLoopBackOff')
}

/** Whether a pod of after this time, or a run that began after it, has crashed: what came then may have made it crash. */
export function crashedSince({ containers, createdAt }: PodRecord, time: number): boolean {
  return (
    createdAt >= time ||
    containers.some((each) => mayCrash(each) && (each.lastRun?.startedAt ?? Infinity) >= time)
  )
}

/** One that has ended is an init container that is done, or about to be restarted. */
function mayCrash({ init, restarts, state }: ContainerRecord): boolean {
  return !init && restarts > 0 && state !== 'terminated'
}

function crashesOfContainer(
  { restarts, lastRun, startedAt }: ContainerRecord,
  { readyAt, unreadyAt = Infinity, scheduledAt, createdAt }: PodRecord,
  patience: Patience,
  now: number,
): Crashes {
  const calm = calmAfter(lastRun?.duration ?? 0, patience)
  // By the clock of its node: not Ready since later than it runs, so it was up in between.
  const upFor = readyAt === undefined ? unreadyAt - (startedAt ?? Infinity) : now - readyAt
  if (upFor >= calm) return { count: 0, calm }
  const wasCalm =
    lastRun !== undefined &&
    lastRun.duration >= calmAfter(lastRun.startedAt - (scheduledAt ?? createdAt), patience)
  return { count: restarts > 1 && !wasCalm ? 2 : 1, calm }
}

function calmAfter(ran: number, { calm, deadline }: Patience): number {
  return Math.max(calm, Math.min(2 * ran, deadline))
}
