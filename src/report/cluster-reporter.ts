/**
 * What is told in the cluster itself: Rotation objects and Events. It looks at the last plan at most once a second, and
 * never keeps the plan waiting: what it cannot write it says in the log.
 */
import type { Ineffective } from '../workloads/ineffective.ts'
import type { Occurrence } from './events/occurrence.ts'
import { occurrencesOf } from './events/of-action.ts'
import { RotationNews } from './events/of-rotation.ts'
import { EventRecorder } from './events/recorder.ts'
import { OngoingConditions } from './events/ongoing.ts'
import { Backoff } from '../kube/backoff.ts'
import { NotSent } from '../kube/leading-sender.ts'
import type { Action } from '../plan/action.ts'
import type { Plan } from '../plan/plan.ts'
import type { PlannedWorkload } from '../plan/planned-workload.ts'
import type { Margins } from '../plan/judge/staleness.ts'
import type { SourceKey, SourceRef } from '../model/refs.ts'
import { RotationTracker } from './rotations/rotation-tracker.ts'
import { isSettled } from './rotations/condition.ts'
import type { OldContentRow, SourceUsers } from './rotations/holders.ts'
import { expired, type Kept } from './rotations/retention.ts'
import { isFinished, readRotation, rotationName, type Rotation } from '../records/rotation.ts'
import { untilAborted, WakeUp, type Next, type Sleep } from '../model/wake-up.ts'
import type { EventWriter } from './events/event-writer.ts'
import type { Logger } from '../model/logger.ts'
import type { RotationWriter } from './rotations/rotation-writer.ts'

/** Least time between two looks (ms). */
const INTERVAL = 1_000
/** How often it is asked which rotations are kept no longer (ms), and how many are deleted in one go. */
const RETENTION_INTERVAL = 60_000
const MOST_DELETIONS = 10

export interface ChronicleOptions {
  readonly writer: RotationWriter
  readonly events: EventWriter
  readonly margins: Margins
  readonly log: Logger
  /** What somebody expects something of, in vain. */
  readonly ineffective: () => readonly Ineffective[]
  /** Whether we lead. */
  readonly mayWrite: () => boolean
  /** The Secrets of the cluster, and all running pods that use them. */
  readonly sources: SourceUsers
  /** Asks for a new plan: time alone changes what is said of a rotation. */
  readonly planAgain: () => void
  /** A rotation is over. */
  readonly onEnded: (rotation: Rotation) => void
  /** API server's clock, milliseconds. */
  readonly now: () => number
  readonly random: () => number
  readonly sleep: Sleep
}

/** A plan and what was forecast from it. */
interface Seen {
  readonly plan: Plan
  readonly ends: ReadonlyMap<SourceKey, number>
  readonly now: number
}

type Sources = PlannedWorkload['sources']

export class ClusterReporter {
  readonly #options: ChronicleOptions
  #book: RotationTracker
  #news = new RotationNews()
  #standing = new OngoingConditions()
  readonly #recorder: EventRecorder
  /** `undefined` until what is in the cluster was read. */
  #kept: Map<string, Kept> | undefined
  #seen: Seen | undefined
  readonly #sourcesOf = new WeakMap<Action, Sources>()
  readonly #began = new Map<string, number>()
  #retainedAt = -Infinity
  readonly #backoff: Backoff
  /** When rotations are told of again after a failure (ms). */
  #retryAt: number | undefined
  readonly #wakeUp = new WakeUp()

  constructor(options: ChronicleOptions) {
    this.#options = options
    this.#book = new RotationTracker(options.margins)
    this.#backoff = new Backoff(options.random)
    this.#recorder = new EventRecorder(({ regarding: { kind, namespace, name }, reason }) =>
      options.log.debug({ kind, namespace, name, reason }, 'too many Events of one object'),
    )
  }

  /** A plan was made; `now` is the API server's clock (ms). Returns at once. */
  planned(plan: Plan, ends: ReadonlyMap<SourceKey, number>, now: number): void {
    this.#seen = { plan, ends, now }
    for (const action of plan.actions) {
      if (action.kind !== 'record' || action.cause !== 'finished') continue
      // Once it is written, nothing tells any more which sources the restart was for.
      const planned = this.#plannedOf(action.workload.uid)
      if (planned) this.#sourcesOf.set(action, planned.sources)
    }
    this.#wakeUp.changed()
  }

  /** There may be something to tell though no plan was made. */
  changed(): void {
    this.#wakeUp.changed()
  }

  /** An action of a plan ended well; `now` is the API server's clock (ms). Returns at once. */
  done(action: Action, now: number): void {
    try {
      const restart = action.kind === 'record' ? action.status.ledger.restart : undefined
      if (action.kind === 'record' && action.cause === 'started' && restart) {
        this.#began.set(action.workload.uid, restart.startedAt)
      }
      const sources = this.#sourcesOf.get(action)
      this.#announce(
        occurrencesOf(action, sources, (source) => this.#uidOf(source), now),
        now,
      )
    } catch (error) {
      this.#options.log.error({ err: error }, 'a defect: please report it')
    }
  }

  /** The sources of which old content may be in use, as of the last look. */
  get oldContent(): readonly OldContentRow[] {
    return this.#book.inUse
  }

  /** Another one leads, and tells. */
  standBy(): void {
    this.#options.writer.forget()
    this.#options.events.forget()
    this.#news = new RotationNews()
    this.#standing = new OngoingConditions()
    this.#book = new RotationTracker(this.#options.margins)
    this.#kept = undefined
    this.#seen = undefined
    this.#began.clear()
  }

  /** Tells until `signal` aborts. Whatever goes wrong is logged, and ends nothing. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#wakeUp.run(() => this.#look(signal), this.#options.sleep, signal)
    this.#options.writer.forget()
    this.#options.events.forget()
  }

  async #look(signal: AbortSignal): Promise<Next> {
    const { log, mayWrite, now } = this.#options
    // Whoever begins to lead plans first, and that is a change.
    if (!mayWrite() || !this.#seen) return { wakeIn: Infinity, rest: 0 }
    try {
      // The end of Sluice waits for no answer about a report.
      await untilAborted(this.#tell(), signal)
    } catch (error) {
      log.error({ err: error }, 'a defect: please report it')
    }
    // Nothing is claimed by an older plan than that: while watches are broken there is no newer one.
    if (this.#book.nextAt <= now()) this.#options.planAgain()
    const next = Math.min(
      this.#standing.nextAt,
      this.#news.nextAt,
      this.#book.nextAt,
      this.#retryAt ?? Infinity,
    )
    return { wakeIn: next - now(), rest: INTERVAL }
  }

  async #tell(): Promise<void> {
    const { log, now } = this.#options
    const current = now()
    const workloads = this.#seen?.plan.workloads ?? []
    this.#announce(this.#standing.look(workloads, this.#options.ineffective(), current), current)
    if (current < (this.#retryAt ?? -Infinity)) return
    try {
      await this.#tellRotations(current)
      this.#retryAt = undefined
      this.#backoff.reset()
    } catch (error) {
      if (error instanceof NotSent) return
      log.warn({ err: error }, 'rotations cannot be told of; it is tried again')
      this.#retryAt = current + this.#backoff.next()
    }
  }

  async #tellRotations(current: number): Promise<void> {
    const kept = this.#kept ?? (await this.#adopt())
    const seen = this.#seen
    // Meanwhile another one may have begun to lead.
    if (!seen || kept !== this.#kept) return
    const { plan, ends, now } = seen
    const { workloads } = plan
    const said = this.#book.follow({
      workloads,
      ends,
      began: this.#began,
      sources: this.#options.sources,
      now,
    })
    this.#began.clear()
    for (const rotation of said) {
      if (isFinished(rotation) && !kept.has(keyOf(rotation))) this.#options.onEnded(rotation)
      this.#say(rotation, kept)
    }
    this.#announce(
      this.#news.look(said, (source) => this.#uidOf(source), current),
      current,
    )
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
      if (isSettled(rotation)) continue
      writer.know(rotation)
      this.#news.know(rotation)
    }
    for (const rotation of book.adopt(rotations, this.#options.now())) this.#say(rotation, kept)
    this.#kept = kept
    return kept
  }

  #announce(occurrences: readonly Occurrence[], now: number): void {
    for (const occurrence of occurrences) {
      const event = this.#recorder.record(occurrence, now)
      if (event) this.#options.events.write(event)
    }
  }

  #plannedOf(uid: string): PlannedWorkload | undefined {
    return this.#seen?.plan.workloads.find(({ workload }) => workload.uid === uid)
  }

  /** Of a Secret; '' where it does not exist. */
  #uidOf(source: SourceRef): string {
    return this.#options.sources.source(source).uid
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

function keep(kept: Map<string, Kept>, rotation: Rotation): void {
  const { source, changedAt, finishedAt = 0 } = rotation
  kept.set(keyOf(rotation), { source, changedAt, finishedAt, settled: isSettled(rotation) })
}

function keyOf(rotation: Pick<Rotation, 'source' | 'changedAt'>): string {
  return `${rotation.source.namespace}/${rotationName(rotation)}`
}
