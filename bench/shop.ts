/**
 * Deployments that opted in, each with a Secret of its own, on the test cluster.
 */
import { RESTART_ON_CHANGE } from '../src/model/annotations.ts'
import type { TestCluster } from '../testbed/cluster.ts'
import { deployment, secret } from '../testbed/fixtures.ts'
import { waitUntil } from '../testbed/wait.ts'
import { beyondDoubt, freshNamespace, removeNamespace } from '../test/e2e/installed-cluster.ts'
import type { OperatorProcess, StatusRow } from '../test/e2e/operator-process.ts'
import type { Admin } from './admin.ts'

/** More than every margin used here. */
const LONG_AGO = 3_000

export class Shop {
  readonly namespace: string
  readonly names: readonly string[]
  readonly #cluster: TestCluster
  readonly #admin: Admin
  #passwords = 0

  private constructor(
    cluster: TestCluster,
    admin: Admin,
    namespace: string,
    names: readonly string[],
  ) {
    this.#cluster = cluster
    this.#admin = admin
    this.namespace = namespace
    this.names = names
  }

  /** Opens a shop: all pods run and are fresh, and every time is older than the margins. */
  static async open(
    cluster: TestCluster,
    operator: OperatorProcess,
    admin: Admin,
    { workloads, replicas }: { workloads: number; replicas: number },
  ): Promise<Shop> {
    const namespace = await freshNamespace(cluster)
    const names = Array.from({ length: workloads }, (_, i) => `app-${i}`)
    const data = { password: 'old' }
    await cluster.apply(...names.map((name) => secret({ name, namespace, data })))
    await beyondDoubt(LONG_AGO)
    await cluster.apply(
      ...names.map((name) =>
        deployment({
          name,
          namespace,
          replicas,
          uses: [{ secret: name, mode: 'env' }],
          annotations: { [RESTART_ON_CHANGE]: 'true' },
        }),
      ),
    )
    const shop = new Shop(cluster, admin, namespace, names)
    await shop.untilFresh(operator, replicas)
    await beyondDoubt(LONG_AGO)
    return shop
  }

  /** Takes all of it away, so that what is measured next is not slower for it. */
  close(): Promise<void> {
    return removeNamespace(this.#cluster, this.namespace)
  }

  secretPath(name: string): string {
    return `/api/v1/namespaces/${this.namespace}/secrets/${name}`
  }

  /** Writes new content; resolves to when the API server dates it (ms). */
  async rotate(name: string): Promise<number> {
    const password = Buffer.from(`new ${++this.#passwords}`).toString('base64')
    const answer = await this.#admin.patch(this.secretPath(name), { data: { password } })
    const { metadata } = answer as { metadata: { managedFields: { time: string }[] } }
    return Math.max(...metadata.managedFields.map(({ time }) => Date.parse(time)))
  }

  /** Waits until every workload shows all its pods as fresh, none away and no restart. */
  async untilFresh(operator: OperatorProcess, replicas: number): Promise<void> {
    await waitUntil(
      'all pods to be fresh',
      async () => {
        const rows = (await operator.status()).filter((row) => row.namespace === this.namespace)
        const done = rows.filter((row) => isCalm(row) && row.freshPods === replicas)
        return done.length === this.names.length
          ? { value: true }
          : { instead: `${done.length} of ${this.names.length}` }
      },
      { deadline: 120_000, every: 100 },
    )
  }
}

function isCalm({ restart, unavailablePods, stalePods }: StatusRow): boolean {
  return restart === undefined && unavailablePods === 0 && stalePods === 0
}
