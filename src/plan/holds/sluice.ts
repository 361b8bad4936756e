/**
 * Holds over Sluice itself: they stand for every workload.
 */
import type { HoldRule } from './rule.ts'

/** The kill switch: the Namespace of Sluice is paused. */
export const killSwitch: HoldRule = (_, { paused }) =>
  paused
    ? { reason: 'Paused', message: "Sluice's own namespace is paused: nothing is started anywhere" }
    : undefined

/** Asked last, so that a workload shows what else would hold it. */
export const observeOnly: HoldRule = (_, { policy }) =>
  policy.mode === 'observe'
    ? { reason: 'ObserveOnly', message: 'would start now, but mode is observe' }
    : undefined
