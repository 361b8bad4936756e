/**
 * Passwords that are found again in whatever form somebody wrote them down.
 */
import { createHash, randomBytes } from 'node:crypto'

export class MarkedValues {
  // Six bytes: eight letters of base64 and no padding, so that it reads the same inside of a longer text.
  readonly #mark = randomBytes(6).toString('hex')
  readonly #values: string[] = []

  /** A password that was not there before. */
  next(): string {
    // Both in front have a length that base64 does not shift the mark by.
    const value = `${randomBytes(3).toString('hex')}${this.#mark}-${this.#values.length}`
    this.#values.push(value)
    return value
  }

  /** Which of the texts, by name, hold a value or a part of one: in plain, base64, hex, or hashed without a key. */
  foundIn(texts: Readonly<Record<string, string>>): readonly string[] {
    const bytes = Buffer.from(this.#mark)
    const forms = new Map([
      ['plain', this.#mark],
      ['base64', bytes.toString('base64')],
      ['hex', bytes.toString('hex')],
      // As util.inspect and JSON print bytes.
      ['bytes', [...bytes].join(',')],
    ])
    for (const value of this.#values) {
      const digest = createHash('sha256').update(value).digest()
      forms.set(`sha256 hex of ${value}`, digest.toString('hex').slice(0, 32))
      forms.set(`sha256 base64 of ${value}`, digest.toString('base64').slice(0, 20))
    }
    return Object.entries(texts).flatMap(([name, text]) => {
      const lower = text.toLowerCase()
      return [...forms]
        .filter(([, form]) => text.includes(form) || lower.includes(form.toLowerCase()))
        .map(([form]) => `${form} in ${name}`)
    })
  }
}
