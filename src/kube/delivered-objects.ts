/**
 * What a watch has delivered: names and UIDs alone, so that a later list shows what was deleted meanwhile.
 */
import { refOf, type ObjectRef, type RawObject } from './watch-event.ts'

/** How an object came, or went. */
export interface Delivery {
  /** By an event of its own: else with a list, or missing from one, and nobody knows when it happened. */
  readonly live: boolean
  /** The event says that it came into being. */
  readonly added: boolean
}

const LISTED: Delivery = { live: false, added: false }

/** Where objects go. */
export interface Sink {
  /** All objects are about to be asked for: what comes from now on is at least as new as this call. */
  listing?(): void
  /** A new or changed object. What it throws is reported, and the loop goes on. */
  apply(object: RawObject, delivery: Delivery): void
  /** An object is gone; one that was created again under its name comes after. */
  remove(object: ObjectRef, delivery: Delivery): void
  /** The first picture, or one after a gap, is complete as of this version. */
  synced(resourceVersion: string): void
  /** Everything up to this version has been delivered; bookmarks, about one a minute, tell so when nothing happens. */
  progress?(resourceVersion: string): void
}

/** Told of an object that the sink could not take, or that has no name; the error is the sink's. */
export type OnMalformed = (object: ObjectRef, error: unknown) => void

const NOBODY: ObjectRef = { namespace: '', name: '', uid: '' }

export class DeliveredObjects {
  readonly #sink: Sink
  readonly #onMalformed: OnMalformed
  /** UIDs by name, by namespace: of a hundred thousand objects nothing is kept twice. */
  readonly #known = new Map<string, Map<string, string>>()

  constructor({ sink, onMalformed }: { sink: Sink; onMalformed: OnMalformed }) {
    this.#sink = sink
    this.#onMalformed = onMalformed
  }

  /** Gives an object to the sink; `seen` gets its UID. */
  apply(object: unknown, seen?: Set<string>, delivery = LISTED): void {
    const ref = this.#refOf(object)
    if (!ref) return
    const { namespace, name, uid } = ref
    const known = this.#known.get(namespace)?.get(name)
    // Deleted and created again while nobody watched.
    if (known !== undefined && known !== uid) this.#forget({ ...ref, uid: known }, LISTED)
    const names = this.#known.get(namespace) ?? new Map<string, string>()
    this.#known.set(namespace, names.set(name, uid))
    seen?.add(uid)
    try {
      this.#sink.apply(object as RawObject, delivery)
    } catch (error) {
      this.#onMalformed(ref, error)
    }
  }

  /** An object was deleted. */
  remove(object: unknown, delivery = LISTED): void {
    const ref = this.#refOf(object)
    if (ref) this.#forget(ref, delivery)
  }

  /** A list is complete: what it lacks was deleted. */
  removeAllBut(seen: ReadonlySet<string>): void {
    for (const [namespace, names] of this.#known) {
      for (const [name, uid] of names) {
        if (!seen.has(uid)) this.#forget({ namespace, name, uid }, LISTED)
      }
    }
  }

  #forget(ref: ObjectRef, delivery: Delivery): void {
    const names = this.#known.get(ref.namespace)
    names?.delete(ref.name)
    if (names?.size === 0) this.#known.delete(ref.namespace)
    this.#sink.remove(ref, delivery)
  }

  #refOf(object: unknown): ObjectRef | undefined {
    const ref = refOf(object)
    if (!ref) this.#onMalformed(NOBODY, new Error('an object without a name or a UID'))
    return ref
  }
}
