/**
 * The Rotation object, `rotations.sluice.dev/v1alpha1`: one change of one source, and how far it has come. It is a
 * report: nothing is decided by it, and it is made anew from the picture whenever it is lost. Pure: from and to the
 * wire form.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import {
  CONSUMER_GROUP,
  CONSUMER_VERSION,
  recordedSourceSchema,
  writeRecordedSource,
} from './consumer.ts'
import { localSource, type SourceRef } from '../model/refs.ts'
import type { Recorded } from '../sources/source-history.ts'

/** How a rotation can end. */
export const ENDS = [
  /** Every workload that opted in is done; others may still hold old content. */
  'Succeeded',
  /** The source changed again before every consumer was fresh. */
  'Superseded',
  /** The content from before the change came back before anything was restarted for it. */
  'TakenBack',
  /** All of its consumers were deleted or opted out, or the changed content was deleted. */
  'Abandoned',
] as const

/** Where a rotation stands. */
export const PHASES = [
  /** Its restarts wait for their time or their turn. */
  'Waiting',
  /** A workload is being restarted. */
  'Restarting',
  /** Nothing goes on until somebody does something. */
  'Held',
  /** A Halt stops all that is left. */
  'Halted',
  /** A restart failed, and nothing else goes on. */
  'Failed',
  ...ENDS,
] as const
export type Phase = (typeof PHASES)[number]

/** What has become of a part of a rotation. */
export const PROGRESS = ['done', 'restarting', 'waiting', 'held', 'failed', 'unproven'] as const
export type Progress = (typeof PROGRESS)[number]

/** How many there are, and of these how many have come how far. */
export type Counts = Readonly<Record<Progress | 'total', number>>

/** Why workloads are not being restarted now. */
export interface Reason {
  /** A hold's reason. */
  readonly reason: string
  /** How many are held by it. */
  readonly workloads: number
  /** The message of one of them, with its name. */
  readonly example: string
}

export const CONDITION_TYPES = [
  /** Every workload that opted in is done. */
  'Restarted',
  /** No running pod of the namespace holds old content: the old credential can be revoked. */
  'OldContentUnused',
] as const

/** One condition, in the shape of metav1.Condition. */
export interface RotationCondition {
  readonly type: (typeof CONDITION_TYPES)[number]
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** When the status became what it is (ms). */
  readonly since: number
}

/** One change of one source. */
export interface Rotation {
  readonly source: SourceRef
  /** Milliseconds, API server's clock; in whole seconds, so two changes within one second are one rotation. */
  readonly changedAt: number
  readonly phase: Phase
  /** The first digits of the keyed digest of what the source holds: equal ones mean equal content. */
  readonly fingerprint?: string | undefined
  /** The field manager that made the change, where that is known. */
  readonly changedBy?: string | undefined
  readonly workloads: Counts
  readonly pods: Counts
  /** The commonest first. */
  readonly reasons: readonly Reason[]
  /** When its first restart began (ms). */
  readonly startedAt?: number | undefined
  readonly finishedAt?: number | undefined
  /** When it is expected to be done (ms). */
  readonly eta?: number | undefined
  /** Name of the Rotation that took its place. */
  readonly supersededBy?: string | undefined
  readonly conditions: readonly RotationCondition[]
  /** What the uses of running pods stood for, so that a restart of Sluice forgets no pod with old content. */
  readonly record?: Recorded | undefined
}

/** Name of a rotation's object: the same after a restart of Sluice, so that none is made twice. */
export function rotationName({
  source,
  changedAt,
}: Pick<Rotation, 'source' | 'changedAt'>): string {
  const suffix = `-${iso(changedAt).replaceAll(/[-:]/g, '').toLowerCase()}`
  const room = 253 - suffix.length
  const name = localSource(source).replace('/', '-')
  if (name.length <= room) return name + suffix
  const mark = createHash('sha256').update(name).digest('hex').slice(0, 8)
  const start = name.slice(0, room - mark.length - 1).replace(/[-.]+$/, '')
  return `${start}-${mark}${suffix}`
}

/** The wire form of a new object; its status is written apart. */
export function writeRotation(rotation: Rotation): object {
  const { source, changedAt } = rotation
  return {
    apiVersion: `${CONSUMER_GROUP}/${CONSUMER_VERSION}`,
    kind: 'Rotation',
    metadata: { namespace: source.namespace, name: rotationName(rotation) },
    spec: { source: { kind: source.kind, name: source.name }, changedAt: iso(changedAt) },
  }
}

/** The wire form of the status. */
export function writeRotationStatus(rotation: Rotation): object {
  const { phase, fingerprint, changedBy, workloads, pods, reasons, supersededBy } = rotation
  const { startedAt, finishedAt, eta, conditions, record } = rotation
  return {
    phase,
    ...(fingerprint !== undefined && { fingerprint }),
    ...(changedBy !== undefined && { changedBy }),
    progress: { workloads: outOf(workloads), pods: outOf(pods) },
    workloads,
    pods,
    reasons,
    ...(startedAt !== undefined && { startedAt: iso(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: iso(finishedAt) }),
    ...(eta !== undefined && { eta: iso(eta) }),
    ...(supersededBy !== undefined && { supersededBy }),
    conditions: conditions.map(({ since, ...each }) => ({
      ...each,
      lastTransitionTime: iso(since),
    })),
    ...(record && { record: writeRecord(record) }),
  }
}

function writeRecord(record: Recorded): object {
  return { keyFingerprint: record.keyFingerprint, ...writeRecordedSource(record) }
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const count = z.int().min(0)
const counts = z.object({
  total: count,
  done: count,
  restarting: count,
  waiting: count,
  held: count,
  failed: count,
  unproven: count.default(0),
})
const condition = z
  .object({
    type: z.enum(CONDITION_TYPES),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string(),
    message: z.string(),
    lastTransitionTime: time,
  })
  .transform(({ lastTransitionTime: since, ...each }) => ({ ...each, since }))
const recordSchema = recordedSourceSchema.and(z.object({ keyFingerprint: z.string() }))
const schema = z.object({
  spec: z.object({
    source: z.object({ kind: z.enum(['Secret', 'ConfigMap']), name: z.string() }),
    changedAt: time,
  }),
  status: z
    .object({
      phase: z.enum(PHASES),
      fingerprint: z.string().optional(),
      changedBy: z.string().optional(),
      workloads: counts,
      pods: counts,
      reasons: z.array(z.object({ reason: z.string(), workloads: count, example: z.string() })),
      startedAt: time.optional(),
      finishedAt: time.optional(),
      eta: time.optional(),
      supersededBy: z.string().optional(),
      conditions: z.array(condition).default([]),
      // Without it the pods are unknown, which is said.
      record: recordSchema.optional().catch(undefined),
    })
    .optional(),
})

/** The part of an object that is read. */
export interface RawRotation {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly creationTimestamp?: string
  }
  readonly spec?: unknown
  readonly status?: unknown
}

/** Reads an object; `undefined` where it cannot be read, or its name is not that of what it is about. */
export function readRotation(raw: RawRotation): Rotation | undefined {
  const parsed = schema.safeParse(raw)
  if (!parsed.success) return undefined
  const { spec, status } = parsed.data
  const rotation: Rotation = {
    source: { ...spec.source, namespace: raw.metadata.namespace },
    changedAt: spec.changedAt,
    ...(status ?? { phase: 'Waiting', workloads: NONE, pods: NONE, reasons: [], conditions: [] }),
  }
  return rotationName(rotation) === raw.metadata.name ? rotation : undefined
}

/** Nothing of anything. */
export const NONE: Counts = {
  total: 0,
  done: 0,
  restarting: 0,
  waiting: 0,
  held: 0,
  failed: 0,
  unproven: 0,
}

/** Whether its restarts are over. */
export function isFinished({ finishedAt }: Rotation): boolean {
  return finishedAt !== undefined
}

function outOf({ done, total }: Counts): string {
  return `${done}/${total}`
}

/** Whole seconds, as the API server writes times. */
function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')
}
