/**
 * How restarts and rotations end, and how long they take.
 */
import { lines, list, number } from './panel.ts'
import { CHOSEN, quantile } from './queries.ts'

const ended = (outcome: string) =>
  `sum(increase(sluice_restarts_total{${CHOSEN}, outcome="${outcome}"}[$__range])) or vector(0)`

export const outcomes = [
  number({
    title: 'Restarts that succeeded',
    description: 'Restarts of the chosen workloads that made every pod fresh, in the time shown.',
    unit: 'short',
    width: 4,
    query: { expr: ended('succeeded') },
  }),
  number({
    title: 'Restarts that failed',
    description:
      'Restarts of the chosen workloads whose new pods did not work, in the time shown. Each halts its groups.',
    unit: 'short',
    width: 4,
    query: { expr: ended('failed') },
    bad: 0.5,
  }),
  lines({
    title: 'Restarts that ended',
    description: 'Restarts of the chosen workloads by strategy and outcome.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: `sum by (strategy, outcome) (increase(sluice_restarts_total{${CHOSEN}}[$__rate_interval]))`,
        legend: '{{strategy}} {{outcome}}',
      },
    ],
  }),
  list({
    title: 'Changes of Secrets',
    description:
      'How often the consumed content of each Secret changed in the time shown. More than 5 in an hour raise the alert SluiceSourceFlapping.',
    unit: 'short',
    width: 8,
    none: 'no change',
    columns: ['namespace', 'source'],
    value: 'changes',
    query: {
      expr: 'sum by (namespace, source) (increase(sluice_source_changes_total{namespace=~"$namespace"}[$__range])) > 0',
    },
  }),
  lines({
    title: 'Duration of a restart',
    description: 'From the start of a restart of one workload to its end, for all workloads.',
    unit: 's',
    width: 12,
    queries: [
      { expr: quantile(0.5, 'sluice_restart_duration_seconds', '$__range'), legend: 'median' },
      { expr: quantile(0.95, 'sluice_restart_duration_seconds', '$__range'), legend: '95 %' },
    ],
  }),
  lines({
    title: 'Duration of a rotation',
    description:
      'From the change of a Secret until its last stale pod was replaced; those that a newer change or the end of all users cut short are left out.',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: quantile(
          0.5,
          'sluice_rotation_duration_seconds',
          '$__range',
          '{outcome="succeeded"}',
        ),
        legend: 'median',
      },
      {
        expr: quantile(
          0.95,
          'sluice_rotation_duration_seconds',
          '$__range',
          '{outcome="succeeded"}',
        ),
        legend: '95 %',
      },
    ],
  }),
]
