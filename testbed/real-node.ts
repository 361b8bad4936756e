/**
 * A real node for a test cluster: kubelet, containerd and runc, in namespaces and cgroups of their own
 * (real-node/keeper). It is root's alone, and Linux's.
 */
import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { V1Node, V1Pod } from '@kubernetes/client-node'
import { stringify } from 'yaml'
import { build, REAL_NODE_PROGRAMS } from './build.ts'
import { startCluster, type TestCluster } from './cluster.ts'
import { type Child, startChild, tail } from './processes.ts'
import { type Seen, waitUntil } from './wait.ts'

const run = promisify(execFile)

/** The name of the node. */
const NODE = 'real'
/** Addresses of its pods, which nobody but the node reaches. */
const POD_SUBNET = '10.88.1.0/24'
/** Image of every sandbox; the node has no registry to ask for another. */
const PAUSE = 'registry.example/pause:1'

/** A cluster whose only node is a real one. */
export interface RealNodeCluster extends TestCluster {
  /** The name of the cgroup, in each hierarchy, that all processes of the node are in. */
  readonly cgroup: string
  /** What the containers of a pod have written so far, with the times that containerd puts before each line. */
  logOf(pod: V1Pod): string
}

/** Images that containers on the node may name: programs of this machine in /bin, and no command of their own. */
const IMAGES: Readonly<Record<string, readonly string[]>> = {
  'registry.example/app:1': ['sh', 'cat', 'sleep', 'touch'],
  'registry.example/node:1': ['sh', process.execPath],
}

/**
 * Starts a cluster with a real node that runs pods. What it throws may as well be the machine's fault: whoever starts
 * one decides what that means.
 */
export async function startRealNodeCluster(
  log: (line: string) => void = (line) => process.stderr.write(`real node: ${line}\n`),
): Promise<RealNodeCluster> {
  const keeper = await build('keeper', log)
  // Before all that takes long to compile.
  const snapshotter = await probe(keeper)
  // In an order in which each finds most of its packages compiled.
  await build('controlplane', log)
  const programs = new Map<string, string>()
  for (const program of REAL_NODE_PROGRAMS) programs.set(program, await build(program, log))

  const cluster = await startCluster({ nodes: 0 })
  const dir = join(cluster.dir, 'real-node')
  let child: Child | undefined
  const stop = async (): Promise<void> => {
    const how = await child?.end()
    child = undefined
    await cluster.stop()
    if (how !== undefined && how !== 'ended with exit code 0') {
      throw new Error(`expected the real node to end cleanly, it ${how}`)
    }
  }
  try {
    setUp(dir, keeper, programs)
    copyFileSync(cluster.kubeconfig, join(dir, 'kubeconfig'))
    writeFileSync(join(dir, 'containerd.toml'), containerdConfig(dir, snapshotter))
    writeFileSync(join(dir, 'kubelet.yaml'), stringify(kubeletConfig(dir)))
    child = startChild({
      name: 'real node',
      command: keeper,
      args: [
        'keep',
        `--dir=${dir}`,
        `--name=${NODE}`,
        `--api-server=${new URL(cluster.server).host}`,
      ],
      logFile: join(dir, 'keeper.log'),
      unexpectedEnd: log,
    })
    await ready(cluster, child)
    const ctr = (...args: string[]) =>
      run(join(dir, 'bin/ctr'), [`--address=${dir}/containerd.sock`, '--namespace=k8s.io', ...args])
    const load = async (image: string, entrypoint: string, names: readonly string[]) => {
      const archive = join(dir, 'image.tar')
      await run(keeper, ['image', archive, image, entrypoint, ...names])
      await ctr('images', 'import', `--snapshotter=${snapshotter}`, archive)
      rmSync(archive)
    }
    await load(PAUSE, '/bin/keeper pause', [join(dir, 'bin/keeper')])
    for (const [image, names] of Object.entries(IMAGES)) await load(image, '', names)
    await runOnePod(cluster)
    return {
      ...cluster,
      cgroup: `sluice-node-${child.pid}`,
      stop,
      heldContent: () =>
        Promise.reject(new Error('expected a node of the test bed: a real one does not tell')),
      async killContainer(namespace, pod, container) {
        const args = ['get', 'pod', pod, `--namespace=${namespace}`, '--output=json']
        const { status } = JSON.parse(await cluster.kubectl(args)) as V1Pod
        const found = status?.containerStatuses?.find(({ name }) => name === container)
        if (found?.state?.running === undefined) {
          throw new Error(
            `expected a running container ${container}, found ${JSON.stringify(found)}`,
          )
        }
        await ctr(
          'tasks',
          'kill',
          '--signal=SIGKILL',
          String(found.containerID).replace('containerd://', ''),
        )
      },
      logOf({ metadata }) {
        const logs = join(dir, 'logs', `${metadata?.namespace}_${metadata?.name}_${metadata?.uid}`)
        const files = readdirSync(logs, { recursive: true, encoding: 'utf8' }).filter((file) =>
          file.endsWith('.log'),
        )
        return files.map((file) => readFileSync(join(logs, file), 'utf8')).join('')
      },
    }
  } catch (error) {
    const logs = ['keeper', 'containerd', 'kubelet'].flatMap((name) => endOf(dir, name))
    await stop().catch((fault: unknown) => log(String(fault)))
    const what = error instanceof Error ? error.message : String(error)
    const message = [`the real node did not start: ${what}`, ...logs].join('\n')
    throw new Error(message, { cause: error })
  }
}

/** The folders of the node, and its programs under the names by which they call each other. */
function setUp(dir: string, keeper: string, programs: ReadonlyMap<string, string>): void {
  for (const folder of ['bin', 'cni', 'logs']) mkdirSync(join(dir, folder), { recursive: true })
  for (const [name, binary] of programs)
    place(binary, join(dir, 'bin', name === 'runc' ? 'real-runc' : name))
  for (const name of ['keeper', 'runc']) place(keeper, join(dir, 'bin', name))
  writeFileSync(join(dir, 'resolv.conf'), '')
  writeFileSync(join(dir, 'cni/node.conflist'), JSON.stringify(network(dir)))
}

function place(binary: string, at: string): void {
  try {
    linkSync(binary, at)
  } catch {
    copyFileSync(binary, at) // another file system
  }
}

/** Makes namespaces, cgroups and mounts as the node will, and tells which snapshotter they allow. */
async function probe(keeper: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-probe-'))
  try {
    const { stdout } = await run(keeper, ['probe', `--dir=${dir}`, '--name=probe'])
    return stdout.trim()
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Waits until the kubelet has registered its node and calls it ready, and lets pods be scheduled to it. */
async function ready(cluster: TestCluster, child: Child): Promise<void> {
  await waitUntil(
    'the node to be ready',
    async (): Promise<Seen<true>> => {
      const how = child.ended()
      if (how !== undefined) throw new Error(`expected the node to become ready, it ${how}`)
      const text = await cluster.kubectl([
        'get',
        'node',
        NODE,
        '--ignore-not-found',
        '--output=json',
      ])
      if (text === '') return { instead: 'no node' }
      const condition = (JSON.parse(text) as V1Node).status?.conditions?.find(
        ({ type }) => type === 'Ready',
      )
      return condition?.status === 'True' ? { value: true } : { instead: JSON.stringify(condition) }
    },
    { deadline: 90_000, every: 250 },
  )
  // The controller that would take it away is not part of the test cluster.
  await cluster.kubectl(['taint', 'node', NODE, 'node.kubernetes.io/not-ready-'])
}

/** A node may look ready, and yet fail at the first container. */
async function runOnePod(cluster: TestCluster): Promise<void> {
  const metadata = { name: 'first', namespace: 'default' }
  const containers = [
    { name: 'app', image: 'registry.example/app:1', command: ['sh', '-c', 'exit 0'] },
  ]
  const spec = { containers, restartPolicy: 'Never' }
  await cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as V1Pod)
  await waitUntil(
    'a first pod to do its work',
    async (): Promise<Seen<true>> => {
      const pod = JSON.parse(
        await cluster.kubectl(['get', 'pod', 'first', '--output=json']),
      ) as V1Pod
      if (pod.status?.phase === 'Succeeded') return { value: true }
      const warnings = await cluster.kubectl([
        'get',
        'events',
        '--field-selector=involvedObject.name=first,type=Warning',
        '--output=jsonpath={range .items[*]}{.message}{"\\n"}{end}',
      ])
      const last = warnings.trimEnd().split('\n').at(-1)
      return { instead: last || JSON.stringify(pod.status) }
    },
    { every: 250 },
  )
  await cluster.kubectl(['delete', 'pod', 'first'])
}

function containerdConfig(dir: string, snapshotter: string): string {
  return `version = 3
root = "${dir}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[grpc]
address = "${dir}/containerd.sock"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "${snapshotter}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true  # a profile would stay in the kernel
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["${dir}/bin"]
conf_dir = "${dir}/cni"
use_internal_loopback = true
[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "${dir}/bin/runc"
SystemdCgroup = false
`
}

function kubeletConfig(dir: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${dir}/containerd.sock`,
    podLogsDir: join(dir, 'logs'),
    volumePluginDir: join(dir, 'volume-plugins'),
    resolvConf: join(dir, 'resolv.conf'),
    enableServer: false,
    // Of the cgroups only those of containers: nothing here is about resources.
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    // What it wants of the kernel is shown to it (real-node/keeper/mounts.go), it must not set it.
    protectKernelDefaults: true,
    // The machine is no node: how full it is must not matter.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    // Files of volumes follow a Secret at the next sync of their pod: a minute and a half by default.
    syncFrequency: '1s',
    crashLoopBackOff: { maxContainerRestartPeriod: '1s' },
  }
}

/** Each pod has an address, and a pair of devices that joins it to the node. */
function network(dir: string): object {
  return {
    cniVersion: '1.0.0',
    name: 'node',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          dataDir: join(dir, 'addresses'),
          ranges: [[{ subnet: POD_SUBNET }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  }
}

/** The last lines of a log of the node, as far as they fit; there may be none yet. */
function endOf(dir: string, name: string): string[] {
  const file = join(dir, `${name}.log`)
  if (!existsSync(file)) return []
  return tail(file, 3)
    .split('\n')
    .map((line) => `${name}: ${line.slice(0, 400)}`)
}
