/**
 * What it costs to watch each Secret by its name: the same picture, with one watch of all Secrets beside it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { RESTART_ON_CHANGE } from '../src/model/annotations.ts'
import type { TestCluster } from '../testbed/cluster.ts'
import { deployment, secret } from '../testbed/fixtures.ts'
import { waitUntil } from '../testbed/wait.ts'
import { freshNamespace } from '../test/e2e/installed-cluster.ts'
import { grantedByName } from '../test/e2e/named-access.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import type { Chapter, Figure } from './figure.ts'
import { shippedImage } from './image.ts'
import { openDescriptors, type OpenDescriptors } from './open-descriptors.ts'
import { residentMemory, type ResidentMemory } from './resident-memory.ts'

const SECRETS = 1_000
/** Each has as many Secrets as make {@link SECRETS} together. */
const WORKLOADS = 50
/** How long after all are known a process is looked at (ms). */
const CALM = 10_000

export async function measureNamedWatches(cluster: TestCluster, program: string): Promise<Chapter> {
  const namespace = await freshNamespace(cluster)
  const names = Array.from({ length: SECRETS }, (_, i) => `secret-${i}`)
  const data = { password: 'x'.repeat(100) }
  await cluster.apply(...names.map((name) => secret({ name, namespace, data })))
  const granted = grantedByName(cluster)
  await granted.apply(
    ...Array.from({ length: WORKLOADS }, (_, i) =>
      deployment({
        name: `app-${i}`,
        namespace,
        replicas: 0,
        uses: names
          .filter((_, index) => index % WORKLOADS === i)
          .map((name) => ({ secret: name, mode: 'env' as const })),
        annotations: { [RESTART_ON_CHANGE]: 'true' },
      }),
    ),
  )
  const all = await measured(cluster, program)
  // From here on the roles with names are the only right to Secrets.
  await cluster.kubectl(['delete', 'clusterrolebinding/sluice-secrets'])
  const named = await measured(granted, program)

  const figure = (what: string, unit: Figure['unit'], of: (each: Measured) => number): Figure => ({
    what,
    value: of(named),
    unit,
    baseline: { what: 'one watch of all', value: of(all) },
  })
  return {
    title: `named-watches: ${SECRETS} Secrets of ${WORKLOADS} workloads, each with a watch of its own`,
    figures: [
      figure('start of the process → all Secrets known', 'ms', ({ took }) => took),
      figure('VmRSS', 'MiB', ({ memory }) => memory.now),
      figure('VmHWM', 'MiB', ({ memory }) => memory.peak),
      figure('open descriptors', 'descriptors', ({ open }) => open.all),
      figure('connections to the API server', 'connections', ({ open }) => open.connections),
    ],
    remarks: [
      'Watches are opened 200 in a second at most: 1,000 need four seconds by that alone. An API server takes 100 streams on one connection by default.',
    ],
  }
}

interface Measured {
  /** From the start of the process until it knew all Secrets (ms). */
  readonly took: number
  readonly memory: ResidentMemory
  readonly open: OpenDescriptors
}

async function measured(cluster: TestCluster, program: string): Promise<Measured> {
  const began = performance.now()
  const operator = await startOperator(cluster, [], {
    program,
    ...shippedImage(),
    until: 'listening',
  })
  await waitUntil(
    'all Secrets to be known',
    async () => {
      const { body } = await operator.get('/metrics')
      const known = Number(/^sluice_objects\{resource="secrets"\} (\d+)$/m.exec(body)?.[1])
      return known >= SECRETS ? { value: known } : { instead: `${known} Secrets` }
    },
    { deadline: 120_000, every: 50 },
  )
  const took = performance.now() - began
  await sleep(CALM)
  const memory = residentMemory(operator.pid)
  const open = openDescriptors(operator.pid, Number(new URL(cluster.server).port))
  await operator.end('SIGTERM')
  return { took, memory, open }
}
