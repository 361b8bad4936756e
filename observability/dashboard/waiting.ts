/**
 * What waits, and why?
 */
import { lines, list, number } from './panel.ts'
import { ofWorkloads } from './queries.ts'

export const waiting = [
  number({
    title: 'Workloads that wait',
    description: 'Workloads with stale pods whose restart has not begun.',
    unit: 'short',
    width: 4,
    query: { expr: 'max(sluice_restarts_waiting)' },
  }),
  number({
    title: 'Halted groups',
    description:
      'Groups that are stopped by a failed restart or a breaker. They need a person: see the runbook, SluiceGroupHalted.',
    unit: 'short',
    width: 4,
    query: { expr: 'sum(max by (group) (sluice_group_halted)) or vector(0)' },
    bad: 1,
  }),
  lines({
    title: 'Held workloads by reason',
    description:
      'How many workloads are held for each reason. Budgets and quiet periods pass by themselves; kubectl get consumers explains the others.',
    unit: 'short',
    width: 16,
    stacked: true,
    queries: [
      { expr: `sum by (reason) (${ofWorkloads('sluice_hold', 'reason')})`, legend: '{{reason}}' },
    ],
  }),
  list({
    title: 'Held workloads',
    description: 'Each workload that is held now, and the reason.',
    unit: 'short',
    width: 16,
    none: 'nothing is held',
    columns: ['namespace', 'workload', 'reason'],
    value: 'held',
    query: { expr: `${ofWorkloads('sluice_hold', 'reason')} == 1` },
  }),
  list({
    title: 'Halted',
    description: 'Each halted group. kubectl get halts --all-namespaces says why.',
    unit: 'short',
    width: 8,
    none: 'nothing is halted',
    columns: ['group'],
    value: 'halted',
    query: { expr: 'max by (group) (sluice_group_halted) == 1' },
  }),
]
