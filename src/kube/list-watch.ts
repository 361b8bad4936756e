/**
 * List and watch one resource, for ever: every object goes to a sink at once and is not kept.
 *
 * A list comes as a stream where the server knows how (KEP-3157), else in pages. A stream that ends or breaks is
 * resumed from the last resourceVersion; one too old for that (410) is listed again, and what is missing then was
 * deleted. Any other error is retried for ever.
 * Source of the protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { ApiError, isGone } from './api-error.ts'
import { Backoff } from './backoff.ts'
import type { KubeClient } from './client.ts'
import type { ApiCall, Verb } from './api-call.ts'
import { eachOnce } from './each-once.ts'
import { DeliveredObjects, type OnMalformed, type Sink } from './delivered-objects.ts'
import { withSignal } from '../model/wake-up.ts'
import { acceptOf } from './metadata-only.ts'
import { WatchSight } from './watch-sight.ts'
import { eventOf, isEndOfList, versionOf, type WatchEvent } from './watch-event.ts'

export type { Delivery } from './delivered-objects.ts'
export type { ObjectRef as Removed, RawObject } from './watch-event.ts'

export interface ListWatchOptions {
  readonly client: KubeClient
  /** Group, version and plural; a namespace or a selector where only a part is watched. */
  readonly target: Pick<ApiCall, 'group' | 'version' | 'resource' | 'namespace' | 'query'>
  /** Ask for `PartialObjectMetadata`. */
  readonly metadataOnly?: boolean
  readonly sink: Sink
  /** Local clock, milliseconds. */
  readonly now: () => number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to 1. */
  readonly random: () => number
  /** An object that the sink could not take, or that has no name; the error is the sink's. */
  readonly onMalformed: OnMalformed
  /** The stream broke, or could not be opened. */
  readonly onError: (error: unknown) => void
  /** The server answers again after an error, or a list has become due: nothing else tells so. */
  readonly onStateChanged?: () => void
  /** Objects in one page of a list. */
  readonly pageSize?: number
  /** How long a stream may bring nothing (ms). */
  readonly silence?: number
}

const PAGE_SIZE = 200
/** How long a watch is asked to last (s), as in client-go: between this and twice this. */
const WATCH_SECONDS = 300
/**
 * How long the next one is asked to last (s) where one brought nothing: the server ends each with a bookmark, which then
 * comes before a proxy cuts the idle connection.
 */
const SHORT_WATCH_SECONDS = 30
/**
 * The server sends a bookmark about every minute (kube-apiserver, storage/cacher: bookmarkFrequency): a stream silent
 * for two of them (ms) is dead.
 */
const SILENCE = 130_000
/** The longest that a server may ask to wait (ms): nothing is seen meanwhile. */
const LONGEST_WAIT = 60_000
/** For so long after a stream was resumed (ms) what it brings may have happened before that. */
const CATCHING_UP = 2_000
/** A stream that delivered something and lasted so long (ms) shows that the server is well. */
const HEALTHY_AFTER = 10_000

export class ListWatch {
  readonly #options: ListWatchOptions
  readonly #backoff: Backoff
  readonly #objects: DeliveredObjects
  #resourceVersion: string | undefined
  #canStreamLists = true
  #interrupt = new AbortController()
  #synced = false
  #owesList = false
  #wasMute = false
  /** Until when the last stream told all that happened (local ms): its last event, or its end by the server. */
  #heardUntil = -Infinity
  /** How it does. */
  readonly sight: WatchSight

  constructor(options: ListWatchOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.random)
    this.#objects = new DeliveredObjects(options)
    const { now, silence = SILENCE, onStateChanged: onChanged } = options
    this.sight = new WatchSight({ now, silence, onChanged })
  }

  /** The first picture has been delivered. */
  get synced(): boolean {
    return this.#synced
  }

  /** Everything has been delivered as of the last {@link relist}, or of the start. */
  get complete(): boolean {
    return this.#synced && !this.#owesList
  }

  /** The verbs that it needs. A server that cannot stream lists asks for another one. */
  get verbs(): readonly Verb[] {
    return this.#canStreamLists ? ['watch'] : ['list', 'watch']
  }

  /** Up to where everything has been delivered; undefined while a list is due. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion
  }

  /**
   * Lists anew, at once: when {@link resourceVersion} is there again, the picture is at least as new as this call.
   * Waiting for the watch would take a minute where nothing happens. What is known stays until the list lacks it.
   */
  relist(): void {
    this.#resourceVersion = undefined
    this.#owesList = true
    this.#interrupt.abort()
  }

  /** Watches until `signal` aborts. Rejects only with what the sink throws elsewhere than in `apply`. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await withSignal([signal], async (interrupt) => {
        this.#interrupt = interrupt
        await this.#attemptAndRest(interrupt.signal)
      })
    }
  }

  async #attemptAndRest(signal: AbortSignal): Promise<void> {
    const { now, sleep } = this.#options
    const startedAt = now()
    const end = await this.#attempt(signal)
    // A mere answer is no sign of health: a server that ends each stream at once answers, too.
    const healthy = this.sight.answered && now() - startedAt >= HEALTHY_AFTER
    if (healthy) this.#backoff.reset()
    if (end === 'go on' || (healthy && end === 'ended') || signal.aborted) return
    const asked = end === 'ended' ? 0 : (end.retryAfterMs ?? 0)
    await sleep(Math.max(Math.min(asked, LONGEST_WAIT), this.#backoff.next()), signal)
  }

  /** One list, or one stream to its end; or else what went wrong. */
  async #attempt(signal: AbortSignal): Promise<'go on' | 'ended' | ApiError> {
    const { onError, sink } = this.#options
    this.sight.attempts()
    try {
      if (this.#resourceVersion === undefined) sink.listing?.()
      if (this.#resourceVersion === undefined && !this.#canStreamLists) {
        await this.#list(signal)
        return 'go on'
      }
      // In the midst of a burst an API server ends the streams of whoever does not keep up: more is to come.
      return (await this.#watch(signal, this.#resourceVersion === undefined)) ? 'go on' : 'ended'
    } catch (error) {
      if (signal.aborted) return 'ended'
      if (!(error instanceof ApiError)) throw error
      if (this.#isUnknownToServer(error)) {
        this.#canStreamLists = false
        return 'go on'
      }
      this.sight.breaks(isGone(error) ? undefined : error)
      if (isGone(error)) this.#listIsDue()
      else onError(error)
      return error
    }
  }

  /** A server without streaming lists refuses the parameter itself. */
  #isUnknownToServer({ status }: ApiError): boolean {
    const listing = this.#resourceVersion === undefined && this.#canStreamLists
    return listing && (status === 400 || status === 422)
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, target, metadataOnly, pageSize = PAGE_SIZE } = this.#options
    const seen = new Set<string>()
    let metadata: { readonly resourceVersion: string; readonly continue?: string } | undefined
    do {
      const page: { metadata: NonNullable<typeof metadata> } = await client.list(
        {
          ...target,
          verb: 'list',
          accept: acceptOf(metadataOnly, 'List'),
          query: {
            ...target.query,
            limit: String(pageSize),
            ...(metadata?.continue && { continue: metadata.continue }),
          },
          signal,
        },
        (object) => {
          // The answer of a list that was asked for too early.
          if (signal.aborted) return
          this.sight.hears()
          this.#objects.apply(object, seen)
        },
      )
      if (signal.aborted) return
      this.sight.answers()
      this.sight.hears()
      metadata = page.metadata
    } while (metadata.continue)
    this.#complete(seen, metadata.resourceVersion)
  }

  /**
   * With `initial`, the stream begins with all objects and a bookmark that ends them. Resolves to whether a change came
   * beyond these.
   */
  async #watch(signal: AbortSignal, initial: boolean): Promise<boolean> {
    const { client, target, metadataOnly, random, silence = SILENCE } = this.#options
    const call: ApiCall = {
      ...target,
      verb: 'watch',
      accept: acceptOf(metadataOnly, ''),
      query: {
        ...target.query,
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(
          this.#wasMute ? SHORT_WATCH_SECONDS : Math.round(WATCH_SECONDS * (1 + random())),
        ),
        ...(initial
          ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: this.#resourceVersion ?? '' }),
      },
    }
    const events = await client.stream(call, { signal, silence })
    this.sight.answers()
    // It goes on where it was, and brings at once what was missed.
    if (!initial) this.sight.sees()
    const openedAt = this.#options.now()
    const wasAway = !initial && openedAt - this.#heardUntil >= CATCHING_UP
    let brought = 0
    let changed = false
    // While the list lasts: what it has brought so far.
    let seen = initial ? new Set<string>() : undefined
    try {
      await eachOnce(events, (document) => {
        if (signal.aborted) return false
        this.sight.hears()
        this.#heardUntil = this.sight.lastEventAt
        brought++
        const change = eventOf(document)
        changed ||= seen === undefined && change.type !== 'BOOKMARK'
        // What a resumed stream begins with happened while nobody listened.
        const late = wasAway && this.#options.now() - openedAt < CATCHING_UP
        seen = this.#take(call, change, late, seen)
        return true
      })
      this.#heardUntil = this.#options.now()
      return changed
    } finally {
      this.#wasMute = brought === 0
      // Not even a bookmark: the server may never reach our version again (a restored etcd), and say nothing of it.
      if (brought === 0 && this.#options.now() - openedAt >= silence) this.#listIsDue()
    }
  }

  /** Takes in one event; returns what the list has brought so far, undefined once it is complete. */
  #take(
    call: ApiCall,
    event: WatchEvent,
    late: boolean,
    seen: Set<string> | undefined,
  ): Set<string> | undefined {
    if (event.type === 'ERROR') {
      throw new ApiError(call, { status: event.object.code ?? 0, body: event.object })
    }
    const version = versionOf(event.object)
    if (seen && version !== undefined && isEndOfList(event)) {
      this.#complete(seen, version)
      return undefined
    }
    this.#handle(event, late, seen)
    // The objects of a list come in any order: their versions are no place to resume from.
    if (!seen && version !== undefined) this.#advance(version)
    return seen
  }

  #handle(
    { type, object }: Exclude<WatchEvent, { type: 'ERROR' }>,
    late: boolean,
    seen?: Set<string>,
  ): void {
    const delivery = { live: !seen && !late, added: !seen && type === 'ADDED' }
    if (type === 'ADDED' || type === 'MODIFIED') this.#objects.apply(object, seen, delivery)
    else if (type === 'DELETED') this.#objects.remove(object, delivery)
  }

  /** The picture is complete: what it lacks was deleted meanwhile. */
  #complete(seen: ReadonlySet<string>, resourceVersion: string): void {
    this.#objects.removeAllBut(seen)
    this.#resourceVersion = resourceVersion
    this.#synced = true
    this.#owesList = false
    this.sight.sees()
    this.#options.sink.synced(resourceVersion)
  }

  #advance(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion
    this.#options.sink.progress?.(resourceVersion)
  }

  #listIsDue(): void {
    this.#resourceVersion = undefined
    this.#options.onStateChanged?.()
  }
}
