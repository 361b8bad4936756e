/**
 * What the API server is asked: by an operator with nothing to do, and during a rotation.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../testbed/cluster.ts'
import { auditPosition, requestsBy, SLUICE, type AuditedRequest } from '../test/e2e/audit.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { Shop } from './shop.ts'

const MINUTE = 60_000
/** How long the operator takes to learn the API server's clock (ms). */
const CALIBRATION = 15_000
const WORKLOADS = 10
const REPLICAS = 3

export async function measureApiLoad(cluster: TestCluster, program: string): Promise<Chapter> {
  const start = auditPosition(cluster)
  const operator = await startOperator(cluster, ['--settle=0s'], { program })
  await sleep(CALIBRATION)
  const starting = count(cluster, start)
  const admin = new Admin(cluster, WORKLOADS)
  const shop = await Shop.open(cluster, operator, admin, {
    workloads: WORKLOADS,
    replicas: REPLICAS,
  })
  // The quiet minute after a rollout of all of it: what is late comes first.
  await sleep(CALIBRATION)

  const idle = await during(cluster, operator.pid, () => sleep(MINUTE))
  const rotation = await during(cluster, operator.pid, async () => {
    await Promise.all(shop.names.map((name) => shop.rotate(name)))
    await sleep(1_000)
    await shop.untilFresh(operator, REPLICAS)
  })
  await shop.close()
  await Promise.all([admin.close(), operator.end('SIGTERM')])
  return {
    title: `api-load: requests with ${WORKLOADS} workloads of ${REPLICAS} pods`,
    figures: [
      { what: 'start, 15 s', value: starting.requests, unit: 'requests', note: starting.kinds },
      ...figures('idle, a minute', idle),
      ...figures('a rotation of all', rotation),
    ],
    remarks: [
      'Bytes are those that the process read and wrote, by the kernel: encrypted traffic of the watches with it, its log and the answers to `/status` too.',
    ],
  }
}

interface Load {
  readonly requests: number
  readonly kinds: string
  readonly kib: number
}

function figures(what: string, { requests, kinds, kib }: Load): Figure[] {
  return [
    { what, value: requests, unit: 'requests', note: kinds },
    { what: `${what}: read and written`, value: kib, unit: 'KiB' },
  ]
}

async function during(
  cluster: TestCluster,
  pid: number,
  work: () => Promise<unknown>,
): Promise<Load> {
  const from = auditPosition(cluster)
  const before = transferred(pid)
  await work()
  return { ...count(cluster, from), kib: (transferred(pid) - before) / 1024 }
}

function count(cluster: TestCluster, from: number): Omit<Load, 'kib'> {
  const requests = requestsBy(cluster, SLUICE, from)
  const kinds = Map.groupBy(requests, kindOf)
  const text = [...kinds].map(([kind, { length }]) => `${length} ${kind}`).sort()
  return { requests: requests.length, kinds: text.join(', ') }
}

/** `update consumers/status`, with the code where it failed. */
function kindOf({ verb, resource, code }: AuditedRequest): string {
  return [verb, resource || '/version', ...(code >= 400 ? [code] : [])].join(' ')
}

/** Bytes that a process has read and written so far. */
function transferred(pid: number): number {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  return ['rchar', 'wchar'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0),
    0,
  )
}
