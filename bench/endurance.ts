/**
 * What many events leave behind: the bundle lives through a hundred thousand watch events and fifty rotations, and is
 * looked at early and at the end.
 */
import type { TestCluster } from '../testbed/cluster.ts'
import { freePort } from '../testbed/ports.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { shippedImage } from './image.ts'
import { Inspector } from './inspector.ts'
import { openDescriptors } from './open-descriptors.ts'
import { residentMemory } from './resident-memory.ts'
import { Shop } from './shop.ts'

const EVENTS = 100_000
/** After so many all that is kept for good is there. */
const EARLY = 20_000
const ROTATIONS = 50
/** Few, so that what is kept of each Secret (five rotations) is there early. */
const WORKLOADS = 2
const REPLICAS = 2
const AT_ONCE = 16
/** What the same program holds more or less from one moment to the next: MiB, a descriptor or timer, listeners of requests. */
const NOISE = { heap: 2, memory: 6, few: 3, many: 60 }

interface Look {
  readonly heap: number
  readonly memory: number
  readonly descriptors: number
  readonly timers: number
  readonly listeners: number
}

export async function measureEndurance(cluster: TestCluster, program: string): Promise<Chapter> {
  const { nodeFlags, environment } = shippedImage()
  const port = await freePort()
  const quick = ['--quiet-period=0s', '--settle=0s', '--margin=1s', '--min-restart-interval=0s']
  const operator = await startOperator(cluster, [...quick, '--leader-election=on'], {
    program,
    nodeFlags: [...nodeFlags, `--inspect=127.0.0.1:${port}`],
    environment,
  })
  const inspector = await Inspector.open(port)
  const admin = new Admin(cluster, AT_ONCE)
  const shop = await Shop.open(cluster, operator, admin, {
    workloads: WORKLOADS,
    replicas: REPLICAS,
  })
  const look = async (): Promise<Look> => ({
    ...(await inspector.look()),
    memory: residentMemory(operator.pid).now,
    descriptors: openDescriptors(operator.pid, 0).all,
  })

  const looks: Look[] = []
  const each = EVENTS / ROTATIONS
  for (let rotation = 0; rotation < ROTATIONS; rotation++) {
    if (rotation > 0 && (rotation * each) % EARLY === 0) looks.push(await look())
    await shop.rotate(shop.names[rotation % WORKLOADS] ?? '')
    await touch(admin, shop, each)
    await shop.untilFresh(operator, REPLICAS)
  }
  looks.push(await look())
  inspector.close()
  await operator.end('SIGTERM')
  await admin.close()
  const [early, late] = [looks[0], looks.at(-1)]
  if (!early || !late) throw new Error('it was never looked at')
  return {
    title: `endurance: ${EVENTS} watch events and ${ROTATIONS} rotations`,
    figures: figures(early, late),
    remarks: [
      `The baseline is the same process after ${EARLY} events. Events are writes to the annotations of a Namespace, Deployments and Secrets; each makes Sluice plan. Heap, timers and listeners are asked of the process after a garbage collection.`,
      `Every ${EARLY} events, heap and VmRSS (MiB), listeners: ${looks.map(({ heap, memory, listeners }) => `${heap.toFixed(1)} ${memory.toFixed(1)} ${listeners}`).join(', ')}.`,
    ],
  }
}

function figures(early: Look, late: Look): Figure[] {
  const figure = (what: string, name: keyof Look, unit: Figure['unit'], noise: number): Figure => ({
    what,
    value: late[name],
    unit,
    target: early[name] + noise,
    baseline: { what: 'early', value: early[name] },
  })
  return [
    figure('heap after a garbage collection', 'heap', 'MiB', NOISE.heap),
    figure('VmRSS', 'memory', 'MiB', NOISE.memory),
    figure('open descriptors', 'descriptors', 'descriptors', NOISE.few),
    figure('timers', 'timers', 'timers', NOISE.few),
    figure('listeners', 'listeners', 'listeners', NOISE.many),
  ]
}

/** How often a write is tried: where everything is on one machine, the API server may be too slow for one. */
const ATTEMPTS = 5

/** Makes so many watch events. */
async function touch(admin: Admin, { namespace, names }: Shop, count: number): Promise<void> {
  const paths = [
    `/api/v1/namespaces/${namespace}`,
    ...names.map((name) => `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`),
    ...names.map((name) => `/api/v1/namespaces/${namespace}/secrets/${name}`),
  ]
  let next = 0
  const work = async () => {
    while (next < count) {
      const touched = String(next)
      const path = paths[next++ % paths.length] ?? ''
      const patch = { metadata: { annotations: { 'example.org/touched': touched } } }
      for (let attempt = 1; ; attempt++) {
        try {
          await admin.patch(path, patch)
          break
        } catch (error) {
          if (attempt === ATTEMPTS) throw error
        }
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
