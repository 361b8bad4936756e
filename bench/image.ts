/**
 * How the image runs the bundle, read from the Dockerfile itself.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Image {
  /** The flags of Node in its ENTRYPOINT. */
  readonly nodeFlags: readonly string[]
  /** The variables that it sets. */
  readonly environment: Readonly<Record<string, string>>
}

/** @throws Error where the Dockerfile has no ENTRYPOINT as a list */
export function shippedImage(): Image {
  const dockerfile = readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8')
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1]
  if (entrypoint === undefined) throw new Error('expected an ENTRYPOINT in the Dockerfile')
  const lines = dockerfile.matchAll(/^ENV (\w+)=(\S+)$/gm)
  return {
    nodeFlags: (JSON.parse(entrypoint) as string[]).filter((word) => word.startsWith('--')),
    environment: Object.fromEntries(
      Array.from(lines, ([, name = '', value = '']) => [name, value]),
    ),
  }
}
