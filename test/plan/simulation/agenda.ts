/**
 * Virtual time: what happens when.
 */

export class Agenda {
  /** Latest first, so that the next one is taken from the end. */
  readonly #entries: { readonly at: number; readonly happens: () => void }[] = []
  #now: number

  constructor(start: number) {
    this.#now = start
  }

  get now(): number {
    return this.#now
  }

  /** When something happens next; Infinity if nothing will. */
  get nextAt(): number {
    return this.#entries.at(-1)?.at ?? Infinity
  }

  /** Things of the same time happen in the order in which they were entered. */
  at(at: number, happens: () => void): void {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.at ?? 0) > at) low = middle + 1
      else high = middle
    }
    this.#entries.splice(low, 0, { at, happens })
  }

  /** Lets time pass up to `until`; tells after each thing that happened. */
  advance(until: number, happened: () => void): void {
    for (;;) {
      const next = this.#entries.at(-1)
      if (!next || next.at > until) break
      this.#entries.pop()
      this.#now = Math.max(this.#now, next.at)
      next.happens()
      happened()
    }
    this.#now = Math.max(this.#now, until)
  }
}
