/**
 * Whether this machine can run a real node, asked before anything is compiled for it that takes long.
 */
import { execFileSync } from 'node:child_process'
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What SLUICE_TEST_REAL_NODE says: a node where there can be one, or in any case, or nowhere. */
export type Wish = 'auto' | 'required' | 'off'

export function wishForRealNode(): Wish {
  const wish = process.env['SLUICE_TEST_REAL_NODE'] ?? 'auto'
  if (wish !== 'auto' && wish !== 'required' && wish !== 'off') {
    throw new Error(`SLUICE_TEST_REAL_NODE: expected auto, required or off, found "${wish}"`)
  }
  return wish
}

/** What a real node lacks on this machine, as far as that shows without one; undefined if nothing. */
export function obstacleToRealNode(): string | undefined {
  for (const [expected, holds] of CONDITIONS) {
    try {
      holds()
    } catch (error) {
      return `expected ${expected}, found ${error instanceof Error ? error.message : String(error)}`
    }
  }
  return undefined
}

const CONDITIONS: readonly (readonly [expected: string, holds: () => void])[] = [
  ['Linux', () => must(process.platform === 'linux', process.platform)],
  ['to be root', () => must(process.getuid?.() === 0, `user ${process.getuid?.()}`)],
  // A kubelet reads there what was killed for want of memory.
  ['to read /dev/kmsg', () => accessSync('/dev/kmsg', constants.R_OK)],
  ['a program mount', () => execFileSync('mount', ['--help'], { stdio: 'ignore' })],
  ['to make cgroups', makeCgroup],
  // What makes the namespaces of a container is the one part of runc that is not written in Go.
  ['a C compiler that links statically', compileC],
]

function must(holds: boolean, found: string): void {
  if (!holds) throw new Error(found)
}

function makeCgroup(): void {
  const folders = cgroupFolders()
  must(folders.length > 0, 'none mounted')
  for (const folder of folders) {
    const own = join(folder, `sluice-obstacle-${process.pid}`)
    mkdirSync(own)
    rmdirSync(own)
  }
}

/** Where cgroups are mounted: one folder for each controller in version 1, one for all in version 2. */
export function cgroupFolders(): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return mounts
    .map((line) => line.split(' '))
    .flatMap(([, folder = '', type]) => (type?.startsWith('cgroup') ? [folder] : []))
}

function compileC(): void {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-c-'))
  try {
    const args = ['-static', '-x', 'c', '-o', join(dir, 'program'), '-']
    const input = '#include <sched.h>\n#include <linux/netlink.h>\nint main(void) { return 0; }\n'
    execFileSync(process.env['CC'] ?? 'gcc', args, { input, stdio: ['pipe', 'ignore', 'pipe'] })
  } finally {
    rmSync(dir, { recursive: true })
  }
}
