/**
 * Writes Rotation objects: each at most once a second, the latest state only, again after a failure.
 */
import { CONSUMER_GROUP, CONSUMER_VERSION } from '../../records/consumer.ts'
import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { Backoff } from '../../kube/backoff.ts'
import { NotSent } from '../../kube/leading-sender.ts'
import type { SourceRef } from '../../model/refs.ts'
import {
  rotationName,
  writeRotation,
  writeRotationStatus,
  type RawRotation,
  type Rotation,
} from '../../records/rotation.ts'
import { isSettled } from './condition.ts'
import type { Send } from '../report-sender.ts'

/** One object is written at most this often (ms). */
const ROTATION_INTERVAL = 1_000
/** After so many failures in a row a rotation that is over is given up. */
const MOST_FAILURES = 8
const PAGE = '500'

export interface RotationWriterOptions {
  readonly send: Send
  readonly random: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** A write failed, and is tried again. */
  readonly onError: (name: string, error: unknown) => void
  /** It could not be written, and is given up. */
  readonly onDropped: (name: string) => void
}

/** What is to be written of one rotation. */
interface Job {
  rotation: Rotation
  /** The object is there, as far as is known. */
  exists: boolean
  /** The status that was written last. */
  written: string
  running: boolean
}

export class RotationWriter {
  readonly #options: RotationWriterOptions
  readonly #jobs = new Map<string, Job>()
  #term = new AbortController()

  constructor(options: RotationWriterOptions) {
    this.#options = options
  }

  /** Everything that is in the cluster. @throws ApiError, NotSent */
  async *read(): AsyncGenerator<RawRotation> {
    let next = ''
    do {
      const list = await this.#options.send<{
        items: RawRotation[] | null
        metadata?: { continue?: string }
      }>({
        ...ROTATIONS,
        verb: 'list',
        query: { limit: PAGE, ...(next !== '' && { continue: next }) },
      })
      yield* list.items ?? []
      next = list.metadata?.continue ?? ''
    } while (next !== '')
  }

  /** An object was read as it is. */
  know(rotation: Rotation): void {
    const written = statusOf({ rotation })
    this.#jobs.set(keyOf(rotation), { rotation, exists: true, written, running: false })
  }

  /** Writes a rotation as it is now. */
  write(rotation: Rotation): void {
    const key = keyOf(rotation)
    const job = this.#jobs.get(key) ?? { rotation, exists: false, written: '', running: false }
    this.#jobs.set(key, job)
    job.rotation = rotation
    if (!job.running) void this.#run(key, job, this.#term.signal)
  }

  /** Deletes one that is kept no longer. @throws ApiError, NotSent */
  async remove(rotation: Pick<Rotation, 'source' | 'changedAt'>): Promise<void> {
    const call = { ...collection(rotation.source), name: rotationName(rotation) }
    try {
      await this.#options.send({ ...call, verb: 'delete' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  /** Another one reports from now on. */
  forget(): void {
    this.#term.abort()
    this.#term = new AbortController()
    this.#jobs.clear()
  }

  async #run(key: string, job: Job, term: AbortSignal): Promise<void> {
    const { random, sleep, onError, onDropped } = this.#options
    const backoff = new Backoff(random)
    let failures = 0
    job.running = true
    // The status is made anew each time: what came meanwhile needs no write of its own.
    for (let status = statusOf(job); status !== job.written; status = statusOf(job)) {
      let wait = ROTATION_INTERVAL
      try {
        await this.#send(job)
        job.written = status
        failures = 0
        backoff.reset()
      } catch (error) {
        if (error instanceof NotSent) break
        if (isNotFound(error)) {
          // Gone, with its namespace perhaps: one that says nothing more is not created again.
          if (isSettled(job.rotation)) break
          job.exists = false
        }
        failures++
        onError(key, error)
        wait = Math.max(wait, backoff.next())
      }
      if (failures >= MOST_FAILURES && isSettled(job.rotation)) {
        onDropped(key)
        break
      }
      await sleep(wait, term)
      if (term.aborted) return
    }
    job.running = false
    if (isSettled(job.rotation)) this.#jobs.delete(key)
  }

  async #send(job: Job): Promise<void> {
    const { rotation } = job
    const rotations = collection(rotation.source)
    if (!job.exists) {
      try {
        await this.#options.send({ ...rotations, verb: 'create', body: writeRotation(rotation) })
      } catch (error) {
        // Its answer was lost, or another Sluice began to report.
        if (!isConflict(error)) throw error
      }
      job.exists = true
    }
    await this.#options.send({
      ...rotations,
      verb: 'patch',
      name: rotationName(rotation),
      subresource: 'status',
      contentType: 'application/json-patch+json',
      // All of it at once; no precondition, since only one writes, and the newest picture is right.
      body: [{ op: 'add', path: '/status', value: writeRotationStatus(rotation) }],
    })
  }
}

function statusOf({ rotation }: Pick<Job, 'rotation'>): string {
  return JSON.stringify(writeRotationStatus(rotation))
}

function keyOf(rotation: Rotation): string {
  return `${rotation.source.namespace}/${rotationName(rotation)}`
}

const ROTATIONS = { group: CONSUMER_GROUP, version: CONSUMER_VERSION, resource: 'rotations' }

function collection({ namespace }: SourceRef): typeof ROTATIONS & { namespace: string } {
  return { ...ROTATIONS, namespace }
}
