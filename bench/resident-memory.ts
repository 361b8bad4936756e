/**
 * What a process holds of the machine's memory, by the kernel's own count.
 */
import { readFileSync } from 'node:fs'

/** In MiB. */
export interface ResidentMemory {
  /** Now. */
  readonly now: number
  /** The most since the process began. */
  readonly peak: number
}

export function residentMemory(pid: number): ResidentMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? NaN) / 1024
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') }
}
