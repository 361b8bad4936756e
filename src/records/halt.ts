/**
 * The Halt object, `halts.sluice.dev/v1alpha1`: a group that must not be restarted now. It stands for itself: neither a
 * kill of Sluice nor the deletion of the workload that failed ends it, and deleting it releases the group. Pure.
 */
import { KINDS_OF_WORKLOAD, type WorkloadRef } from '../model/refs.ts'
import * as z from 'zod'
import type { Group } from '../model/group.ts'
import { contentsSchema, CONSUMER_GROUP, CONSUMER_VERSION, type Content } from './consumer.ts'

const HALT_REASONS = ['RestartFailed'] as const
type HaltReason = (typeof HALT_REASONS)[number]

/** What a Halt says; written once and never changed. */
export interface HaltSpec {
  readonly reason: HaltReason
  /** What is halted, in its namespace. */
  readonly group: { readonly kind: Group['kind']; readonly name: string }
  readonly message: string
  /** The failure behind it. */
  readonly failure?:
    | {
        readonly id: string
        /** Name of the workload that failed, in the same namespace. */
        readonly workload: Omit<WorkloadRef, 'namespace'>
        /** Of the HMAC key that the digests were made with. */
        readonly keyFingerprint: string
        /** The content that it failed with. */
        readonly contents: readonly Content[]
      }
    | undefined
}

/** A Halt as watched; one that cannot be read halts its whole namespace. */
export interface HaltRecord {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly spec: HaltSpec | undefined
}

const specSchema = z.object({
  reason: z.enum(HALT_REASONS),
  group: z.object({ kind: z.enum(['Secret', 'ConfigMap', 'Group']), name: z.string() }),
  message: z.string().default(''),
  failure: z
    .object({
      id: z.string(),
      workload: z.object({
        apiVersion: z.string(),
        kind: z.enum(KINDS_OF_WORKLOAD),
        name: z.string(),
        uid: z.string(),
      }),
      keyFingerprint: z.string().default(''),
      contents: contentsSchema,
    })
    .optional(),
})

/** The wire form of a Halt. */
export interface RawHalt {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string }
  readonly spec?: unknown
}

/** Reads a Halt. */
export function readHalt({ metadata: { namespace, name, uid }, spec }: RawHalt): HaltRecord {
  const parsed = specSchema.safeParse(spec)
  return { namespace, name, uid, spec: parsed.success ? parsed.data : undefined }
}

/** The wire form of a new Halt. */
export function writeHalt(namespace: string, name: string, spec: HaltSpec): object {
  return {
    apiVersion: `${CONSUMER_GROUP}/${CONSUMER_VERSION}`,
    kind: 'Halt',
    metadata: { namespace, name },
    spec,
  }
}
