/**
 * What is running now, and when will it be done?
 */
import { lines, list, number } from './panel.ts'

const ETA =
  'max by (namespace, source) (sluice_rotation_eta_timestamp_seconds{namespace=~"$namespace"})'

export const running = [
  number({
    title: 'Rotations under way',
    description: 'Secrets whose last change has not reached every pod.',
    unit: 'short',
    width: 4,
    query: { expr: 'max(sluice_rotations_active)' },
  }),
  number({
    title: 'Workloads being restarted',
    description:
      'Restarts under way, at most maxConcurrentRestarts (1 by default), more for urgent Secrets.',
    unit: 'short',
    width: 4,
    query: { expr: 'max(sluice_restarts_active)' },
  }),
  number({
    title: 'Until all is fresh',
    description:
      'Time until the last rotation that has an end is expected to be done. One that is held until somebody acts has none.',
    unit: 's',
    width: 4,
    none: 'nothing runs',
    query: { expr: `clamp_min(max(${ETA} - time()), 0)` },
  }),
  list({
    title: 'Rotations and their ends',
    description: 'Each Secret under way, and when its last stale pod is expected to be replaced.',
    unit: 'dateTimeFromNow',
    width: 12,
    none: 'nothing runs',
    columns: ['namespace', 'source'],
    value: 'done',
    // Grafana counts from the epoch in milliseconds.
    query: { expr: `${ETA} * 1000` },
  }),
  lines({
    title: 'Rotations and restarts',
    description: 'How much is under way, and how many workloads wait for their turn.',
    unit: 'short',
    width: 24,
    queries: [
      { expr: 'max(sluice_rotations_active)', legend: 'rotations' },
      { expr: 'max(sluice_restarts_active)', legend: 'restarts' },
      { expr: 'max(sluice_restarts_waiting)', legend: 'waiting' },
    ],
  }),
]
