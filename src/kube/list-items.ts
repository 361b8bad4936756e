/**
 * The items of a list, one by one, out of the bytes of its answer. A page of Secrets may be hundreds of MiB: parsed as a
 * whole it is there several times, parsed object by object it takes the room of one.
 * The form: https://kubernetes.io/docs/reference/using-api/api-concepts/#collections
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
/** Where the items are: in a field of the list. */
const ITEMS = Buffer.from('"items"')
/** How deep an item is: in the list's object, and in the array. */
const ITEM_DEPTH = 2

/** Takes the answer in chunk by chunk. Anything but JSON shows as a SyntaxError. */
export class ListItems {
  readonly #take: (item: unknown) => void
  /** What is begun: an item, or what is around the items. */
  #item: Buffer[] = []
  #around: Buffer[] = []
  #depth = 0
  #inString = false
  #escaped = false
  /** The array of items is open. */
  #inItems = false
  /** As much of the last string outside of items as can be the name of their field. */
  #name: number[] = []

  /** @param take gets each item as soon as it is complete */
  constructor(take: (item: unknown) => void) {
    this.#take = take
  }

  /** Takes in the next bytes; the chunk is kept until the object that it begins is complete. */
  write(chunk: Buffer): void {
    let begin = 0
    for (let at = 0; at < chunk.length; at++) {
      if (this.#inString) {
        at = this.#endOfString(chunk, at)
        continue
      }
      const byte = chunk[at]
      if (byte === QUOTE) this.#beginString()
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (this.#isBetweenItems) begin = at
        else if (this.#depth === 1 && byte === OPEN_LIST && this.#isNamedItems) {
          this.#inItems = true
          this.#around.push(chunk.subarray(begin, at + 1))
        }
        this.#depth++
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.#isBetweenItems) {
          this.#inItems = false
          begin = at
        }
        this.#depth--
        if (this.#isBetweenItems) this.#endItem(chunk.subarray(begin, at + 1))
      }
    }
    // Between the items are commas.
    if (this.#isBetweenItems) return
    const kept = this.#inItems ? this.#item : this.#around
    kept.push(chunk.subarray(begin))
  }

  /** What is around the items, such as the metadata. @throws SyntaxError where the answer was cut off */
  end(): unknown {
    return JSON.parse(Buffer.concat(this.#around).toString('utf8'))
  }

  get #isBetweenItems(): boolean {
    return this.#inItems && this.#depth === ITEM_DEPTH
  }

  get #isNamedItems(): boolean {
    return ITEMS.equals(Buffer.from(this.#name))
  }

  #beginString(): void {
    this.#inString = true
    this.#name = [QUOTE]
  }

  /** The last byte of the string in this chunk, or of the chunk. */
  #endOfString(chunk: Buffer, from: number): number {
    let at = from
    if (this.#escaped) {
      this.#escaped = false
      at++
    }
    while (at < chunk.length) {
      const quote = chunk.indexOf(QUOTE, at)
      const end = quote < 0 ? chunk.length : quote
      const escape = chunk.subarray(at, end).indexOf(BACKSLASH)
      if (escape < 0) {
        this.#note(chunk, from, Math.min(end + 1, chunk.length))
        this.#inString = quote < 0
        return end
      }
      // What follows a backslash ends nothing.
      at += escape + 2
    }
    this.#escaped = at > chunk.length
    return chunk.length
  }

  #note(chunk: Buffer, from: number, to: number): void {
    if (this.#name.length + to - from > ITEMS.length) this.#name = []
    else this.#name.push(...chunk.subarray(from, to))
  }

  #endItem(last: Buffer): void {
    const bytes = this.#item.length === 0 ? last : Buffer.concat([...this.#item, last])
    this.#item = []
    this.#take(JSON.parse(bytes.toString('utf8')))
  }
}
