/**
 * The health of Sluice itself.
 */
import { lines, list, number } from './panel.ts'
import { quantile } from './queries.ts'

export const health = [
  number({
    title: 'Up',
    description:
      'Processes of Sluice that answer. None: nothing is restarted, and stale pods stay.',
    unit: 'short',
    width: 3,
    query: { expr: 'sum(up{job="$job"})' },
  }),
  number({
    title: 'Leaders',
    description: 'Exactly one leads and acts; the others stand by.',
    unit: 'short',
    width: 3,
    query: { expr: 'sum(sluice_leader{job="$job"})' },
  }),
  number({
    title: 'Paused',
    description: 'Whether the kill switch is on: the annotation paused on the Namespace of Sluice.',
    unit: 'short',
    width: 3,
    query: { expr: 'max(sluice_paused{job="$job"})' },
    warn: 1,
  }),
  number({
    title: 'Reports dropped',
    description: 'Rotation objects and Events that could not be written in the time shown.',
    unit: 'short',
    width: 3,
    query: {
      expr: 'sum(increase(sluice_reports_dropped_total{job="$job"}[$__range])) or vector(0)',
    },
    warn: 1,
  }),
  list({
    title: 'Versions',
    description: 'What runs.',
    unit: 'short',
    width: 12,
    columns: ['pod', 'version', 'node_version'],
    value: 'runs',
    query: { expr: 'max by (pod, version, node_version) (sluice_build_info{job="$job"})' },
  }),
  lines({
    title: 'Silence of the watches',
    description:
      'Time since each watch last delivered anything, bookmarks included: a healthy one delivers a bookmark about every minute. After 130 s without one no restart is started.',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: 'max by (resource) (time() - (sluice_watch_last_event_timestamp_seconds{job="$job"} > 0))',
        legend: '{{resource}}',
      },
    ],
  }),
  lines({
    title: 'Watch restarts',
    description:
      'Ends of watches. The API server ends each one every few minutes; many more are a fault.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: 'sum by (resource) (increase(sluice_watch_restarts_total{job="$job"}[$__rate_interval]))',
        legend: '{{resource}}',
      },
    ],
  }),
  lines({
    title: 'Requests to the API server',
    description:
      'By verb and code. 429 is load or a PodDisruptionBudget, 409 a stale picture; both are tried again.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expr: 'sum by (verb, code) (rate(sluice_api_requests_total{job="$job"}[$__rate_interval]))',
        legend: '{{verb}} {{code}}',
      },
    ],
  }),
  lines({
    title: 'Answers of the API server',
    description: 'The time within which 95 % of the requests were answered; watches are not in it.',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: 'histogram_quantile(0.95, sum by (le, verb) (rate(sluice_api_request_duration_seconds_bucket{job="$job", verb!="watch"}[$__range])))',
        legend: '{{verb}}',
      },
    ],
  }),
  lines({
    title: 'Time to plan',
    description: 'One plan over the whole cluster. It is made whenever something changes.',
    unit: 's',
    width: 8,
    queries: [
      { expr: quantile(0.5, 'sluice_planning_duration_seconds', '$__range'), legend: 'median' },
      { expr: quantile(0.99, 'sluice_planning_duration_seconds', '$__range'), legend: '99 %' },
    ],
  }),
  lines({
    title: 'Event loop',
    description: 'How late timers of the process are. All of Sluice runs on this one thread.',
    unit: 's',
    width: 8,
    queries: [
      {
        expr: 'max by (pod) (nodejs_eventloop_lag_p99_seconds{job="$job"})',
        legend: '{{pod}} 99 %',
      },
    ],
  }),
  lines({
    title: 'Memory',
    description: 'Resident memory of each process; the limit of the manifest is 256 MiB.',
    unit: 'bytes',
    width: 8,
    queries: [
      { expr: 'max by (pod) (process_resident_memory_bytes{job="$job"})', legend: '{{pod}}' },
    ],
  }),
  lines({
    title: 'CPU',
    description: 'Share of one core that each process takes.',
    unit: 'percentunit',
    width: 12,
    queries: [
      {
        expr: 'sum by (pod) (rate(process_cpu_seconds_total{job="$job"}[$__rate_interval]))',
        legend: '{{pod}}',
      },
    ],
  }),
  lines({
    title: 'Objects in the picture',
    description: 'What is kept in memory of the cluster, by resource.',
    unit: 'short',
    width: 12,
    queries: [{ expr: 'max by (resource) (sluice_objects{job="$job"})', legend: '{{resource}}' }],
  }),
]
