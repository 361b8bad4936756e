/**
 * Holds that stand whether or not something is stale: a person must put something right first.
 */
import { MANAGED } from '../../model/annotations.ts'
import { describeFault } from '../../model/fault.ts'
import type { ConsumerRecord } from '../../records/consumer.ts'
import { today } from '../../sources/timeline.ts'
import { chooseStrategy } from '../judge/strategy.ts'
import type { HoldRule } from './gate.ts'

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

/** Its Consumer cannot be read, or cannot be true: what the pods hold is not known. */
export const malformedConsumer: HoldRule = ({ consumer }, { now }) => {
  if (!consumer) return undefined
  const fault = consumer.fault ?? timeToCome(consumer, now)
  return fault === undefined
    ? undefined
    : {
        reason: 'MalformedConsumer',
        message: `Consumer ${consumer.name} cannot be read (${fault}); delete it to begin a new record with what Sluice has seen since it started`,
      }
}

/** How far the clocks of API servers may differ (ms); what is recorded as later than that was not written by Sluice. */
const CLOCKS_DIFFER = 3_600_000

/** A time to come would hold the workload until then, for a reason that is none. */
function timeToCome({ status }: ConsumerRecord, now: number): string | undefined {
  if (!status) return undefined
  const { sources, restart, lastRestart, failure } = status.ledger
  const times: [string, number | undefined][] = [...sources].flatMap(([name, { timelines }]) =>
    [...timelines].map(([key, timeline]): [string, number] => [
      `timeline of ${name}/${key}`,
      today(timeline).since,
    ]),
  )
  times.push(
    ['restart.startedAt', restart?.startedAt],
    ['lastRestart.finishedAt', lastRestart?.finishedAt],
    ['failure.failedAt', failure?.failedAt],
  )
  for (const [where, time] of times) {
    if (time === undefined || time <= now + CLOCKS_DIFFER) continue
    return `status: ${where}: expected a time that has come, found ${new Date(time).toISOString()}`
  }
  return undefined
}

/** The workload or its Namespace is paused. */
export const paused: HoldRule = ({ settings }) =>
  settings.paused
    ? { reason: 'Paused', message: 'paused by annotation of the workload or its namespace' }
    : undefined

/** Only where the API server would deny every eviction there: the hold shows before a restart is due. */
export const namespaceNotManaged: HoldRule = (
  { workload, settings, managed, ledger },
  { policy: { managedNamespaces } },
) => {
  if (managed || managedNamespaces === 'all') return undefined
  const strategy = ledger?.restart?.strategy ?? chooseStrategy(workload, settings)
  return strategy === 'evict'
    ? {
        reason: 'NamespaceNotManaged',
        message: `pods may be evicted only in namespaces that allow it: label namespace ${workload.ref.namespace} with ${MANAGED}=true`,
      }
    : undefined
}

/** Another controller restarts this workload: two would restart it twice. */
export const conflictingController: HoldRule = ({ workload }) =>
  workload.otherRestarter
    ? {
        reason: 'ConflictingController',
        message: `annotations hand this workload to ${workload.otherRestarter} too; remove them, or the opt-in`,
      }
    : undefined

/** `spec.paused`: its owner wants no change now. */
export const workloadPaused: HoldRule = ({ workload }) =>
  workload.paused
    ? {
        reason: 'WorkloadPaused',
        message: `the ${workload.ref.kind} itself is paused (spec.paused)`,
      }
    : undefined

/**
 * Its owner brings a new template to its pods by deleting them, one by one and by hand. A pod that Sluice evicts would come
 * back from that template.
 * Source: kubernetes/pkg/controller/statefulset/stateful_set_utils.go, newVersionedStatefulSetPod.
 */
export const pendingTemplate: HoldRule = ({ workload, judged }) => {
  const { newTemplateOnDelete, newestRevision, ref } = workload
  const isPending =
    newTemplateOnDelete &&
    (newestRevision === undefined || judged.some(({ pod }) => pod.templateHash !== newestRevision))
  return isPending
    ? {
        reason: 'PendingTemplate',
        message: `updateStrategy is OnDelete, and the pod template of the ${ref.kind} has changed: an evicted pod would come back from the new one; delete the pods that are to have it`,
      }
    : undefined
}
