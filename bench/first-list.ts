/**
 * Memory of the bundle until its first sync, on an API server without streaming lists: pages of large Secrets.
 */
import { startCluster } from '../testbed/cluster.ts'
import { install } from '../test/e2e/installed-cluster.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import type { Chapter } from './figure.ts'
import { shippedImage } from './image.ts'
import { createSecrets } from './memory.ts'
import { residentMemory } from './resident-memory.ts'

const SECRETS = 400
const SIZE = 150 * 1024
/** MiB. */
const TARGET = 120

export async function measureFirstList(program: string): Promise<Chapter> {
  const cluster = await startCluster({ featureGates: { WatchList: false } })
  try {
    await install(cluster)
    await createSecrets(cluster, SECRETS, SIZE)
    const { nodeFlags, environment } = shippedImage()
    const began = performance.now()
    const operator = await startOperator(cluster, [], { program, nodeFlags, environment })
    const took = performance.now() - began
    const { now, peak } = residentMemory(operator.pid)
    await operator.end('SIGTERM')
    return {
      title: `first-list: ${SECRETS} Secrets of ${SIZE / 1024} KiB in pages (no WatchList)`,
      figures: [
        { what: 'VmHWM until ready', value: peak, unit: 'MiB', target: TARGET },
        { what: 'VmRSS when ready', value: now, unit: 'MiB', target: TARGET },
        { what: 'from the start until ready', value: took, unit: 'ms', target: 10_000 },
      ],
    }
  } finally {
    await cluster.stop()
  }
}
