/**
 * What a run comes to, in the figures that a person compares.
 */
import { failedIn } from './load.ts'
import type { Run } from './run.ts'
import type { Sample } from './recorder.ts'

export interface Summary {
  /** Requests that were sent since the rotation, and those of them that failed, in whatever way. */
  readonly sent: number
  readonly failed: number
  /** Logins that PostgreSQL refused since. */
  readonly wrongPassword: number
  readonly noSlot: number
  readonly mostConnections: number
  /** The most that were opened in one second. */
  readonly mostOpened: number
  readonly mostStarting: number
  /** The most pods that were missing or not Ready at one moment. */
  readonly mostAway: number
  /** Seconds until every pod held the new login and was Ready. */
  readonly finished: number | undefined
}

/** Sums up what was recorded from the rotation on. */
export function summarise({ samples, finished }: Run, pods: number): Summary {
  const since = samples.filter(({ second }) => second >= 0)
  const sum = (value: (sample: Sample) => number) =>
    since.reduce((total, sample) => total + value(sample), 0)
  const most = (value: (sample: Sample) => number) => Math.max(0, ...since.map(value))
  const failed = sum(failedIn)
  return {
    sent: failed + sum(({ ok }) => ok),
    failed,
    wrongPassword: sum(({ wrongPassword }) => wrongPassword),
    noSlot: sum(({ noSlot }) => noSlot),
    mostConnections: most(({ connections }) => connections),
    mostOpened: most(({ opened }) => opened),
    mostStarting: most(({ starting }) => starting),
    mostAway: most(({ ready }) => pods - ready),
    finished,
  }
}
