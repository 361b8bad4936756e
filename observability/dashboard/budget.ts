/**
 * The budget against what is starting.
 */
import { lines } from './panel.ts'

export const budget = [
  lines({
    title: 'Starting pods by group',
    description:
      'Pods of each group that are starting, whatever started them, against maxStartingPods where that is set. They are what meets the database next; Sluice never starts one beyond the limit.',
    unit: 'short',
    width: 16,
    queries: [
      { expr: 'max by (group) (sluice_starting_pods)', legend: '{{group}}' },
      { expr: 'min(sluice_starting_pods_limit) < Inf', legend: 'limit' },
    ],
  }),
  lines({
    title: 'Evictions',
    description:
      'Evictions by outcome. "refused" is a PodDisruptionBudget that says not now; "failed" is anything else.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: 'sum by (outcome) (increase(sluice_evictions_total[$__rate_interval]))',
        legend: '{{outcome}}',
      },
    ],
  }),
]
