/**
 * Writes Events, each once: one that cannot be written after some attempts is given up.
 */
import { writeEvent } from './event.ts'
import type { SluiceEvent } from './recorder.ts'
import { ApiError, isConflict } from '../../kube/api-error.ts'
import { Backoff } from '../../kube/backoff.ts'
import { NotSent } from '../../kube/leading-sender.ts'
import type { Send } from '../report-sender.ts'

/** How many wait at most; more than that are given up. */
export const MOST_WAITING = 1_000
const MOST_ATTEMPTS = 6

export interface EventWriterOptions {
  readonly send: Send
  /** Name of the pod that reports. */
  readonly instance: string
  readonly random: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** One was given up, with the error of its last attempt, or none where too many wait. */
  readonly onDropped: (event: SluiceEvent, error: unknown) => void
}

export class EventWriter {
  readonly #options: EventWriterOptions
  #waiting = 0
  #term = new AbortController()

  constructor(options: EventWriterOptions) {
    this.#options = options
  }

  /** Writes an Event. Returns at once. */
  write(event: SluiceEvent): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#options.onDropped(event, undefined)
      return
    }
    this.#waiting++
    void this.#run(event, this.#term.signal).finally(() => this.#waiting--)
  }

  /** Another one reports from now on. */
  forget(): void {
    this.#term.abort()
    this.#term = new AbortController()
  }

  async #run(event: SluiceEvent, term: AbortSignal): Promise<void> {
    const { random, sleep, onDropped } = this.#options
    const backoff = new Backoff(random)
    for (let attempt = 1; !term.aborted; attempt++) {
      try {
        await this.#send(event)
        return
      } catch (error) {
        if (error instanceof NotSent) return
        if (attempt >= MOST_ATTEMPTS || !isTransient(error)) {
          onDropped(event, error)
          return
        }
        await sleep(backoff.next(), term)
      }
    }
  }

  async #send(event: SluiceEvent): Promise<void> {
    const { send, instance } = this.#options
    const { namespace } = event.occurrence.regarding
    const events = { group: 'events.k8s.io', version: 'v1', resource: 'events', namespace }
    try {
      await send({ ...events, verb: 'create', body: writeEvent(event, instance) })
    } catch (error) {
      // It was written, and the answer was lost.
      if (!isConflict(error)) throw error
    }
  }
}

/** No answer, a server in trouble, or one that asks to wait. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return error.status === 0 || error.status === 429 || error.status >= 500
}
