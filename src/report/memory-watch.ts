/**
 * Warns before the kernel ends the process for the memory that it takes: afterwards there is only `OOMKilled`.
 */
import { totalmem } from 'node:os'
import type { Logger } from '../model/logger.ts'
import type { Sleep } from '../model/wake-up.ts'

/** Bytes. */
export interface Memory {
  readonly resident: number
  /** Of the container; `undefined` where there is none. */
  readonly limit: number | undefined
}

/** Share of the limit from which on it is near. */
const NEAR = 0.9
/** Share below which it is not near any more. */
const AWAY = 0.8
/** How often it looks (ms): a first list may take seconds alone. */
const EVERY = 1_000
const MEBIBYTE = 2 ** 20

/** What this process takes, and may take by its cgroup. */
export function memoryOfProcess(): Memory {
  // Without a limit Node says 0, or more than there is.
  const limit = process.constrainedMemory()
  return {
    resident: process.memoryUsage.rss(),
    limit: limit > 0 && limit < totalmem() ? limit : undefined,
  }
}

/** Logs each time that memory comes near the limit, until `signal` aborts. */
export async function watchMemory(
  {
    log,
    read,
    sleep,
  }: { readonly log: Logger; readonly read: () => Memory; readonly sleep: Sleep },
  signal: AbortSignal,
): Promise<void> {
  let isNear = false
  while (!signal.aborted) {
    const { resident, limit = Infinity } = read()
    const share = resident / limit
    if (!isNear && share >= NEAR) {
      const [used, most] = [resident, limit].map((bytes) => Math.round(bytes / MEBIBYTE))
      log.warn(
        { residentBytes: resident, limitBytes: limit },
        `memory: ${used} of ${most} MiB used; raise the limit of the container (docs/sizing.md)`,
      )
    }
    isNear = share >= (isNear ? AWAY : NEAR)
    await sleep(EVERY, signal)
  }
}
