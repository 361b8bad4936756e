/**
 * Every metric of Sluice's own, as data: what is exported, documented (docs/metrics.md) and checked comes from here.
 */

/** One metric. Its unit is the end of its name, as Prometheus has it. */
export interface Definition {
  readonly name: `sluice_${string}`
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[]
}

/** As in the kubernetes-mixin, so that its dashboards and rules can be joined. */
const WORKLOAD = ['namespace', 'workload_type', 'workload'] as const

const gauge = (name: Definition['name'], help: string, ...labels: string[]): Definition => ({
  name,
  type: 'gauge',
  help,
  labels,
})
const counter = (name: Definition['name'], help: string, ...labels: string[]): Definition => ({
  name,
  type: 'counter',
  help,
  labels,
})
const histogram = (
  name: Definition['name'],
  help: string,
  buckets: readonly number[],
  ...labels: string[]
): Definition => ({ name, type: 'histogram', help, labels, buckets })

/** What the leader shows of the workloads in its care; another Sluice has no series of these. */
export const FLEET = {
  stalePods: gauge(
    'sluice_stale_pods',
    'Running pods that hold content of a source that is not current any more.',
    ...WORKLOAD,
  ),
  unknownPods: gauge(
    'sluice_unknown_pods',
    'Running pods that may be older than the last change that was made before Sluice first saw the source; no series for 0.',
    ...WORKLOAD,
  ),
  unprovenPods: gauge(
    'sluice_unproven_pods',
    'Running pods that were created so close to a change that nothing proves what they hold; they are replaced. No series for 0.',
    ...WORKLOAD,
  ),
  unverifiedPods: gauge(
    'sluice_unverified_pods',
    'Running pods that were created before the last change of a source that they mount as a plain volume and are not restarted for; no series for 0.',
    ...WORKLOAD,
  ),
  staleSince: gauge(
    'sluice_stale_since_timestamp_seconds',
    'When the oldest content that a stale pod holds was replaced, in seconds since the epoch; no series while none is stale.',
    ...WORKLOAD,
  ),
  hold: gauge(
    'sluice_hold',
    'Whether the workload is held for this reason: 1 while it is, no series else.',
    ...WORKLOAD,
    'reason',
  ),
  invalidSettings: gauge(
    'sluice_invalid_settings',
    'Annotations of the workload or its Namespace whose value cannot be read; no series for 0.',
    ...WORKLOAD,
  ),
  restarts: counter(
    'sluice_restarts_total',
    'Restarts of the workload that have ended.',
    ...WORKLOAD,
    'strategy',
    'outcome',
  ),
  rotationEta: gauge(
    'sluice_rotation_eta_timestamp_seconds',
    'When the last change of the source is expected to have reached every pod, in seconds since the epoch; no series where no end can be forecast.',
    'namespace',
    'source_kind',
    'source',
  ),
  oldContentPods: gauge(
    'sluice_old_content_pods',
    'Running pods of the namespace that hold old content of the source, or are not proven not to, opted in or not; plain volumes aside. A series from the change until no such pod is left.',
    'namespace',
    'source_kind',
    'source',
  ),
  startingPods: gauge(
    'sluice_starting_pods',
    'Pods of the group that are starting, whatever started them; no series for 0.',
    'group',
  ),
  startingPodsLimit: gauge(
    'sluice_starting_pods_limit',
    'How many pods of the group may be starting at once, +Inf for no limit; no series while none is starting.',
    'group',
  ),
  groupHalted: gauge(
    'sluice_group_halted',
    'Whether restarts of the group are halted: 1 while they are, no series else.',
    'group',
  ),
  sourceChanges: counter(
    'sluice_source_changes_total',
    'Changes of the consumed content of the source, a Secret or a ConfigMap.',
    'namespace',
    'source_kind',
    'source',
  ),
} as const

/** What every process shows of itself; what is about rotations stays at 0 in one that does not lead. */
export const PROCESS = {
  rotationsActive: gauge(
    'sluice_rotations_active',
    'Sources whose last change has not reached every pod.',
  ),
  restartsActive: gauge('sluice_restarts_active', 'Workloads that are being restarted.'),
  restartsWaiting: gauge('sluice_restarts_waiting', 'Workloads that wait for their restart.'),
  restartDuration: histogram(
    'sluice_restart_duration_seconds',
    'Time from the start of a restart to its end.',
    [5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600],
    'strategy',
    'outcome',
  ),
  rotationDuration: histogram(
    'sluice_rotation_duration_seconds',
    'Time from the change of a source until its last stale pod was replaced (succeeded), it changed again (superseded), or nothing was left to restart (abandoned).',
    // A rotation is many restarts in a row.
    [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600],
    'outcome',
  ),
  evictions: counter('sluice_evictions_total', 'Evictions that were asked for.', 'outcome'),
  reportsDropped: counter(
    'sluice_reports_dropped_total',
    'Rotation objects and Events that could not be written, and were given up.',
    'kind',
  ),
  planningDuration: histogram(
    'sluice_planning_duration_seconds',
    'Time that it took to make one plan.',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  ),
  snapshotAge: gauge(
    'sluice_snapshot_age_seconds',
    'Age of the picture that the last plan was made from; a plan is made when something changes.',
  ),
  watchRestarts: counter(
    'sluice_watch_restarts_total',
    'Watches that had to start again.',
    'resource',
  ),
  watchLastEvent: gauge(
    'sluice_watch_last_event_timestamp_seconds',
    'When a watch last delivered anything, bookmarks included, in seconds since the epoch; 0 for never.',
    'resource',
  ),
  watchBlind: gauge(
    'sluice_watch_blind',
    'Whether a watch fails, is incomplete or has been silent for two bookmark intervals: 1 while it is. No restart is started meanwhile.',
    'resource',
  ),
  objects: gauge('sluice_objects', 'Objects in the picture of the cluster.', 'resource'),
  apiRequests: counter(
    'sluice_api_requests_total',
    'Requests to the API server.',
    'verb',
    'resource',
    'code',
  ),
  apiRequestDuration: histogram(
    'sluice_api_request_duration_seconds',
    'Time from a request to the API server to its answer.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    'verb',
    'resource',
    'code',
  ),
  leader: gauge(
    'sluice_leader',
    'Whether this process leads, and shows the fleet: 1 while it does.',
  ),
  paused: gauge('sluice_paused', 'Whether all of Sluice is paused: 1 while it is.'),
  ineffectiveAnnotations: gauge(
    'sluice_ineffective_annotations',
    'Objects with an annotation or label of Sluice that can have no effect there, and workloads that the opt-in of their Namespace does not reach; each has an Event that says why.',
    'namespace',
    'kind',
  ),
  memoryLimit: gauge(
    'sluice_memory_limit_bytes',
    'Memory that the container may use, by its cgroup; no series where it has no limit.',
  ),
  buildInfo: gauge(
    'sluice_build_info',
    'The version that runs, with the value 1.',
    'version',
    'node_version',
  ),
} as const
