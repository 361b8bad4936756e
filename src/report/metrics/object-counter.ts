/**
 * Counts events of objects, with series that live as long as the objects they are about.
 */
import type { Definition } from './definitions.ts'
import { Family, type LabelText } from './exposition.ts'

/** An object, and the further labels with which it is counted from 0 on; `''` for none. */
export type Counted = readonly [object: LabelText, variants: readonly LabelText[]]

/**
 * The series of an object are there from its first sight on, at 0, since Prometheus cannot see the first increase of a
 * series that begins at 1; and they go with the object.
 */
export class ObjectCounter {
  readonly #definition: Definition
  #counts = new Map<LabelText, Map<LabelText, number>>()

  constructor(definition: Definition) {
    this.#definition = definition
  }

  /** Counts one event. */
  count(object: LabelText, variant: LabelText = ''): void {
    const counts = this.#counts.get(object) ?? new Map<LabelText, number>()
    this.#counts.set(object, counts)
    counts.set(variant, (counts.get(variant) ?? 0) + 1)
  }

  /** Takes note of all objects that there are now: new ones begin at 0, the others are dropped. */
  follow(objects: Iterable<Counted>): void {
    const present = new Map<LabelText, Map<LabelText, number>>()
    for (const [object, variants] of objects) {
      if (present.has(object)) continue
      const counts = this.#counts.get(object) ?? new Map<LabelText, number>()
      for (const variant of variants) if (!counts.has(variant)) counts.set(variant, 0)
      present.set(object, counts)
    }
    this.#counts = present
  }

  toString(): string {
    const family = new Family(this.#definition)
    for (const [object, counts] of this.#counts) {
      for (const [variant, count] of counts) {
        family.add(variant === '' ? object : `${object},${variant}`, count)
      }
    }
    return family.toString()
  }
}
