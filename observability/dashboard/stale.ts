/**
 * Is anything stale, and since when?
 */
import { list, lines, number } from './panel.ts'
import { CHOSEN, ofWorkloads, total, WORKLOAD } from './queries.ts'

export const stale = [
  number({
    title: 'Stale pods',
    description:
      'Running pods that hold content of a Secret that is not current any more. During a rotation it falls to 0.',
    unit: 'short',
    width: 5,
    query: { expr: total(ofWorkloads('sluice_stale_pods')) },
    warn: 1,
  }),
  number({
    title: 'Workloads with stale pods',
    description: 'Workloads of which at least one pod holds old content.',
    unit: 'short',
    width: 5,
    query: { expr: `count(${ofWorkloads('sluice_stale_pods')} > 0) or vector(0)` },
    warn: 1,
  }),
  number({
    title: 'Oldest stale content',
    description:
      'For how long the oldest content that a pod still holds has been replaced. The alert SluiceStaleTooLong fires after an hour.',
    unit: 's',
    width: 5,
    none: 'all fresh',
    query: { expr: `max(time() - ${ofWorkloads('sluice_stale_since_timestamp_seconds')})` },
    warn: 900,
    bad: 3600,
  }),
  number({
    title: 'Unknown pods',
    description:
      'Pods that may be older than a change that was made before Sluice first saw the Secret. They are left alone: restart them by hand if in doubt.',
    unit: 'short',
    width: 3,
    query: { expr: total(ofWorkloads('sluice_unknown_pods')) },
  }),
  number({
    title: 'Unproven pods',
    description:
      'Pods that were created in the very moment of a change, so that nothing proves what they hold. They are replaced like stale ones.',
    unit: 'short',
    width: 3,
    query: { expr: total(ofWorkloads('sluice_unproven_pods')) },
  }),
  number({
    title: 'Unverified pods',
    description:
      'Pods that mount a Secret as files that have changed since. Whether the process reads them again cannot be seen from outside.',
    unit: 'short',
    width: 3,
    query: { expr: total(ofWorkloads('sluice_unverified_pods')) },
  }),
  list({
    title: 'Old content in use',
    description:
      'Running pods that hold old content of a Secret, or are not proven not to, opted in or not. The old credential can be revoked when its Secret is not in this list.',
    unit: 'short',
    width: 24,
    none: 'no old content in use',
    columns: ['namespace', 'source_kind', 'source'],
    value: 'pods',
    query: {
      expr: 'max by (namespace, source_kind, source) (sluice_old_content_pods{namespace=~"$namespace"}) > 0',
    },
  }),
  lines({
    title: 'Stale pods over time',
    description:
      'The 20 workloads with the most stale pods. A staircase down is a rotation at work.',
    unit: 'short',
    width: 16,
    stacked: true,
    queries: [
      {
        expr: `topk(20, ${ofWorkloads('sluice_stale_pods')}) > 0`,
        legend: '{{namespace}}/{{workload}}',
      },
    ],
  }),
  list({
    title: 'Stale workloads',
    description:
      'Each workload with stale pods, and for how long its oldest content has been replaced.',
    unit: 's',
    width: 8,
    none: 'all fresh',
    columns: ['namespace', 'workload'],
    value: 'stale for',
    query: {
      expr: `max by (${WORKLOAD}) (time() - sluice_stale_since_timestamp_seconds{${CHOSEN}})`,
    },
  }),
]
