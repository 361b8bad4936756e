/**
 * Holds over Sluice itself: they stand for every workload.
 */
import { describeFault } from '../../model/fault.ts'
import type { HoldRule } from './gate.ts'

/** The kill switch: the Namespace of Sluice is paused. One that cannot be read is on. */
export const killSwitch: HoldRule = (_, { paused }) => {
  if (paused === false) return undefined
  const message =
    paused === true
      ? "Sluice's own namespace is paused: nothing is started anywhere"
      : `${describeFault(paused)}; until it can be read nothing is started anywhere`
  return { reason: 'Paused', message }
}

/**
 * A watch fails or is silent: the kill switch, a Halt or a crash might not be seen. It holds what would be restarted, and
 * nothing is decided meanwhile, since time runs on and the pods of the picture do not.
 */
export const notWatching: HoldRule = ({ stale, ledger }, { blind }) =>
  blind !== undefined && (stale.length > 0 || ledger?.restart)
    ? { reason: 'NotWatching', message: `${blind}: no restart goes on until every watch delivers` }
    : undefined
