/**
 * The text that Prometheus reads, written directly: with series for each of thousands of workloads, a general client
 * spends most of a scrape on hashing labels that are known.
 */
import type { Definition } from './definitions.ts'

/** Labels in the form in which they stand in the text; also their key. */
export type LabelText = string

/** Values of `names`, in this order, as text. */
export function labelText(names: readonly string[], values: readonly string[]): LabelText {
  return names.map((name, index) => `${name}="${escaped(values[index] ?? '')}"`).join(',')
}

/** The lines of one metric, with its series added one by one. */
export class Family {
  readonly #name: string
  readonly #lines: string[]

  constructor({ name, help, type }: Definition) {
    this.#name = name
    this.#lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
  }

  add(labels: LabelText, value: number): void {
    this.#lines.push(`${this.#name}{${labels}} ${value === Infinity ? '+Inf' : value}`)
  }

  /** Without an end of line after the last. */
  toString(): string {
    return this.#lines.join('\n')
  }
}

function escaped(value: string): string {
  if (!/[\\"\n]/.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
