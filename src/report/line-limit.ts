/**
 * One line of each kind a minute: what goes wrong for ten thousand objects is told once, with how many there were.
 */

/** Between two lines of one kind (ms). */
export const LINE_INTERVAL = 60_000

export class LineLimit {
  /** By kind: kinds are few, and written in the code. */
  readonly #last = new Map<string, { readonly at: number; leftOut: number }>()

  /**
   * Asks for a line; `now` in milliseconds. @returns how many of its kind were left out since the last one, or `undefined`
   * where this one is left out too
   */
  ask(kind: string, now: number): number | undefined {
    const last = this.#last.get(kind)
    if (last && now < last.at + LINE_INTERVAL) {
      last.leftOut++
      return undefined
    }
    this.#last.set(kind, { at: now, leftOut: 0 })
    return last?.leftOut ?? 0
  }
}
