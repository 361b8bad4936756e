/**
 * A counter whose series live as long as the objects they are about.
 */
import { Counter, type PrometheusContentType, type Registry } from '@prometheus-io/client'

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>

/**
 * Counts events of objects. The series of an object are there from its first sight on, at 0, since Prometheus cannot
 * see the first increase of a series that begins at 1; and they go with the object.
 */
export class ObjectCounter {
  readonly #counter: Counter<string>
  readonly #variants: readonly Labels[]
  readonly #objects = new Map<string, Labels>()

  /** `variants` are the further labels with which each object is counted: `[{}]` if there are none. */
  constructor(options: {
    readonly name: string
    readonly help: string
    readonly labelNames: readonly string[]
    readonly variants: readonly Labels[]
    readonly registry: Registry<PrometheusContentType>
  }) {
    const { variants, registry, ...definition } = options
    this.#counter = new Counter({ ...definition, registers: [registry] })
    this.#variants = variants
  }

  /** Counts one event. */
  count(object: Labels, variant: Labels = {}): void {
    this.#add(keyOf(object), object)
    this.#counter.inc({ ...object, ...variant })
  }

  /** Takes note of all objects that there are now: new ones begin at 0, the others are dropped. */
  follow(objects: Iterable<Labels>): void {
    const present = new Set<string>()
    for (const object of objects) {
      const key = keyOf(object)
      present.add(key)
      this.#add(key, object)
    }
    for (const [key, object] of this.#objects) {
      if (present.has(key)) continue
      this.#objects.delete(key)
      for (const variant of this.#variants) this.#counter.remove({ ...object, ...variant })
    }
  }

  #add(key: string, object: Labels): void {
    if (this.#objects.has(key)) return
    this.#objects.set(key, object)
    for (const variant of this.#variants) this.#counter.inc({ ...object, ...variant }, 0)
  }
}

/** The names of Kubernetes objects hold no slash. */
function keyOf(object: Labels): string {
  return Object.values(object).join('/')
}
