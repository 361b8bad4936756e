/**
 * Reads annotations like settings: what cannot be read is a fault that names the object, the annotation, what was
 * expected and what was found.
 */
import { meantBy } from '../model/annotations.ts'
import type { Fault } from '../model/fault.ts'
import type { Kind } from './kind.ts'

/** Annotations by name. */
export type Annotations = Readonly<Record<string, string>>

/** A place where annotations stand, by its name in a message: `the workload`. */
export type Place = readonly [where: string, annotations: Annotations]

/**
 * Reads one annotation after the other, each from the first place that has it; those that cannot be read are added to
 * `faults`.
 */
export function readerOf(places: readonly Place[], faults: Fault[]) {
  return function read<T>(name: string, { schema }: Kind<T>): T | undefined {
    const [where, { [name]: text } = {}] = places.find(([, from]) => from[name] !== undefined) ?? []
    if (text === undefined) return undefined
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    const expected = parsed.error.issues[0]?.message ?? 'something else'
    faults.push({ where: `annotation ${name} of ${where}`, expected, found: quote(text) })
    return undefined
  }
}

/**
 * Names with a typing error: a limit that is not read would be no limit. What is nothing like a name of ours may be
 * anything, and is no fault.
 */
export function misspelt([where, from]: Place): readonly Fault[] {
  return Object.keys(from).flatMap((name) => {
    const meant = meantBy(name)
    if (meant === undefined) return []
    const expected = `the name of a setting, perhaps ${meant}`
    return [{ where: `an annotation of ${where}`, expected, found: quote(name) }]
  })
}

/** A tenant's text, short enough for a message. */
function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}
