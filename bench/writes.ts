/**
 * What a restart costs in API writes, counted by the API server's own audit log.
 */
import type { TestCluster } from '../testbed/cluster.ts'
import { auditPosition, SLUICE, writesBy } from '../test/e2e/audit.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { waitUntil } from '../testbed/wait.ts'
import { Admin } from './admin.ts'
import type { Chapter, Figure } from './figure.ts'
import { Shop } from './shop.ts'

/** Of one restart: the start and the end. What people read comes on top. */
const STATUS_WRITES = 2
const LEASE = 'update leases'

export async function measureWrites(cluster: TestCluster, program: string): Promise<Chapter> {
  return {
    title: 'writes: API writes of one restart, all settings at their defaults',
    figures: [
      ...(await measure(cluster, program, 3, 'evict')),
      ...(await measure(cluster, program, 1, 'rollout')),
    ],
    remarks: [
      'Beyond the two: the story is written down before the first pod goes (what changed, and when, with the reason of the wait), and what people read at most every 10 s.',
    ],
  }
}

async function measure(
  cluster: TestCluster,
  program: string,
  replicas: number,
  strategy: string,
): Promise<Figure[]> {
  const operator = await startOperator(cluster, ['--log-level=debug'], { program })
  const admin = new Admin(cluster)
  const shop = await Shop.open(cluster, operator, admin, { workloads: 1, replicas })
  const from = auditPosition(cluster)
  const logged = operator.log.length
  await shop.rotate('app-0')
  await waitUntil(
    'the restart to end',
    async () => {
      const ended = operator.log.slice(logged).some(({ msg }) => msg === 'restart finished')
      return Promise.resolve(ended ? { value: true } : { instead: 'no such line' })
    },
    { deadline: 120_000 },
  )
  await shop.untilFresh(operator, replicas)
  const all = writesBy(cluster, SLUICE, from).map(({ verb, resource }) => `${verb} ${resource}`)
  // Renewed every two seconds, whether anything is restarted or not.
  const writes = all.filter((write) => write !== LEASE)
  const causes = operator.log
    .slice(logged)
    .flatMap(({ msg }) => /^restart (.*)$/.exec(msg)?.slice(1) ?? [])
  await shop.close()
  await Promise.all([admin.close(), operator.end('SIGTERM')])

  const count = (write: string) => writes.filter((each) => each === write).length
  const what = (write: string) =>
    `${strategy}, ${replicas} ${replicas > 1 ? 'pods' : 'pod'}: ${write}`
  const figure = (write: string, target: number, note = ''): Figure => ({
    what: what(write),
    value: count(write),
    unit: 'writes',
    target,
    note,
  })
  return [
    figure('create pods/eviction', strategy === 'evict' ? replicas : 0),
    figure('patch deployments', strategy === 'evict' ? 0 : 1),
    figure(
      'update consumers/status',
      STATUS_WRITES + 1,
      `logged: ${causes.join(', ')}; the others changed what people read`,
    ),
    { what: what('all writes, renewals of the lease aside'), value: writes.length, unit: 'writes' },
  ]
}
