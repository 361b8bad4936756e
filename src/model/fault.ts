/**
 * What is wrong with a configuration.
 */

/** One thing that must be put right. */
export interface Fault {
  /** The file and key, or the flag. */
  readonly where: string
  readonly expected: string
  readonly found: string
}

/** The fault in one line. */
export function describeFault({ where, expected, found }: Fault): string {
  return `${where}: expected ${expected}, found ${found}`
}
