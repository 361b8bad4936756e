/**
 * The Namespaces of the picture: their annotations, and which of them have the label `sluice.dev/managed`.
 */
import { isDeepStrictEqual } from 'node:util'
import { MANAGED, ownAnnotations } from '../model/annotations.ts'
import type { Annotations } from '../config/annotation-reader.ts'

/** The part of a core/v1 Namespace that is read. */
export interface RawNamespace {
  readonly metadata: {
    readonly name: string
    readonly labels?: Annotations
    readonly annotations?: Annotations
    readonly deletionTimestamp?: string
  }
}

const NO_ANNOTATIONS: Annotations = {}

export class Namespaces {
  readonly #annotations = new Map<string, Annotations>()
  readonly #managed = new Set<string>()
  readonly #deleting = new Set<string>()

  get names(): readonly string[] {
    return [...this.#annotations.keys()]
  }

  get size(): number {
    return this.#annotations.size
  }

  /** Returns whether anything of it that counts has changed. */
  apply({ metadata: { name, labels, annotations, deletionTimestamp } }: RawNamespace): boolean {
    const next = ownAnnotations(annotations)
    const managed = labels?.[MANAGED] === 'true'
    const same = isDeepStrictEqual(this.#annotations.get(name), next)
    const deleting = deletionTimestamp !== undefined
    if (same && managed === this.#managed.has(name) && deleting === this.#deleting.has(name))
      return false
    // Equal annotations stay the same object: what was made from them is known by it.
    if (!same) this.#annotations.set(name, next)
    if (managed) this.#managed.add(name)
    else this.#managed.delete(name)
    if (deleting) this.#deleting.add(name)
    return true
  }

  remove(name: string): void {
    this.#annotations.delete(name)
    this.#managed.delete(name)
    this.#deleting.delete(name)
  }

  /** Sluice's own annotations of a Namespace; none of one that is not known. */
  annotationsOf(name: string): Annotations {
    return this.#annotations.get(name) ?? NO_ANNOTATIONS
  }

  /** Whether it is being deleted: nothing may be created there any more, and all of it goes. */
  isDeleting(name: string): boolean {
    return this.#deleting.has(name)
  }

  /** Whether it has the label `sluice.dev/managed: "true"`. */
  isManaged(name: string): boolean {
    return this.#managed.has(name)
  }
}
