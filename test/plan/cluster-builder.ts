/**
 * Builds small pictures of a cluster for tests of the plan: everything has a calm default, a test states only what
 * it is about. One Deployment `web` in `shop` with three Ready pods that read `db/password` into their environment.
 */
import { localSource, sourceIn, type LocalSource } from '../../src/model/refs.ts'
import { SECRET } from '../../src/sources/kinds/secret.ts'
import type { ConsumerRecord, Ledger, Report } from '../../src/records/consumer.ts'
import { consumerName } from '../../src/records/consumer.ts'
import type { RolloutShape, WorkloadRecord } from '../../src/workloads/workload.ts'
import type { ContainerRecord, PodRecord } from '../../src/workloads/pod.ts'
import { readSettings, type Settings } from '../../src/workloads/settings.ts'
import type { PodUses, Use } from '../../src/workloads/uses.ts'
import type { Policy } from '../../src/plan/policy.ts'
import type { Pending, Snapshot, ManagedWorkload } from '../../src/plan/snapshot.ts'
import { ABSENT, createDigester } from '../../src/sources/digest.ts'
import {
  historyOf,
  keysOf,
  missingSource,
  readSource,
  type SourceRecord,
} from '../../src/sources/source.ts'
import type { RecordedSource } from '../../src/sources/recorded.ts'
import type { Timeline } from '../../src/sources/timeline.ts'

type Annotations = Readonly<Record<string, string>>

/** A whole second long ago; all times of tests are counted from here. */
export const EPOCH = Date.parse('2026-03-01T12:00:00Z')

/** So many seconds after {@link EPOCH}, in milliseconds. */
export function at(seconds: number): number {
  return EPOCH + seconds * 1000
}

/** As the API server writes a time: whole seconds, the fraction cut off. */
export function apiTime(time: number): string {
  return new Date(Math.floor(time / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

export const digester = createDigester(Buffer.from('a key for tests'))

export const policy: Policy = {
  failureWindow: 1_800_000,
  failureCooldown: 600_000,
  mode: 'act',
  managedNamespaces: 'all',
  quietPeriod: 5000,
  margin: 2000,
  nodeMargin: 60_000,
  maxConcurrentRestarts: 1,
  maxConcurrentPerGroup: 1,
  maxStartingPods: Infinity,
  urgentMaxUnavailable: { kind: 'percent', value: 25 },
  urgentMaxConcurrentRestarts: 4,
  urgentReach: 'cluster',
}

export const defaults = {
  sources: new Set(['Secret', 'ConfigMap'] as const),
  volumes: 'ignore',
  strategy: 'auto',
  maxUnavailable: { kind: 'count', value: 1 },
  minRestartInterval: 300_000,
  settle: 5000,
  waitForTermination: true,
} as const

export function settings(
  own: Annotations = {},
  namespace: Annotations = {},
  template: Annotations = {},
): Settings {
  const prefixed = (annotations: Annotations) =>
    Object.fromEntries(Object.entries(annotations).map(([name, v]) => [`sluice.dev/${name}`, v]))
  const workload = { annotations: prefixed(own), templateAnnotations: prefixed(template) }
  return readSettings(workload, prefixed(namespace), defaults)
}

export const password: Use = {
  source: 'secret/db',
  selector: 'password',
  mode: 'env',
  optional: false,
}

/** One container `app` with these uses. */
export function appUses(...uses: readonly Use[]): PodUses {
  return [{ container: 'app', init: false, uses }]
}

const PASSWORD_USES = appUses(password)

/** What a test says of a workload, the shape of its rollout among the rest. */
export type WorkloadOptions = Partial<WorkloadRecord> & Partial<RolloutShape>

export function deployment(
  name = 'web',
  change: WorkloadOptions & { namespace?: string } = {},
): WorkloadRecord {
  const { namespace = 'shop', recreates, maxSurge, maxUnavailable, ...others } = change
  const { wantsNoneAway, exclusive, ...rest } = others
  const replicas = change.replicas ?? 3
  return {
    ref: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace,
      name,
      uid: `uid-of-${namespace}-${name}`,
    },
    resourceVersion: '1000',
    annotations: {},
    templateAnnotations: {},
    otherRestarter: undefined,
    replicas,
    paused: false,
    rollout: {
      recreates: recreates ?? false,
      maxSurge: maxSurge ?? 1,
      maxUnavailable: maxUnavailable ?? 0,
      wantsNoneAway: wantsNoneAway ?? false,
      exclusive: exclusive ?? false,
    },
    minReady: 0,
    progressDeadline: 600_000,
    restartId: undefined,
    uses: PASSWORD_USES,
    observed: true,
    status: { replicas, updated: replicas },
    creationRefusedSince: undefined,
    ...rest,
  }
}

export interface PodChange extends Partial<Omit<PodRecord, 'ref' | 'containers'>> {
  readonly container?: Partial<ContainerRecord>
  readonly containers?: readonly ContainerRecord[]
}

/** A running container that started with its pod, was never restarted, and was shown soon after its start. */
export function container(
  createdAt: number,
  change: Partial<ContainerRecord> = {},
): ContainerRecord {
  return {
    name: 'app',
    init: false,
    id: 'containerd://1',
    state: 'running',
    waitingReason: undefined,
    startedAt: createdAt + 1000,
    restarts: 0,
    lastRun: undefined,
    absentAt: -Infinity,
    presentAt: (change.startedAt ?? createdAt + 1000) + 2000,
    ...change,
  }
}

/** A Ready pod, created an hour before {@link EPOCH} if nothing else is said. */
export function pod(name: string, { container: only, ...change }: PodChange = {}): PodRecord {
  const createdAt = change.createdAt ?? at(-3600)
  const ready = change.ready ?? true
  return {
    ref: { namespace: 'shop', name, uid: `uid-of-${name}` },
    controllerUid: 'replica-set',
    owner: 'ReplicaSet/web-1',
    restartId: undefined,
    templateHash: 'hash',
    createdAt,
    createdVersion: undefined,
    terminal: false,
    terminating: false,
    leaving: undefined,
    scheduledAt: createdAt,
    ready,
    readyAt: ready ? createdAt + 3000 : undefined,
    unreadyAt: ready ? undefined : createdAt,
    clockSkew: 0,
    uses: PASSWORD_USES,
    containers: [container(createdAt, only)],
    statusAt: createdAt + 3000,
    ...change,
  }
}

/** A change of a Secret: `data` in plain text, null for one that does not exist. */
export interface Written {
  readonly at: number
  readonly data: Readonly<Record<string, string>> | null
  readonly immutable?: boolean
  readonly uid?: string
  /** When the object was created, if not by the first write under its UID. */
  readonly createdAt?: number
}

/** The record of a Secret that Sluice watched from its first write on. */
export function source(name: string, ...writes: readonly Written[]): SourceRecord {
  const ref = { kind: 'Secret', namespace: 'shop', name } as const
  let record: SourceRecord | undefined
  for (const [
    index,
    { at: time, data, immutable = false, uid = `uid-of-${name}`, createdAt },
  ] of writes.entries()) {
    if (data === null) {
      record = missingSource(ref, record, time)
      continue
    }
    const raw = {
      metadata: {
        ...ref,
        uid,
        resourceVersion: String(100 + index),
        creationTimestamp: apiTime(createdAt ?? (record?.uid === uid ? record.createdAt : time)),
        managedFields: [{ time: apiTime(time), fieldsV1: { 'f:data': {} } }],
      },
      immutable,
      data: base64(data),
    }
    record = readSource(SECRET, raw, record, digester, time)
  }
  return record ?? missingSource(ref, undefined, at(-7200))
}

export function base64(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
}

/** A ledger that says: every pod is known to hold the first version of these sources. */
export function appliedLedger(
  sources: readonly SourceRecord[],
  change: Partial<Ledger> = {},
  selectors: readonly string[] = ['password'],
): Ledger {
  const recorded = sources.map((each): readonly [LocalSource, RecordedSource] => {
    const { uid, first } = each
    if (!first) throw new Error('the source is not read')
    const { writtenAt, seenAt, entries } = first
    const keys = selectors.includes('*')
      ? new Set([...selectors, ...keysOf(each), ...each.changed.keys()])
      : selectors
    const timelines = [...keys].flatMap((key): [string, Timeline][] => {
      const missing = entries[0].missing ? { missing: true } : {}
      const digest = key === '*' ? ABSENT : historyOf(each, key)?.[0].digest
      return digest === undefined ? [] : [[key, [{ digest, since: -Infinity, ...missing }]]]
    })
    const resourceVersion = entries[0].version ?? ''
    return [
      localSource(each.ref),
      { uid, resourceVersion, writtenAt, seenAt, timelines: new Map(timelines) },
    ]
  })
  return {
    keyFingerprint: digester.fingerprint,
    sources: new Map(recorded),
    restart: undefined,
    lastRestart: undefined,
    replicaSets: ['replica-set'],
    ...change,
  }
}

export const calmReport: Report = {
  state: 'Fresh',
  reason: '',
  message: '',
  stalePods: 0,
  unknownPods: 0,
  unprovenPods: 0,
  pendingPods: 0,
}

/** The Consumer of a Deployment with this ledger. */
export function consumer(
  of: WorkloadRecord,
  ledger: Ledger | undefined,
  change: Partial<ConsumerRecord> = {},
): ConsumerRecord {
  const { namespace, uid } = of.ref
  return {
    namespace,
    name: consumerName(of.ref),
    uid: `consumer-of-${uid}`,
    resourceVersion: '1',
    ownerUid: uid,
    status: ledger && { ledger, report: calmReport, since: at(-3600) },
    fault: undefined,
    ...change,
  }
}

export const nothingPending: Pending = {
  write: undefined,
  evicted: new Set(),
  refusal: undefined,
  reportedAt: -Infinity,
  owedSince: at(6),
}

export interface WorkloadChange {
  readonly workload?: WorkloadRecord
  readonly pods?: readonly PodRecord[]
  readonly annotations?: Annotations
  readonly settings?: Settings
  readonly managed?: boolean
  readonly sources?: readonly SourceRecord[]
  readonly ledger?: Partial<Ledger> | null
  readonly missingSince?: number
  readonly consumer?: ConsumerRecord | undefined
  readonly pending?: Partial<Pending>
}

/** `db` as it was long before {@link EPOCH}, and changed at it. */
export const rotatedDb = source(
  'db',
  { at: at(-7200), data: { password: 'old', user: 'app' } },
  { at: at(-0.5), data: { password: 'new', user: 'app' } },
)

/** `db` as it was long before {@link EPOCH}. */
export const calmDb = source('db', { at: at(-7200), data: { password: 'old', user: 'app' } })

/** A workload with a stale fleet: `db` changed at {@link EPOCH}. `ledger: null` means that it has no Consumer. */
export function workload(change: WorkloadChange = {}): ManagedWorkload {
  const { workload: of = deployment(), sources = [rotatedDb], ledger = {} } = change
  const pods =
    change.pods ??
    Array.from({ length: of.replicas }, (_, index) => pod(`${of.ref.name}-${index + 1}`))
  const byName = new Map(sources.map((each) => [localSource(each.ref), each]))
  return {
    workload: of,
    pods,
    settings: change.settings ?? settings(change.annotations),
    managed: change.managed ?? true,
    consumer:
      'consumer' in change
        ? change.consumer
        : ledger === null
          ? undefined
          : consumer(of, appliedLedger(sources, ledger)),
    source: (local) => byName.get(local) ?? source(sourceIn('shop', local).name),
    ...(change.missingSince !== undefined && { missingSince: change.missingSince }),
    pending: { ...nothingPending, ...change.pending },
  }
}

/** A picture of these workloads. */
export function snapshot(
  workloads: readonly ManagedWorkload[],
  change: Partial<Omit<Snapshot, 'workloads'>> = {},
): Snapshot {
  return {
    paused: false,
    keyFingerprint: digester.fingerprint,
    leftovers: [],
    halts: [],
    bystanders: () => [],
    ...change,
    workloads,
  }
}
