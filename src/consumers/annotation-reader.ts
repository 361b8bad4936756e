/**
 * Reads annotations like settings: what cannot be read is a fault that names the object, the annotation, what was
 * expected and what was found.
 */
import type { Fault } from '../config/fault.ts'
import type { Kind } from '../config/kind.ts'

/** Annotations by name. */
export type Annotations = Readonly<Record<string, string>>

/** Reads one annotation after the other; those that cannot be read are added to `faults`. */
export function readerOf(where: string, from: Annotations, faults: Fault[]) {
  return function read<T>(name: string, { schema }: Kind<T>): T | undefined {
    const text = from[name]
    if (text === undefined) return undefined
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    const expected = parsed.error.issues[0]?.message ?? 'something else'
    faults.push({ where: `annotation ${name} of ${where}`, expected, found: quote(text) })
    return undefined
  }
}

/** A tenant's text, short enough for a message. */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}
