/**
 * What is told of rotations in the cluster itself: Rotation objects. It looks at the last plan at most once a second, and
 * never keeps the plan waiting: what it cannot write it says in the log.
 */
import { Backoff } from '../kube/backoff.ts'
import type { Action } from '../plan/action.ts'
import type { Plan } from '../plan/plan.ts'
import type { Margins } from '../plan/staleness.ts'
import type { NamespacedKey } from '../refs.ts'
import { RotationBook } from '../rotations/book.ts'
import { expired, type Kept } from '../rotations/retention.ts'
import { isFinished, readRotation, rotationName, type Rotation } from '../rotations/rotation.ts'
import type { Logger } from './log.ts'
import { NotLeading } from './report-sender.ts'
import type { RotationWriter } from './rotation-writer.ts'

/** Least time between two looks (ms). */
const INTERVAL = 1_000
/** How often it is asked which rotations are kept no longer (ms), and how many are deleted in one go. */
const RETENTION_INTERVAL = 60_000
const MOST_DELETIONS = 10

export interface ChronicleOptions {
  readonly writer: RotationWriter
  readonly margins: Margins
  readonly log: Logger
  /** Whether we lead. */
  readonly mayWrite: () => boolean
  /** API server's clock, milliseconds. */
  readonly now: () => number
  readonly random: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A plan and what was forecast from it. */
interface Seen {
  readonly plan: Plan
  readonly ends: ReadonlyMap<NamespacedKey, number>
  readonly now: number
}

export class Chronicle {
  readonly #options: ChronicleOptions
  #book: RotationBook
  /** `undefined` until what is in the cluster was read. */
  #kept: Map<string, Kept> | undefined
  #seen: Seen | undefined
  readonly #began = new Map<string, number>()
  #retainedAt = -Infinity
  #look = Promise.withResolvers<undefined>()

  constructor(options: ChronicleOptions) {
    this.#options = options
    this.#book = new RotationBook(options.margins)
  }

  /** A plan was made; `now` is the API server's clock (ms). Returns at once. */
  planned(plan: Plan, ends: ReadonlyMap<NamespacedKey, number>, now: number): void {
    this.#seen = { plan, ends, now }
    this.#look.resolve(undefined)
  }

  /** An action of a plan ended well. */
  done(action: Action): void {
    const restart = action.kind === 'record' ? action.status.ledger.restart : undefined
    if (action.kind === 'record' && action.cause === 'started' && restart) {
      this.#began.set(action.workload.uid, restart.startedAt)
    }
  }

  /** Another one leads, and tells. */
  standBy(): void {
    this.#options.writer.forget()
    this.#book = new RotationBook(this.#options.margins)
    this.#kept = undefined
    this.#seen = undefined
    this.#began.clear()
  }

  /** Tells until `signal` aborts. Whatever goes wrong is logged, and ends nothing. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, mayWrite, random, sleep } = this.#options
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const backoff = new Backoff(random)
    while (!signal.aborted) {
      let wait = INTERVAL
      await Promise.race([this.#look.promise, stopped])
      this.#look = Promise.withResolvers()
      try {
        if (mayWrite()) await this.#tell()
        backoff.reset()
      } catch (error) {
        if (!(error instanceof NotLeading)) {
          log.warn({ err: error }, 'rotations cannot be told of; it is tried again')
        }
        this.#look.resolve(undefined)
        wait = Math.max(wait, backoff.next())
      }
      await sleep(wait, signal)
    }
    this.#options.writer.forget()
  }

  async #tell(): Promise<void> {
    const kept = this.#kept ?? (await this.#adopt())
    const seen = this.#seen
    // Meanwhile another one may have begun to lead.
    if (!seen || kept !== this.#kept) return
    const { plan, ends, now } = seen
    const { workloads } = plan
    const said = this.#book.follow({ workloads, ends, began: this.#began, now })
    this.#began.clear()
    for (const rotation of said) this.#say(rotation, kept)
    await this.#retain(kept)
  }

  async #adopt(): Promise<Map<string, Kept>> {
    const { writer } = this.#options
    const book = this.#book
    const rotations: Rotation[] = []
    for await (const raw of writer.read()) {
      const rotation = readRotation(raw)
      if (rotation) rotations.push(rotation)
    }
    const kept = new Map<string, Kept>()
    if (book !== this.#book) return kept
    for (const rotation of rotations) {
      if (isFinished(rotation)) keep(kept, rotation)
      else writer.know(rotation)
    }
    for (const rotation of book.adopt(rotations, this.#options.now())) this.#say(rotation, kept)
    this.#kept = kept
    return kept
  }

  #say(rotation: Rotation, kept: Map<string, Kept>): void {
    this.#options.writer.write(rotation)
    if (isFinished(rotation)) keep(kept, rotation)
    else kept.delete(keyOf(rotation))
  }

  async #retain(kept: Map<string, Kept>): Promise<void> {
    const { writer, now } = this.#options
    if (now() < this.#retainedAt + RETENTION_INTERVAL) return
    const next = expired([...kept.values()], now()).slice(0, MOST_DELETIONS)
    if (next.length < MOST_DELETIONS) this.#retainedAt = now()
    for (const each of next) {
      await writer.remove(each)
      kept.delete(keyOf(each))
      this.#book.forget(each.source, each.changedAt)
    }
  }
}

function keep(kept: Map<string, Kept>, { source, changedAt, finishedAt = 0 }: Rotation): void {
  kept.set(keyOf({ source, changedAt }), { source, changedAt, finishedAt })
}

function keyOf(rotation: Pick<Rotation, 'source' | 'changedAt'>): string {
  return `${rotation.source.namespace}/${rotationName(rotation)}`
}
