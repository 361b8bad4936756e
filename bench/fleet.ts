/**
 * A large cluster in memory: the store of the operator, filled through its own decoders.
 */
import type { PodRecord } from '../src/workloads/pod.ts'
import { SECRET } from '../src/sources/kinds/secret.ts'
import { RESTART_ON_CHANGE } from '../src/model/annotations.ts'
import { loadConfig } from '../src/config/load.ts'
import type { Config } from '../src/config/settings.ts'
import type { RawPod } from '../src/workloads/pod.ts'
import { plan, type Plan } from '../src/plan/plan.ts'
import { Executor } from '../src/restart/executor.ts'
import { createMemoryWrites } from '../src/restart/memory-writes.ts'
import { createDigester } from '../src/sources/digest.ts'
import { Store } from '../src/watch/store.ts'

const NAMESPACES = 100
const MINUTE = 60_000
/** When everything was made, and when the first plan is made (ms). */
const MADE = Date.parse('2026-01-01T00:00:00Z')
const START = MADE + 60 * MINUTE

/** A store with Deployments that opted in, one Secret and `podsEach` pods each. */
export class Fleet {
  readonly store: Store
  readonly #config: Config
  readonly #executor: Executor
  readonly #podsEach: number
  #now = START

  private constructor(workloads: number, podsEach: number) {
    this.#podsEach = podsEach
    this.#config = defaults()
    this.store = new Store({
      digester: createDigester(Buffer.alloc(32, 1)),
      now: () => this.#now,
      defaults: this.#config,
      namespace: 'sluice-system',
    })
    for (let i = 0; i < NAMESPACES; i++)
      this.store.applyNamespace({ metadata: { name: `team-${i}` } })
    for (let i = 0; i < workloads; i++) {
      this.#applySecret(i, 'old', MADE)
      this.#applyWorkload(i)
    }
    this.store.sources.allSynced('Secret')
    this.#now += MINUTE
    this.#executor = new Executor({
      writes: createMemoryWrites(this.store),
      picture: this.store,
      now: () => this.#now,
      random: Math.random,
      sleep: () => Promise.resolve(),
      signal: new AbortController().signal,
      onStart: () => {},
      onDone: () => {},
      planAgain: () => {},
      onDefect(error) {
        throw error
      },
    })
  }

  /** Fills a store, and records that all is fresh. */
  static async create(workloads: number, podsEach: number): Promise<Fleet> {
    const fleet = new Fleet(workloads, podsEach)
    await fleet.settle()
    return fleet
  }

  get config(): Config {
    return this.#config
  }

  /** The time of its last look (ms). */
  get now(): number {
    return this.#now
  }

  /** What the coordinator does on each look. */
  look(): Plan {
    const snapshot = this.store.snapshot((each) => this.#executor.pendingOf(each))
    return plan(snapshot, this.#config, this.#now)
  }

  /** The same as if all of it were seen for the first time: nothing that was judged before is known. */
  lookAnew(): Plan {
    const snapshot = this.store.snapshot((each) => this.#executor.pendingOf(each))
    const workloads = snapshot.workloads.map((each) => ({ ...each }))
    return plan({ ...snapshot, workloads }, this.#config, this.#now)
  }

  /** Changes the Secrets of the first `count` workloads, long enough ago that nothing waits for time. */
  async rotate(count: number, password: string): Promise<void> {
    for (let i = 0; i < count; i++) this.#applySecret(i, password, this.#now)
    this.#now += 10 * MINUTE
    await this.settle()
  }

  /** Writes Consumers until a plan asks for evictions alone. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 10; rounds++) {
      const records = this.look().actions.filter(({ kind }) => kind === 'record')
      if (records.length === 0) return
      this.#executor.start(records)
      await this.#executor.idle()
      this.#now += MINUTE
    }
    throw new Error('expected the plan to come to rest')
  }

  /** The pods of all workloads. */
  pods(): readonly PodRecord[] {
    return this.store
      .snapshot((each) => this.#executor.pendingOf(each))
      .workloads.flatMap(({ pods }) => pods)
  }

  /** One pod's readiness changes, as an event of the watch. */
  podEvent(workload: number, ready: boolean): void {
    this.store.applyPod(rawPod(workload, 0, ready))
  }

  #applySecret(i: number, password: string, at: number): void {
    this.store.sources.apply(SECRET, {
      metadata: {
        ...placeOf(i),
        uid: `secret-${i}`,
        resourceVersion: String(at),
        creationTimestamp: new Date(0).toISOString(),
        managedFields: [{ time: new Date(at).toISOString(), fieldsV1: { 'f:data': {} } }],
      },
      data: { password: Buffer.from(password).toString('base64') },
    })
  }

  #applyWorkload(i: number): void {
    const replicas = this.#podsEach
    const spec = podSpec(i)
    this.store.applyWorkload('Deployment', {
      metadata: {
        ...placeOf(i),
        uid: `deployment-${i}`,
        resourceVersion: '1',
        generation: 1,
        annotations: { [RESTART_ON_CHANGE]: 'true' },
      },
      spec: { replicas, template: { spec } },
      status: { observedGeneration: 1, replicas, updatedReplicas: replicas },
    })
    this.store.applyReplicaSet({
      metadata: {
        uid: `replicaset-${i}`,
        ownerReferences: [
          { kind: 'Deployment', name: `app-${i}`, uid: `deployment-${i}`, controller: true },
        ],
      },
    })
    for (let pod = 0; pod < replicas; pod++) this.store.applyPod(rawPod(i, pod, true))
  }
}

function placeOf(i: number): { namespace: string; name: string } {
  return { namespace: `team-${i % NAMESPACES}`, name: `app-${i}` }
}

function podSpec(i: number): RawPod['spec'] {
  const valueFrom = { secretKeyRef: { name: `app-${i}`, key: 'password' } }
  return { nodeName: 'node', containers: [{ name: 'app', env: [{ valueFrom }] }] }
}

function rawPod(workload: number, pod: number, ready: boolean): RawPod {
  const time = new Date(MADE + MINUTE).toISOString()
  return {
    metadata: {
      namespace: placeOf(workload).namespace,
      name: `app-${workload}-${pod}`,
      uid: `pod-${workload}-${pod}`,
      creationTimestamp: time,
      ownerReferences: [
        {
          kind: 'ReplicaSet',
          name: `app-${workload}`,
          uid: `replicaset-${workload}`,
          controller: true,
        },
      ],
      managedFields: [
        { time, subresource: 'status', fieldsV1: { 'f:status': { 'f:containerStatuses': {} } } },
      ],
    },
    spec: podSpec(workload),
    status: {
      phase: 'Running',
      startTime: time,
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False' },
        { type: 'PodScheduled', status: 'True', lastTransitionTime: time },
      ],
      containerStatuses: [
        {
          name: 'app',
          containerID: `sim://${workload}-${pod}`,
          state: { running: { startedAt: time } },
        },
      ],
    },
  }
}

function defaults(): Config {
  const loaded = loadConfig({ file: undefined, flags: { namespace: 'sluice-system' } }, readNothing)
  if ('faults' in loaded) throw new Error('expected the defaults to be valid')
  return loaded.config
}

function readNothing(): never {
  throw Object.assign(new Error('no file'), { code: 'ENOENT' })
}
