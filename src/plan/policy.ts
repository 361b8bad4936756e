/**
 * The configuration as far as the plan is concerned.
 */
import type { Config } from '../config/settings.ts'

export type Policy = Pick<
  Config,
  | 'mode'
  | 'managedNamespaces'
  | 'quietPeriod'
  | 'margin'
  | 'nodeMargin'
  | 'maxConcurrentRestarts'
  | 'maxConcurrentPerGroup'
  | 'maxStartingPods'
  | 'urgentMaxUnavailable'
  | 'urgentMaxConcurrentRestarts'
  | 'urgentReach'
  | 'failureWindow'
  | 'failureCooldown'
>
