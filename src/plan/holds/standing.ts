/**
 * Holds that stand whether or not something is stale: a person must put something right first.
 */
import { describeFault } from '../../config/fault.ts'
import type { HoldRule } from './rule.ts'

/** An annotation that cannot be read: never a guess. */
export const invalidSetting: HoldRule = ({ settings, uses, source }) => {
  const sources = new Set(uses.map((use) => use.source))
  const faults = [
    ...settings.faults,
    ...[...sources].flatMap((name) => source(name).settings.faults),
  ]
  return faults.length > 0
    ? { reason: 'InvalidSetting', message: faults.map(describeFault).join('; ') }
    : undefined
}

/** Its Consumer cannot be read: what the pods hold is not known. */
export const malformedConsumer: HoldRule = ({ consumer }) =>
  consumer?.fault
    ? {
        reason: 'MalformedConsumer',
        message: `Consumer ${consumer.name} cannot be read (${consumer.fault}); delete it to take today's content as the new baseline`,
      }
    : undefined

/** The workload or its Namespace is paused. */
export const paused: HoldRule = ({ settings }) =>
  settings.paused
    ? { reason: 'Paused', message: 'paused by annotation of the workload or its namespace' }
    : undefined

/** Another controller restarts this workload: two would restart it twice. */
export const otherRestarter: HoldRule = ({ deployment }) =>
  deployment.otherRestarter
    ? {
        reason: 'OtherRestarter',
        message: `annotations hand this workload to ${deployment.otherRestarter} too; remove them, or the opt-in`,
      }
    : undefined

/** `spec.paused`: its owner wants no change now. */
export const deploymentPaused: HoldRule = ({ deployment }) =>
  deployment.paused
    ? { reason: 'DeploymentPaused', message: 'the Deployment itself is paused (spec.paused)' }
    : undefined
