/**
 * List and watch one resource, for ever: every object goes to a sink at once and is not kept.
 *
 * A list comes as a stream where the server knows how (KEP-3157), else in pages. A stream that ends or breaks is
 * resumed from the last resourceVersion; one too old for that (410) is listed again, and what is missing then was
 * deleted. Any other error is retried for ever.
 * Source of the protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { ApiError } from './api-error.ts'
import type { ApiCall, KubeClient } from './client.ts'
import { lines } from './lines.ts'

/** An object as far as the loop cares. */
export interface RawObject {
  readonly metadata: {
    readonly namespace?: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** A removed object; `namespace` is '' for cluster-wide ones. */
export interface Removed {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Where objects go. */
export interface Sink {
  /** A new or changed object. What it throws is reported, and the loop goes on. */
  apply(object: RawObject): void
  remove(object: Removed): void
  /** The first picture, or one after a gap, is complete. */
  synced(): void
}

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
  /** An object that the sink could not take. */
  readonly onMalformed: (object: Removed, error: unknown) => void
  /** The stream broke, or could not be opened. */
  readonly onError: (error: unknown) => void
}

/** Objects in one page of a list. */
const PAGE = 200
/** Waits between attempts (ms): doubled from the first to the longest, each between half and all of it. */
const FIRST_WAIT = 200
const LONGEST_WAIT = 30_000
/** How long a watch is asked to last (s), as in client-go: between this and twice this. */
const WATCH_SECONDS = 300
/** The server sends a bookmark about every minute: a stream silent for longer than this (ms) is dead. */
const SILENCE = 150_000

class Expired extends Error {}

export class ListWatch {
  readonly #options: ListWatchOptions
  /** UID by `namespace/name`: what must have been deleted if a list lacks it. */
  readonly #known = new Map<string, Removed>()
  #resourceVersion: string | undefined
  #canStreamLists = true
  #synced = false
  #lastEventAt = -Infinity
  #restarts = 0

  constructor(options: ListWatchOptions) {
    this.#options = options
  }

  /** The first picture has been delivered. */
  get synced(): boolean {
    return this.#synced
  }

  /** When anything came from the server last (local ms). */
  get lastEventAt(): number {
    return this.#lastEventAt
  }

  /** How often the stream had to be opened again because of an error. */
  get restarts(): number {
    return this.#restarts
  }

  /** Watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { sleep, random, onError } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const before = this.#lastEventAt
      try {
        if (this.#resourceVersion !== undefined) await this.#watch(signal, false)
        else if (this.#canStreamLists) await this.#watch(signal, true)
        else await this.#list()
        failures = 0
      } catch (error) {
        if (isAborted(signal)) return
        this.#restarts++
        if (error instanceof Expired || (error instanceof ApiError && error.status === 410)) {
          this.#resourceVersion = undefined
        } else if (this.#isUnknownToServer(error)) {
          this.#canStreamLists = false
          continue
        } else {
          onError(error)
        }
        // Only what was really delivered shows that the server is well again.
        failures = this.#lastEventAt > before ? 1 : failures + 1
        const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1))
        await sleep(Math.max(asked, wait * (0.5 + random() / 2)), signal)
      }
    }
  }

  /** A server without streaming lists refuses the parameter itself. */
  #isUnknownToServer(error: unknown): boolean {
    const listing = this.#resourceVersion === undefined && this.#canStreamLists
    return listing && error instanceof ApiError && [400, 422].includes(error.status)
  }

  async #list(): Promise<void> {
    const { client, target, metadataOnly } = this.#options
    const seen = new Set<string>()
    let token: string | undefined
    let resourceVersion: string | undefined
    do {
      const page = await client.request<{
        metadata: { resourceVersion: string; continue?: string }
        items: RawObject[]
      }>({
        ...target,
        verb: 'list',
        accept: metadataOnly ? acceptMetadata('List') : 'application/json',
        query: { ...target.query, limit: String(PAGE), ...(token && { continue: token }) },
      })
      this.#lastEventAt = this.#options.now()
      for (const object of page.items) this.#apply(object, seen)
      token = page.metadata.continue
      resourceVersion = page.metadata.resourceVersion
    } while (token)
    this.#complete(seen)
    this.#resourceVersion = resourceVersion
  }

  /** With `initial`, the stream begins with all objects and a bookmark that ends them. */
  async #watch(signal: AbortSignal, initial: boolean): Promise<void> {
    const { client, target, metadataOnly, random } = this.#options
    const seconds = Math.round(WATCH_SECONDS * (1 + random()))
    const stream = new AbortController()
    const both = AbortSignal.any([signal, stream.signal])
    const query = {
      ...target.query,
      watch: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
      ...(initial
        ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: this.#resourceVersion ?? '' }),
    }
    const accept = metadataOnly ? acceptMetadata('') : 'application/json'
    const chunks = await client.stream({ ...target, verb: 'watch', query, accept }, both)
    const watchdog = this.#endWhenSilent(stream, both)
    try {
      // While the list lasts: what it has brought so far.
      let seen = initial ? new Set<string>() : undefined
      for await (const line of lines(chunks)) {
        this.#lastEventAt = this.#options.now()
        const event = JSON.parse(line) as WatchEvent
        this.#handle(event, seen)
        if (isEndOfList(event)) seen = undefined
      }
    } finally {
      stream.abort()
      await watchdog
    }
  }

  #handle({ type, object }: WatchEvent, seen: Set<string> | undefined): void {
    switch (type) {
      case 'ERROR':
        throw object.code === 410
          ? new Expired()
          : new Error(`the watch ended: ${object.code ?? 0}`)
      case 'BOOKMARK':
        if (seen && isEndOfList({ type, object })) this.#complete(seen)
        break
      case 'DELETED':
        this.#remove(removedOf(object))
        break
      case 'ADDED':
      case 'MODIFIED':
        this.#apply(object, seen)
    }
    // Initial objects come in any order: their versions are no place to resume from.
    if (!seen || type === 'BOOKMARK') this.#resourceVersion = object.metadata.resourceVersion
  }

  #apply(object: RawObject, seen: Set<string> | undefined): void {
    const { sink, onMalformed } = this.#options
    const ref = removedOf(object)
    const key = `${ref.namespace}/${ref.name}`
    const known = this.#known.get(key)
    // Deleted and created again while nobody watched.
    if (known && known.uid !== ref.uid) this.#remove(known)
    this.#known.set(key, ref)
    seen?.add(key)
    try {
      sink.apply(object)
    } catch (error) {
      onMalformed(ref, error)
    }
  }

  #remove(ref: Removed): void {
    this.#known.delete(`${ref.namespace}/${ref.name}`)
    this.#options.sink.remove(ref)
  }

  /** The picture is complete: what it lacks was deleted meanwhile. */
  #complete(seen: ReadonlySet<string>): void {
    for (const [key, ref] of this.#known) if (!seen.has(key)) this.#remove(ref)
    this.#synced = true
    this.#options.sink.synced()
  }

  async #endWhenSilent(stream: AbortController, signal: AbortSignal): Promise<void> {
    const { now, sleep } = this.#options
    let heardAt = now()
    while (!signal.aborted) {
      await sleep(heardAt + SILENCE - now(), signal)
      if (this.#lastEventAt > heardAt) heardAt = this.#lastEventAt
      else if (now() >= heardAt + SILENCE) stream.abort()
    }
  }
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: RawObject & { readonly code?: number }
}

function isEndOfList({ type, object }: WatchEvent): boolean {
  return (
    type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true'
  )
}

function removedOf({ metadata: { namespace = '', name, uid } }: RawObject): Removed {
  return { namespace, name, uid }
}

function acceptMetadata(suffix: 'List' | ''): string {
  return `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1`
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
