/**
 * Holds that time ends.
 */
import { nextWholeSecond } from '../../model/managed-time.ts'
import type { Hold } from '../../model/hold.ts'
import type { HoldRule } from './gate.ts'

/**
 * A pod created now would be too close to the change to be fresh beyond doubt, and might be restarted twice. Its
 * creationTimestamp loses the fraction of a second, so the wait ends at a whole one.
 */
export const justChanged: HoldRule = ({ changedAt }, { now, policy: { margin } }) =>
  waitUntil(now, nextWholeSecond(changedAt + margin), {
    reason: 'ChangeTooRecent',
    message: 'the content changed this moment; pods created now could not be told from older ones',
  })

/** How many quiet periods after the first change a restart starts, however often the content changes meanwhile. */
const MOST_QUIET_PERIODS = 12

/** More changes may follow: two Secrets changed together cost one restart. There is no wait for an urgent one. */
export const quietPeriod: HoldRule = (
  { changedAt, staleSince, urgent },
  { now, policy: { quietPeriod: quiet } },
) =>
  waitUntil(
    now,
    urgent ? now : Math.min(changedAt + quiet, staleSince + MOST_QUIET_PERIODS * quiet),
    {
      reason: 'QuietPeriod',
      message: `waiting for the source to stay unchanged for ${quiet / 1000} s`,
    },
  )

/** The workload has been restarted a short while ago. */
export const minRestartInterval: HoldRule = ({ ledger, settings, urgent }, { now }) =>
  waitUntil(
    now,
    urgent ? now : (ledger?.lastRestart?.finishedAt ?? -Infinity) + settings.minInterval,
    {
      reason: 'MinRestartInterval',
      message: `the last restart ended less than ${settings.minInterval / 1000} s ago`,
    },
  )

function waitUntil(now: number, until: number, hold: Hold): Hold | undefined {
  return now < until ? { ...hold, until } : undefined
}
