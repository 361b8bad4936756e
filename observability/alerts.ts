/**
 * The alerts: a page is for a person who has something to do. Each has a section of its name in docs/runbook.md.
 */

import { HOLD_REASONS, REASONS } from '../src/model/hold.ts'

/** `critical` pages, `warning` is for working hours, `info` is for people who look. */
type Severity = 'critical' | 'warning' | 'info'

export interface Alert {
  readonly name: `Sluice${string}`
  readonly expr: string
  /** How long it must be so. */
  readonly for: string
  readonly severity: Severity
  /** One sentence with the names in it. */
  readonly summary: string
  /** What it means and what becomes of it if nobody acts. */
  readonly description: string
}

const RUNBOOK = 'https://github.com/sluice-dev/sluice/blob/main/docs/runbook.md'
const WORKLOAD = 'namespace, workload_type, workload'
const NAMED = '{{ $labels.workload_type }} {{ $labels.namespace }}/{{ $labels.workload }}'

/** The reasons of failed restarts. */
const FAILED = HOLD_REASONS.filter((reason) => REASONS[reason].state === 'Failed').join('|')

/** The section of the runbook about an alert. */
export function runbookUrl({ name }: Alert): string {
  return `${RUNBOOK}#${name.toLowerCase()}`
}

/** In the order of the runbook. */
export const ALERTS: readonly Alert[] = [
  {
    name: 'SluiceStaleTooLong',
    expr: `max by (${WORKLOAD}) (time() - sluice_stale_since_timestamp_seconds) > 3600`,
    for: '5m',
    severity: 'warning',
    summary: `${NAMED} has held old content of a Secret for {{ $value | humanizeDuration }}.`,
    description:
      'Its pods still run with content that was replaced more than an hour ago. If the old credential is revoked they fail.',
  },
  {
    name: 'SluiceOldContentInUse',
    expr: 'max by (namespace, source_kind, source) (sluice_old_content_pods) > 0',
    for: '1h',
    severity: 'warning',
    summary:
      '{{ $value }} running pods may still hold old content of {{ $labels.source_kind }} {{ $labels.namespace }}/{{ $labels.source }}.',
    description:
      'An hour after the change pods of the namespace, opted in or not, hold old content or are not proven not to. If the old credential is revoked they fail.',
  },
  {
    name: 'SluiceGroupHalted',
    expr: 'max by (group) (sluice_group_halted) == 1',
    for: '1m',
    severity: 'critical',
    summary: 'Restarts of the group {{ $labels.group }} are halted.',
    description:
      'A restart failed with the new content. Nothing of the group is restarted until the content changes, the pods recover, or a person resumes it.',
  },
  {
    name: 'SluiceRestartFailed',
    expr: `max by (${WORKLOAD}, reason) (sluice_hold{reason=~"${FAILED}"}) == 1`,
    for: '1m',
    severity: 'critical',
    summary: `The restart of ${NAMED} failed ({{ $labels.reason }}).`,
    description:
      'New pods crash, are not Ready in time (RestartFailed) or never ran (CannotStart), or the rollout was undone by another operator (RolloutUndone). At most max-unavailable pods are missing; the others keep the old content.',
  },
  {
    name: 'SluiceDown',
    expr: 'absent(up{job="sluice"} == 1)',
    for: '5m',
    severity: 'critical',
    summary: 'No Sluice answers.',
    description: 'While it is away nothing is restarted: pods keep the content that they have.',
  },
  {
    name: 'SluiceNotLeading',
    expr: 'max by (job) (sluice_leader) == 0',
    for: '2m',
    severity: 'critical',
    summary: 'Sluice runs, but none of its processes leads.',
    description:
      'Nothing is restarted while nobody holds the Lease. A takeover takes 15 seconds; this has lasted much longer.',
  },
  {
    name: 'SluiceWatchStalled',
    expr: 'max by (pod, resource) (sluice_watch_blind) == 1',
    for: '2m',
    severity: 'warning',
    summary:
      'The watch of {{ $labels.resource }} in Sluice ({{ $labels.pod }}) fails or is silent.',
    description:
      'Sluice starts no restart until every watch delivers again, and then goes on by itself. A healthy watch delivers a bookmark about every minute.',
  },
  {
    name: 'SluiceSourceMissing',
    expr: `max by (${WORKLOAD}, reason) (sluice_hold{reason=~"SourceMissing|SourceUnreadable|KeyMissing|ValueEmpty"}) == 1`,
    for: '5m',
    severity: 'warning',
    summary: `${NAMED} needs a Secret, or a key of one, that is missing or cannot be read ({{ $labels.reason }}).`,
    description:
      'Running pods go on with what they have; a new one would not start. Sluice does not restart it until the content is back.',
  },
  {
    name: 'SluiceInvalidAnnotation',
    expr: `max by (${WORKLOAD}) (sluice_hold{reason="InvalidSetting"} or sluice_invalid_settings > 0) > 0`,
    for: '5m',
    severity: 'warning',
    summary: `A sluice.dev annotation that concerns ${NAMED} cannot be read.`,
    description:
      'Sluice never guesses: the workload is not restarted until the value is put right.',
  },
  {
    name: 'SluiceMalformedConsumer',
    expr: `max by (${WORKLOAD}) (sluice_hold{reason="MalformedConsumer"}) == 1`,
    for: '5m',
    severity: 'warning',
    summary: `The Consumer of ${NAMED} cannot be read.`,
    description:
      'Sluice does not know what the pods hold, so it does not restart the workload for any change until a person deletes the Consumer.',
  },
  {
    name: 'SluiceSourceFlapping',
    expr: 'sum by (namespace, source_kind, source) (increase(sluice_source_changes_total[1h])) > 5',
    for: '5m',
    severity: 'warning',
    summary:
      '{{ $labels.source_kind }} {{ $labels.namespace }}/{{ $labels.source }} changed {{ $value | humanize }} times within an hour.',
    description:
      'Each change that lasts restarts the workloads that use the Secret, at most once every min-interval. Changes of keys that nobody uses are not counted.',
  },
  {
    name: 'SluiceMassChange',
    expr: 'count(sum by (namespace, source_kind, source) (increase(sluice_source_changes_total[10m])) > 0) > 20',
    for: '1m',
    severity: 'warning',
    summary: '{{ $value }} Secrets changed within 10 minutes.',
    description:
      'Sluice restarts the workloads that use them one by one. If the changes were a mistake, pause Sluice and write the old content back: pods that still hold it stay.',
  },
  {
    name: 'SluiceVolumesUnverified',
    expr: `max by (${WORKLOAD}) (sluice_unverified_pods) > 0`,
    for: '1h',
    severity: 'info',
    summary: `{{ $value }} pods of ${NAMED} mount files of a Secret that changed after they started.`,
    description:
      'The kubelet has updated the files; whether the process reads them again cannot be seen. For one that reads them only at boot set sluice.dev/volumes: restart.',
  },
  {
    name: 'SluiceMemoryNearLimit',
    expr: 'process_resident_memory_bytes / sluice_memory_limit_bytes > 0.9',
    for: '5m',
    severity: 'warning',
    summary:
      'Sluice in {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory limit.',
    description:
      'Above the limit the kernel ends it, also during the first list after a start. Restarts that are under way go on afterwards. Raise the limit.',
  },
]
