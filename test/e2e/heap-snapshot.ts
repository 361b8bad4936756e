/**
 * The heap of a running Node process after a garbage collection: every string that something still refers to.
 * Bytes outside of V8's heap (Buffers) are not in it.
 */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitUntil } from '../../testbed/wait.ts'

/** A process that can be asked for its heap. */
export interface Inspectable {
  /** Flags that Node is to be started with. */
  readonly nodeFlags: readonly string[]
  /** Collects garbage, and reads all strings of the heap. */
  strings(pid: number): Promise<readonly string[]>
}

/** @param folder where snapshots are written, below a folder of their own */
export function inspectable(folder: string): Inspectable {
  const dir = mkdtempSync(join(folder, 'heap-'))
  const read = new Set<string>()
  return {
    nodeFlags: [
      '--heapsnapshot-signal=SIGUSR2',
      `--diagnostic-dir=${dir}`,
      // Else what comes late in a long line of a watch would be cut off.
      '--heap-snapshot-string-limit=1000000000',
    ],
    async strings(pid) {
      process.kill(pid, 'SIGUSR2')
      return waitUntil(
        'the heap snapshot to be written',
        () => {
          const file = readdirSync(dir).find((each) => each.includes(`.${pid}.`) && !read.has(each))
          const strings = file === undefined ? undefined : stringsIn(join(dir, file))
          if (file === undefined || !strings) return Promise.resolve({ instead: file ?? 'no file' })
          read.add(file)
          return Promise.resolve({ value: strings })
        },
        { deadline: 90_000, every: 500 },
      )
    },
  }
}

/** The strings of a snapshot; undefined while it is being written. */
function stringsIn(path: string): readonly string[] | undefined {
  const text = readFileSync(path, 'utf8')
  if (!text.trimEnd().endsWith('}')) return undefined
  const snapshot = JSON.parse(text) as { strings: string[] }
  return snapshot.strings
}
