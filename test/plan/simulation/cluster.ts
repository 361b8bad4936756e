/**
 * A cluster in virtual time: Secrets, Deployments with their controller, pods with their kubelet, and the store of
 * Consumers. It keeps every state it was in, so that a watch can be shown an older one.
 */
import { readConsumer, writeStatus, type ConsumerRecord } from '../../../src/consumers/consumer.ts'
import { consumerName } from '../../../src/consumers/consumer.ts'
import type { DeploymentRecord } from '../../../src/consumers/deployment.ts'
import type { PodRecord } from '../../../src/consumers/pod.ts'
import type {
  EvictAction,
  ForgetAction,
  PatchAction,
  RecordAction,
} from '../../../src/plan/action.ts'
import type { RawSecret } from '../../../src/secrets/source.ts'
import { apiTime, base64, container, deployment, pod } from '../cluster-builder.ts'

/** How fast the cluster is; milliseconds. */
export interface Pace {
  /** From what a controller sees to what it does. */
  readonly controller: number
  /** From the creation of a pod to the start of its container. */
  readonly start: number
  readonly ready: number
  readonly termination: number
}

/** A pod, and the truth about it. */
export interface SimulatedPod {
  readonly record: PodRecord
  readonly workload: string
  /** What it read when it started. */
  readonly holds: string | undefined
}

/** One state of the cluster. */
export interface ClusterState {
  readonly secret: RawSecret
  readonly password: string
  readonly deployments: ReadonlyMap<string, DeploymentRecord>
  readonly pods: ReadonlyMap<string, SimulatedPod>
  readonly consumers: ReadonlyMap<string, ConsumerRecord>
}

export interface SimulatedWorkload {
  readonly namespace: string
  readonly name: string
  readonly replicas: number
}

type Change = () => void

export class SimulatedCluster {
  readonly history: { readonly since: number; readonly state: ClusterState }[] = []
  readonly #pace: Pace
  readonly #agenda: { readonly at: number; readonly change: Change }[] = []
  #now: number
  #state: ClusterState
  #version = 1000

  constructor(start: number, workloads: readonly SimulatedWorkload[], pace: Pace) {
    this.#now = start
    this.#pace = pace
    const deployments = new Map(
      workloads.map(({ name, ...rest }) => [name, deployment(name, rest)] as const),
    )
    this.#state = {
      secret: this.#secret('first', start - 3_600_000),
      password: 'first',
      deployments,
      pods: new Map(),
      consumers: new Map(),
    }
    for (const { ref, replicas } of deployments.values()) {
      for (let n = 0; n < replicas; n++) this.#addPod(ref.name, start - 1_800_000)
    }
    this.#remember()
  }

  get state(): ClusterState {
    return this.#state
  }

  /** When something happens next; Infinity if nothing will. */
  get nextAt(): number {
    return Math.min(Infinity, ...this.#agenda.map(({ at }) => at))
  }

  /** Lets time pass up to `now`. */
  advance(now: number): void {
    for (;;) {
      const next = this.#agenda.toSorted((a, b) => a.at - b.at)[0]
      if (!next || next.at > now) break
      this.#agenda.splice(this.#agenda.indexOf(next), 1)
      this.#now = Math.max(this.#now, next.at)
      next.change()
      this.#remember()
    }
    this.#now = now
  }

  /** The state as a watch that lags shows it. */
  stateAt(time: number): ClusterState {
    return (
      (this.history.findLast(({ since }) => since <= time) ?? this.history[0])?.state ?? this.#state
    )
  }

  schedulePassword(at: number, password: string): void {
    this.#at(at, () => this.#set({ secret: this.#secret(password, at), password }))
  }

  /** The eviction of a pod; one that is gone or going is no longer there to evict. */
  evict({ pod: ref }: EvictAction): void {
    this.#terminate(ref.uid)
    this.#remember()
  }

  /** A patch of the template; refused where the Deployment is another than the one that was judged. */
  patch({ workload, restart, resourceVersion }: PatchAction): void {
    const known = this.#state.deployments.get(workload.name)
    if (known?.resourceVersion !== resourceVersion) return
    this.#setDeployment({ ...known, restartId: restart.id, observed: false })
    this.#at(this.#now + this.#pace.controller, () => this.#reconcile(workload.name))
    this.#remember()
  }

  record({ workload, status }: RecordAction): void {
    const name = consumerName(workload.name)
    const known = this.#state.consumers.get(name)
    const consumer = readConsumer({
      metadata: {
        namespace: workload.namespace,
        name,
        uid: known?.uid ?? `consumer-${this.#nextVersion()}`,
        resourceVersion: this.#nextVersion(),
        ownerReferences: [{ kind: 'Deployment', name: workload.name, uid: workload.uid }],
      },
      status: JSON.parse(JSON.stringify(writeStatus(status))),
    })
    if (consumer.fault) throw new Error(consumer.fault)
    this.#set({ consumers: new Map(this.#state.consumers).set(name, consumer) })
    this.#remember()
  }

  forget({ consumer }: ForgetAction): void {
    const consumers = new Map(this.#state.consumers)
    consumers.delete(consumer.name)
    this.#set({ consumers })
    this.#remember()
  }

  #at(at: number, change: Change): void {
    this.#agenda.push({ at, change })
  }

  #remember(): void {
    this.history.push({ since: this.#now, state: this.#state })
  }

  #set(change: Partial<ClusterState>): void {
    this.#state = { ...this.#state, ...change }
  }

  #nextVersion(): string {
    return String(++this.#version)
  }

  #secret(password: string, at: number): RawSecret {
    return {
      metadata: {
        namespace: 'shop',
        name: 'db',
        uid: 'uid-of-db',
        resourceVersion: this.#nextVersion(),
        managedFields: [{ time: apiTime(at), fieldsV1: { 'f:data': {} } }],
      },
      data: base64({ password }),
    }
  }

  #setDeployment(next: DeploymentRecord): void {
    const deployments = new Map(this.#state.deployments)
    deployments.set(next.ref.name, { ...next, resourceVersion: this.#nextVersion() })
    this.#set({ deployments })
  }

  #setPod(next: SimulatedPod): void {
    this.#set({ pods: new Map(this.#state.pods).set(next.record.ref.uid, next) })
  }

  #livePods(workload: string): SimulatedPod[] {
    return [...this.#state.pods.values()].filter(
      (each) => each.workload === workload && !each.record.terminating,
    )
  }

  /** Both controllers: as many pods as there shall be, of the newest template, one more at once during a rollout. */
  #reconcile(name: string): void {
    const known = this.#state.deployments.get(name)
    if (!known) return
    const isNew = ({ record }: SimulatedPod) => record.restartId === known.restartId
    const before = this.#livePods(name)
    const old = before.filter((each) => !isNew(each))
    const most = known.replicas + (old.length > 0 ? known.maxSurge : 0)
    for (let n = before.length; n < most; n++) this.#addPod(name, this.#now)
    const ready = this.#livePods(name).filter(({ record }) => record.ready).length
    for (const { record } of old.slice(0, Math.max(0, ready - known.replicas))) {
      this.#terminate(record.ref.uid)
    }
    const live = this.#livePods(name)
    const status = { replicas: live.length, updated: live.filter(isNew).length }
    const same = known.observed && JSON.stringify(known.status) === JSON.stringify(status)
    if (!same) this.#setDeployment({ ...known, observed: true, status })
  }

  #reconcileSoon(workload: string): void {
    this.#at(this.#now + this.#pace.controller, () => this.#reconcile(workload))
  }

  #addPod(workload: string, createdAt: number): void {
    const ref = this.#state.deployments.get(workload)?.ref
    const name = `${workload}-${this.#nextVersion()}`
    const whole = Math.floor(createdAt / 1000) * 1000
    const record = pod(name, {
      createdAt: whole,
      restartId: this.#state.deployments.get(workload)?.restartId,
      ready: false,
      containers: [],
    })
    const inNamespace = { ...record, ref: { ...record.ref, namespace: ref?.namespace ?? '' } }
    this.#setPod({ record: inNamespace, workload, holds: undefined })
    const { uid } = record.ref
    if (createdAt < this.#now) {
      this.#start(uid, createdAt)
      this.#becomeReady(uid, createdAt)
      return
    }
    this.#at(createdAt + this.#pace.start, () => this.#start(uid, this.#now))
    this.#at(createdAt + this.#pace.start + this.#pace.ready, () =>
      this.#becomeReady(uid, this.#now),
    )
  }

  #start(uid: string, at: number): void {
    const known = this.#state.pods.get(uid)
    if (!known || known.record.terminating) return
    const startedAt = Math.floor(at / 1000) * 1000
    const containers = [
      container(known.record.createdAt, { startedAt, presentAt: startedAt + 1000 }),
    ]
    const record = { ...known.record, containers }
    this.#setPod({ ...known, record, holds: this.#state.password })
  }

  #becomeReady(uid: string, at: number): void {
    const known = this.#state.pods.get(uid)
    if (!known || known.record.terminating) return
    this.#setPod({ ...known, record: { ...known.record, ready: true, readyAt: at } })
    this.#reconcileSoon(known.workload)
  }

  #terminate(uid: string): void {
    const known = this.#state.pods.get(uid)
    if (!known || known.record.terminating) return
    const record = { ...known.record, terminating: true, ready: false, readyAt: undefined }
    this.#setPod({ ...known, record })
    this.#reconcileSoon(known.workload)
    this.#at(this.#now + this.#pace.termination, () => {
      const pods = new Map(this.#state.pods)
      pods.delete(uid)
      this.#set({ pods })
    })
  }
}
