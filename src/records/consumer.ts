/**
 * The Consumer object, `consumers.sluice.dev/v1alpha1`: what Sluice knows about one opted-in workload, kept in the
 * cluster so that a restart of Sluice loses no rotation and repeats none. Pure: from and to the wire form.
 */
import { localSource, sourceIn, type LocalSource } from '../model/refs.ts'
import { STATES, type State } from '../model/state.ts'
import * as z from 'zod'
import type { RecordedSource } from '../sources/recorded.ts'
import type { Entry, Timeline } from '../sources/timeline.ts'
import type { OwnerReference } from '../workloads/pod.ts'

export const CONSUMER_GROUP = 'sluice.dev'
export const CONSUMER_VERSION = 'v1alpha1'

/** How a workload is made fresh; chosen when the restart starts and kept until it ends. */
export const STRATEGIES = ['evict', 'rollout'] as const
export type Strategy = (typeof STRATEGIES)[number]

/** A restart under way. */
export interface Restart {
  readonly id: string
  readonly strategy: Strategy
  /** Milliseconds, API server's clock. */
  readonly startedAt: number
  /** Of the pods that it makes, once known: only a failure under this hash is its own. */
  readonly templateHash?: string | undefined
  /** Its id was seen in the pod template: where it is there no more, somebody undid it. */
  readonly patched?: boolean | undefined
  /** A pod was not Ready when it began: what fails then need not be the content's fault. */
  readonly wasUnwell?: boolean | undefined
  /** `spec.replicas` when it began: pods that somebody adds meanwhile are not its own. */
  readonly replicas?: number | undefined
}

/** One content of one source, as a digest. */
export interface Content {
  readonly source: LocalSource
  readonly key: string
  readonly digest: string
}

/** What kind of failure stopped a restart. */
const FAILURE_KINDS = [
  /** A new pod ran and is no good: the content is suspect, and its groups are halted. */
  'Unfit',
  /** A new pod never ran, or the workload was unwell before: only this workload is held. */
  'CannotStart',
  /**
   * The workload's own shape allows no new pod: a quota of its namespace, a surge that finds no place, an old pod that
   * does not end. As `CannotStart`, and evidence of nothing that could hit another workload.
   */
  'Blocked',
  /** The patch of its rollout was taken out of the template again. As `Blocked`. */
  'Undone',
] as const

/** A restart that failed. */
export interface Failure {
  readonly id: string
  readonly kind: (typeof FAILURE_KINDS)[number]
  readonly failedAt: number
  readonly message: string
  /** What it failed with: other content ends the failure. */
  readonly contents: readonly Content[]
  /** Names of its Halts that were seen: one that is gone since was deleted by a person. */
  readonly halts?: readonly string[] | undefined
}

/** A restart that ended. */
interface FinishedRestart {
  readonly id: string
  readonly finishedAt: number
}

/** The part that decides what happens next. */
export interface Ledger {
  /** Of the HMAC key that the digests were made with. */
  readonly keyFingerprint: string
  /** By key of the source in its namespace. */
  readonly sources: ReadonlyMap<LocalSource, RecordedSource>
  readonly restart: Restart | undefined
  readonly lastRestart: FinishedRestart | undefined
  /** The failure that stands. */
  readonly failure?: Failure | undefined
  /** UIDs of the ReplicaSets whose pods it is about: a Deployment that is created anew takes them over, and it with them. */
  readonly replicaSets?: readonly string[] | undefined
}

/** The part that people read. */
export interface Report {
  readonly state: State
  /** Why it is not being restarted now: a hold reason, or '' . */
  readonly reason: string
  readonly message: string
  readonly stalePods: number
  readonly unknownPods: number
  readonly unprovenPods: number
  /** Pods with a container that may still start with older content. */
  readonly pendingPods: number
}

/** A Consumer as watched. */
export interface ConsumerRecord {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** UID of the workload it belongs to. */
  readonly ownerUid: string | undefined
  readonly status: ConsumerStatus | undefined
  /** What is wrong with the status, if it cannot be read. */
  readonly fault: string | undefined
}

export interface ConsumerStatus {
  readonly ledger: Ledger
  readonly report: Report
  /** When the state became what it is (ms). */
  readonly since: number
}

/** The name of a workload's Consumer. */
export function consumerName({ kind, name }: { kind: string; name: string }): string {
  return `${kind.toLowerCase()}-${name}`.slice(0, 253)
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const digest = z.string().regex(/^(absent|lost|[0-9a-f]{32}(-[0-9]+)?)$/)
const resourceVersion = z.string().regex(/^[0-9]*$/)
const entry = z
  .object({
    digest,
    since: time.optional(),
    notBefore: time.optional(),
    version: resourceVersion.optional(),
    missing: z.boolean().optional(),
    created: z.boolean().optional(),
  })
  .transform(({ since = -Infinity, ...wire }) => ({ ...wire, since }))
const timeline = z.tuple([entry], entry).refine((entries) => backwards(entries) === undefined, {
  error: ({ input }) =>
    `expected times that do not go backwards, found ${backwards(input as Timeline) ?? ''}`,
})

/** The first time that is earlier than the one before it. */
function backwards(entries: Timeline): string | undefined {
  for (const [index, { since }] of entries.entries()) {
    const before = entries[index - 1]?.since ?? -Infinity
    if (since < before) return `${since > -Infinity ? iso(since) : 'no time'} after ${iso(before)}`
  }
  return undefined
}

const localSourceSchema = z.templateLiteral([z.enum(['secret', 'configmap']), '/', z.string()])

export const contentsSchema = z.array(
  z.object({ source: localSourceSchema, key: z.string(), digest }),
)

/** What is recorded of one source, as a Consumer and a Rotation have it. */
export const recordedSourceSchema = z
  .object({
    uid: z.string(),
    resourceVersion,
    writtenAt: time.default(-Infinity),
    seenAt: time.default(-Infinity),
    contents: z.array(z.object({ key: z.string(), timeline })),
  })
  .transform(({ contents, ...rest }): RecordedSource => {
    const timelines = contents.map((each) => [each.key, each.timeline] as const)
    return { ...rest, timelines: new Map<string, Timeline>(timelines) }
  })

/** Unknown fields are passed over, so that a neighbouring version's state can be read. */
const statusSchema = z.object({
  state: z.enum(STATES),
  reason: z.string().default(''),
  message: z.string().default(''),
  since: time,
  stalePods: z.int().min(0).default(0),
  unknownPods: z.int().min(0).default(0),
  unprovenPods: z.int().min(0).default(0),
  pendingPods: z.int().min(0).default(0),
  keyFingerprint: z.string().regex(/^[0-9a-f]{32}$/),
  sources: z
    .array(
      z
        .object({ kind: z.enum(['Secret', 'ConfigMap']), name: z.string() })
        .and(recordedSourceSchema),
    )
    .default([]),
  restart: z
    .object({
      id: z.string(),
      strategy: z.enum(STRATEGIES),
      startedAt: time,
      templateHash: z.string().optional(),
      patched: z.boolean().optional(),
      wasUnwell: z.boolean().optional(),
      replicas: z.int().min(0).optional(),
    })
    .optional(),
  failure: z
    .object({
      id: z.string(),
      kind: z.enum(FAILURE_KINDS),
      failedAt: time,
      message: z.string(),
      contents: contentsSchema,
      halts: z.array(z.string()).optional(),
    })
    .optional(),
  lastRestart: z.object({ id: z.string(), finishedAt: time }).optional(),
  replicaSets: z.array(z.string()).optional(),
})

/** The wire form of a Consumer; `spec` is empty by design: it is a record, not a wish. */
export interface RawConsumer {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly ownerReferences?: readonly OwnerReference[]
  }
  readonly status?: unknown
}

/** How many faults of one status are told: enough to see what happened to it. */
const MOST_FAULTS = 5

/** Reads a Consumer. A malformed status is named in `fault`, never thrown; Sluice writes nothing into such a Consumer. */
export function readConsumer(raw: RawConsumer): ConsumerRecord {
  const { namespace, name, uid, resourceVersion, ownerReferences } = raw.metadata
  const ownerUid = ownerReferences?.find((owner) => consumerName(owner) === name)?.uid
  const base = { namespace, name, uid, resourceVersion, ownerUid }
  if (raw.status === undefined) return { ...base, status: undefined, fault: undefined }
  const parsed = statusSchema.safeParse(raw.status)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }) => `status.${path.join('.')}: ${message}`,
    )
    const fault = faults.length > MOST_FAULTS ? faults.slice(0, MOST_FAULTS).concat('…') : faults
    return { ...base, status: undefined, fault: fault.join('; ') }
  }
  const { keyFingerprint, sources, since, ...others } = parsed.data
  const { restart, lastRestart, failure, replicaSets, ...report } = others
  const recorded = sources.map((source) => {
    const { uid: sourceUid, resourceVersion: upTo, writtenAt, seenAt, timelines } = source
    const read = { uid: sourceUid, resourceVersion: upTo, writtenAt, seenAt, timelines }
    return [localSource(source), read] as const
  })
  const restarts = { restart, lastRestart, failure, replicaSets }
  const ledger = { keyFingerprint, sources: new Map(recorded), ...restarts }
  return { ...base, status: { ledger, report, since }, fault: undefined }
}

/** The wire form of a status: stable order, no value of a Secret in it. */
export function writeStatus(status: ConsumerStatus): Record<string, unknown> {
  const { ledger, report, since } = status
  const { restart, lastRestart, failure, replicaSets } = ledger
  return {
    ...report,
    since: iso(since),
    keyFingerprint: ledger.keyFingerprint,
    sources: sorted(ledger.sources).map(([local, recorded]) => {
      const { kind, name } = sourceIn('', local)
      return { kind, name, ...writeRecordedSource(recorded) }
    }),
    ...(restart && { restart: { ...restart, startedAt: iso(restart.startedAt) } }),
    ...(lastRestart && {
      lastRestart: { ...lastRestart, finishedAt: iso(lastRestart.finishedAt) },
    }),
    ...(failure && { failure: { ...failure, failedAt: iso(failure.failedAt) } }),
    ...(replicaSets && { replicaSets }),
  }
}

function writeEntry({ digest: of, since, notBefore, version, missing, created }: Entry) {
  return {
    digest: of,
    ...(since > -Infinity && { since: iso(since) }),
    // Where nobody knows: at any time.
    ...(notBefore !== undefined && { notBefore: iso(Math.max(0, notBefore)) }),
    ...(version && { version }),
    ...(missing && { missing }),
    ...(created && { created }),
  }
}

/** The wire form of what is recorded of one source. */
export function writeRecordedSource(recorded: RecordedSource): Record<string, unknown> {
  const { uid, resourceVersion: upTo, writtenAt, seenAt, timelines } = recorded
  return {
    uid,
    resourceVersion: upTo,
    ...(writtenAt > -Infinity && { writtenAt: iso(writtenAt) }),
    ...(seenAt > -Infinity && { seenAt: iso(seenAt) }),
    contents: sorted(timelines).map(([key, entries]) => ({
      key,
      timeline: entries.map(writeEntry),
    })),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}

function sorted<K extends string, T>(map: ReadonlyMap<K, T>): [K, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
