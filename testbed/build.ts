import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a real node is made of (real-node.ts), as its programs call each other. */
export const REAL_NODE_PROGRAMS = [
  'kubelet',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
  'ptp',
  'host-local',
] as const

type Program =
  | 'controlplane'
  | 'nodes'
  | 'prometheus'
  | 'promtool'
  | 'keeper'
  | (typeof REAL_NODE_PROGRAMS)[number]

const KUBERNETES = '1.36.1'

const COLD_BUILD: Record<Program, string> = {
  controlplane: 'about 5 minutes on 2 cores the first time, seconds later',
  nodes: 'some seconds, half a minute the first time',
  prometheus: 'two minutes on 2 cores the first time, seconds later',
  promtool: 'two minutes on 2 cores the first time, seconds after prometheus',
  keeper: 'some seconds',
  kubelet: 'a minute after controlplane, on 2 cores',
  containerd: 'a minute or two on 2 cores',
  'containerd-shim-runc-v2': 'seconds after containerd',
  ctr: 'seconds after containerd',
  runc: 'half a minute',
  ptp: 'some seconds',
  'host-local': 'some seconds',
}

/** The folder whose go.mod pins a program, and what to build there, if not the folder itself. */
interface Pinned {
  readonly folder: string
  readonly args?: readonly string[]
  /** Its C code is needed; it is linked statically, so that the cached binary is as good elsewhere. */
  readonly c?: boolean
}

const PINNED: Partial<Record<Program, Pinned>> = {
  prometheus: prometheusCommand('prometheus'),
  promtool: prometheusCommand('promtool'),
  keeper: { folder: 'real-node/keeper' },
  kubelet: { folder: 'real-node/kubelet', args: ['k8s.io/kubernetes/cmd/kubelet'] },
  containerd: runtimeCommand('github.com/containerd/containerd/v2/cmd/containerd'),
  'containerd-shim-runc-v2': runtimeCommand(
    'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
  ),
  ctr: runtimeCommand('github.com/containerd/containerd/v2/cmd/ctr'),
  runc: {
    ...runtimeCommand('-tags', 'netgo,osusergo', 'github.com/opencontainers/runc'),
    c: true,
  },
  ptp: runtimeCommand('github.com/containernetworking/plugins/plugins/main/ptp'),
  'host-local': runtimeCommand('github.com/containernetworking/plugins/plugins/ipam/host-local'),
}

function runtimeCommand(...args: readonly string[]): Pinned {
  return { folder: 'real-node/runtime', args }
}

/** Without service discovery for every cloud, which is most of it. */
function prometheusCommand(name: string): Pinned {
  const args = ['-tags', 'remove_all_sd', `github.com/prometheus/prometheus/cmd/${name}`]
  return { folder: 'prometheus', args }
}

/**
 * The path of a program of the test bed, built if there is no build of exactly
 * these sources yet.
 */
export async function build(program: Program, log: (line: string) => void): Promise<string> {
  const source = join(import.meta.dirname, PINNED[program]?.folder ?? program)
  const cache = process.env['SLUICE_TEST_CACHE'] ?? join(import.meta.dirname, '../.cache')
  const binary = join(cache, `${program}-${fingerprint(source)}`)
  if (existsSync(binary)) return binary

  mkdirSync(cache, { recursive: true })
  const release = await lock(`${binary}.lock`, () =>
    log(`another process is building ${program}; waiting for it`),
  )
  try {
    if (!existsSync(binary)) {
      log(`building ${program} (${COLD_BUILD[program]})`)
      const unfinished = `${binary}.${process.pid}`
      await goBuild(program, source, unfinished, log)
      renameSync(unfinished, binary)
    }
  } finally {
    release()
  }
  return binary
}

/** Stands for everything that decides what the build makes, but the Go release. */
function fingerprint(source: string): string {
  const hash = createHash('sha256').update(`${platform()} ${arch()} ${KUBERNETES}\0`)
  for (const file of readdirSync(source).sort()) {
    if (!/\.go$|^go\.(mod|sum)$/.test(file) || file.endsWith('_test.go')) continue
    const content = readFileSync(join(source, file))
    hash.update(`${file} ${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 12)
}

function goBuild(
  program: Program,
  source: string,
  output: string,
  log: (line: string) => void,
): Promise<void> {
  const version = 'k8s.io/component-base/version'
  const [major, minor] = KUBERNETES.split('.')
  const flags = [
    '-s -w',
    `-X ${version}.gitVersion=v${KUBERNETES}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
  ]
  const { args: what = ['.'], c = false } = PINNED[program] ?? {}
  if (c) flags.push('-extldflags -static')
  const args = ['build', '-v', '-ldflags', flags.join(' '), '-o', output, ...what]
  // Without cgo the cached binary does not depend on the C library of the machine that built it.
  const go = spawn('go', args, {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: c ? '1' : '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })

  const started = performance.now()
  let said = ''
  go.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000)
    log(`building ${program}: ${said.split('\n').length - 1} packages compiled in ${seconds} s`)
  }, 15_000)

  return new Promise<void>((resolve, reject) => {
    go.once('error', (error) =>
      reject(
        new Error(`expected the go command on PATH to build ${program}, found: ${error.message}`),
      ),
    )
    go.once('exit', (code) => {
      if (code === 0) resolve()
      else
        reject(
          new Error(
            `expected go build of ${source} to succeed, it ended with ${code}:\n${said.slice(-4000)}`,
          ),
        )
    })
  }).finally(() => clearInterval(progress))
}

/** Takes a lock that other processes respect, and returns what releases it. */
async function lock(path: string, waiting: () => void): Promise<() => void> {
  for (let first = true; ; first = false) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    if (!holderIsAlive(path)) {
      rmSync(path, { force: true })
      continue
    }
    if (first) waiting()
    await sleep(200)
  }
}

function holderIsAlive(path: string): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    // Empty for a moment between its creation and its writing.
    if (pid > 0) process.kill(pid, 0)
    return true
  } catch (error) {
    // Otherwise there is no such process, or the lock is gone by now.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
