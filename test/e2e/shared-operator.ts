/**
 * One cluster and one operator for all tests of a file, a namespace for each test, and a healthy neighbour that must
 * still be restarted after every test, whatever that test did.
 */
import type { KubernetesObject, V1Deployment } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { namespace } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  consumer,
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  removeNamespace,
  startInstalledCluster,
  type ConsumerView,
} from './installed-cluster.ts'
import { observe, type Observer } from './observer.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

const NEIGHBOUR = 'neighbour'

/** What the tests of a file share; `shop` and `observer` are new for each test. */
export class SharedOperator {
  cluster!: TestCluster
  shop!: string
  observer!: Observer
  #neighbours: Observer | undefined
  #started: OperatorProcess | undefined
  #rotations = 0

  /** Registers the hooks of the file. */
  constructor(flags: readonly string[] = QUICK) {
    beforeAll(async () => {
      this.cluster = await startInstalledCluster()
      this.#started = await startOperator(this.cluster, flags)
      await this.cluster.apply(
        namespace({ name: NEIGHBOUR }),
        dbSecret(NEIGHBOUR, 'at first'),
        consumerOf('env', { name: NEIGHBOUR, namespace: NEIGHBOUR }),
      )
      this.#neighbours = await observe(this.cluster, NEIGHBOUR)
      await inState(this.cluster, NEIGHBOUR, NEIGHBOUR, 'Fresh')
      await beyondDoubt()
    })
    afterAll(() => this.cluster.stop())
    // Of those that exist: after a start that failed the cluster still has to be stopped.
    afterAll(async () => {
      this.#neighbours?.stop()
      await this.#started?.end('SIGTERM')
    })
    beforeEach(async () => {
      this.shop = await freshNamespace(this.cluster)
      this.observer = await observe(this.cluster, this.shop)
    })
    afterEach(async () => {
      await this.neighbourIsRestarted()
      this.observer.stop()
      await removeNamespace(this.cluster, this.shop)
      const defects = this.operator.log.filter(({ msg }) => msg.startsWith('a defect'))
      expect(defects).toEqual([])
    })
  }

  get operator(): OperatorProcess {
    if (!this.#started) throw new Error('the operator has not been started')
    return this.#started
  }

  /**
   * Rotates the neighbour's Secret and waits for its one restart. Also a fence: what Sluice was going to do about
   * earlier changes elsewhere, it has begun by then.
   */
  async neighbourIsRestarted(): Promise<void> {
    const { cluster } = this
    const before = (await consumer(cluster, NEIGHBOUR, NEIGHBOUR))?.status?.lastRestart?.id
    this.#neighbours?.reset({ [NEIGHBOUR]: 1 })
    await cluster.apply(dbSecret(NEIGHBOUR, `rotation ${++this.#rotations}`))
    await this.finished(NEIGHBOUR, { after: before, inNamespace: NEIGHBOUR })
    expect(this.#neighbours?.newPods(NEIGHBOUR)).toHaveLength(1)
    await beyondDoubt(0)
  }

  /** Applies objects, and waits until the consumers among them are Available and have their baseline. */
  async deployed(...objects: readonly KubernetesObject[]): Promise<void> {
    await this.cluster.apply(...objects)
    const deployments = objects.filter(({ kind }) => kind === 'Deployment') as V1Deployment[]
    for (const { metadata } of deployments) {
      await available(this.cluster, this.shop, nameOf(metadata))
      if (metadata?.annotations?.[RESTART_ON_CHANGE]) await this.#baselineOf(nameOf(metadata))
    }
    await this.countFromNow(...deployments)
  }

  async #baselineOf(name: string): Promise<void> {
    await waitUntil(`the baseline of ${name}`, async () => {
      const status = (await this.consumer(name))?.status
      return status ? { value: status } : { instead: 'no Consumer with a status' }
    })
  }

  /** From here on pods are new, and beyond doubt older than what changes next. */
  async countFromNow(...deployments: readonly V1Deployment[]): Promise<void> {
    await beyondDoubt()
    this.observer.reset(
      Object.fromEntries(
        deployments.map(({ metadata, spec }) => [nameOf(metadata), spec?.replicas ?? 1]),
      ),
    )
  }

  /** Writes the Secret `db`. */
  async rotate(password: string): Promise<void> {
    await this.cluster.apply(dbSecret(this.shop, password))
  }

  /** kubectl in the namespace of the test. */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.cluster.kubectl([...args, `--namespace=${this.shop}`])
  }

  inState(name: string, state: string, reason?: string): Promise<ConsumerView> {
    return inState(this.cluster, this.shop, name, state, reason)
  }

  consumer(name: string): Promise<ConsumerView | undefined> {
    return consumer(this.cluster, this.shop, name)
  }

  /** Waits until a person can read in the Consumer why it is held, and that a pod is stale. */
  async heldWithStalePods(name: string, reason: string): Promise<string> {
    return waitUntil(
      `${name} to be held by ${reason} with stale pods`,
      async () => {
        const status = (await this.consumer(name))?.status
        const matches = status?.reason === reason && status.stalePods > 0
        return matches
          ? { value: `${status.state}: ${status.message}` }
          : { instead: JSON.stringify(status ?? 'no Consumer') }
      },
      { every: 100 },
    )
  }

  /** Waits until a restart is recorded as finished (another one than `after`) and nothing is stale. */
  async finished(
    name: string,
    { after, inNamespace = this.shop }: { after?: string | undefined; inNamespace?: string } = {},
  ): Promise<string> {
    return waitUntil(
      `${inNamespace}/${name} to be restarted`,
      async () => {
        const status = (await consumer(this.cluster, inNamespace, name))?.status
        const { state, lastRestart } = status ?? {}
        return state === 'Fresh' && lastRestart && lastRestart.id !== after
          ? { value: lastRestart.id }
          : { instead: JSON.stringify(status ?? 'no Consumer') }
      },
      { deadline: 60_000, every: 100 },
    )
  }
}

function nameOf(metadata: { name?: string } | undefined): string {
  return metadata?.name ?? ''
}
