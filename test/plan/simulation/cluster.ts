/**
 * A cluster in virtual time: Secrets, Deployments with their controllers, pods with their kubelet, and the store of
 * Consumers and Halts. Things go wrong in it as they do in a real one. It keeps every state it was in.
 */
import { namespacedKey } from '../../../src/model/refs.ts'
import { readConsumer, writeStatus, consumerName } from '../../../src/records/consumer.ts'
import { readHalt, writeHalt } from '../../../src/records/halt.ts'
import type {
  EvictAction,
  ForgetAction,
  HaltAction,
  PatchAction,
  RecordAction,
  ReleaseAction,
} from '../../../src/plan/action.ts'
import { apiTime, appUses, base64, deployment } from '../cluster-builder.ts'
import type { Use } from '../../../src/workloads/uses.ts'
import { passwordOf } from '../planning.ts'
import { Agenda } from './agenda.ts'
import { nextStep } from './controller.ts'
import { Kubelet } from './kubelet.ts'
import {
  livePods,
  NO_TROUBLE,
  valuesFor,
  type ClusterState,
  type Image,
  type Pace,
  type Reads,
  type SimulatedDeployment,
  type SimulatedPod,
  type SimulatedSecret,
  type SimulatedWorkload,
  type Stuck,
  type Trouble,
} from './state.ts'

/** A Secret at the beginning. */
export interface InitialSecret {
  readonly namespace: string
  readonly name: string
  readonly annotations: Readonly<Record<string, string>>
}

export class SimulatedCluster {
  readonly history: { readonly since: number; readonly state: ClusterState }[] = []
  readonly pace: Pace
  readonly agenda: Agenda
  readonly #kubelet: Kubelet
  readonly #remembers: number
  /** Secrets that were deleted, as they were last. */
  readonly #deleted = new Map<string, SimulatedSecret>()
  #state: ClusterState
  #version = 1000

  /** @param remembers for how long it keeps the states that it was in (ms) */
  constructor(
    start: number,
    secrets: readonly InitialSecret[],
    workloads: readonly SimulatedWorkload[],
    pace: Pace,
    remembers = Infinity,
  ) {
    this.#remembers = remembers
    this.agenda = new Agenda(start)
    this.pace = pace
    this.#kubelet = new Kubelet(this)
    this.#state = {
      secrets: new Map(),
      deployments: new Map(),
      pods: new Map(),
      consumers: new Map(),
      halts: new Map(),
      trouble: NO_TROUBLE,
      stuck: new Map(),
    }
    for (const secret of secrets) this.#putSecret(secret, 'first', start - 3_600_000)
    for (const each of workloads) {
      const { namespace, name, replicas, record, ...rest } = each
      const uses = appUses(...each.secrets.map((secret) => useOf(secret, each.reads)))
      const built = deployment(name, { namespace, replicas, uses, ...record })
      const hash = this.nextVersion()
      this.setDeployment({ ...rest, record: built, hash, image: 'good' })
      for (let n = 0; n < replicas; n++) {
        this.#kubelet.create(this.deployment(built.ref.uid), start - 1_800_000)
      }
    }
    this.#remember()
  }

  get state(): ClusterState {
    return this.#state
  }

  get now(): number {
    return this.agenda.now
  }

  deployment(uid: string): SimulatedDeployment {
    const found = this.#state.deployments.get(uid)
    if (!found) throw new Error(`there is no Deployment ${uid}`)
    return found
  }

  /** Lets time pass. */
  advance(until: number): void {
    this.agenda.advance(until, () => this.#remember())
  }

  /** The state as a watch that lags shows it. */
  stateAt(time: number): ClusterState {
    const { history } = this
    let low = 0
    let high = history.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((history[middle]?.since ?? Infinity) <= time) low = middle + 1
      else high = middle
    }
    return (history[low - 1] ?? history[0])?.state ?? this.#state
  }

  writeSecret(namespace: string, name: string, value: string): void {
    const key = `${namespace}/${name}`
    const known = this.#state.secrets.get(key) ?? this.#deleted.get(key)
    if (!known) return
    const annotations = stripped(known)
    this.#putSecret({ namespace, name, annotations }, value, this.now)
    for (const pod of this.#state.pods.values()) this.#kubelet.retry(pod.record.ref.uid)
  }

  deleteSecret(namespace: string, name: string): void {
    const key = `${namespace}/${name}`
    const known = this.#state.secrets.get(key)
    if (!known) return
    this.#deleted.set(key, known)
    const secrets = new Map(this.#state.secrets)
    secrets.delete(key)
    this.change({ secrets })
  }

  /** What people and other controllers do to a Deployment. */
  scale(uid: string, replicas: number): void {
    this.#changeDeployment(uid, (known) => ({
      ...known,
      record: { ...known.record, replicas, observed: false },
    }))
  }

  deploy(uid: string, image: Image, keepsRestartId: boolean): void {
    this.#changeDeployment(uid, (known) => ({
      ...known,
      image,
      hash: this.nextVersion(),
      record: {
        ...known.record,
        observed: false,
        restartId: keepsRestartId ? known.record.restartId : undefined,
      },
    }))
  }

  annotate(uid: string, annotations: Readonly<Record<string, string>>): void {
    this.#changeDeployment(uid, (known) => ({
      ...known,
      annotations: { ...known.annotations, ...annotations },
    }))
  }

  /** The Deployment goes, and with it all that it owns. */
  remove(uid: string): void {
    const known = this.#state.deployments.get(uid)
    if (!known) return
    const { namespace, name } = known.record.ref
    for (const { record } of livePods(this.#state, uid)) this.#kubelet.terminate(record.ref.uid)
    const deployments = new Map(this.#state.deployments)
    const consumers = new Map(this.#state.consumers)
    deployments.delete(uid)
    consumers.delete(namespacedKey({ namespace, name: consumerName({ kind: 'Deployment', name }) }))
    this.change({ deployments, consumers })
  }

  /** A drain, a preemption, a person: one of its pods goes. */
  drain(uid: string, index: number): void {
    const pods = livePods(this.#state, uid)
    const pod = pods[index % Math.max(1, pods.length)]
    if (pod) this.#kubelet.terminate(pod.record.ref.uid)
  }

  /** A pod is not Ready for a while. */
  flap(uid: string, index: number, duration: number): void {
    const pods = livePods(this.#state, uid)
    const pod = pods[index % Math.max(1, pods.length)]
    if (pod) this.#kubelet.flap(pod.record.ref.uid, duration)
  }

  trouble(change: Partial<Trouble>): void {
    this.change({ trouble: { ...this.#state.trouble, ...change } })
    for (const pod of this.#state.pods.values()) this.#kubelet.retry(pod.record.ref.uid)
    for (const uid of this.#state.deployments.keys()) this.reconcileSoon(uid)
  }

  /** Something is wrong with one workload alone, or nothing any more. */
  stick(uid: string, by: Stuck | undefined): void {
    const known = this.#state.deployments.get(uid)
    if (!known) return
    const before = this.#state.stuck.get(uid)
    const stuck = new Map(this.#state.stuck)
    if (by) stuck.set(uid, by)
    else stuck.delete(uid)
    this.change({ stuck })
    this.#changeDeployment(uid, (each) => ({
      ...each,
      record: {
        ...each.record,
        paused: by === 'paused',
        deleting: by === 'beingDeleted',
        ...(by === 'longMinReady' && { minReady: 7 * 24 * 3_600_000 }),
        ...(before === 'longMinReady' && { minReady: 0 }),
      },
    }))
    for (const { record, workload } of this.#state.pods.values()) {
      if (workload !== uid) continue
      if (by === 'nodeLost' || by === 'flaps') this.#kubelet.flap(record.ref.uid, Infinity)
      if (by === 'beingDeleted') this.#kubelet.terminate(record.ref.uid)
      if (by === undefined) this.#kubelet.recover(record.ref.uid)
    }
  }

  /** A person deletes all Halts. */
  releaseHalts(): void {
    this.change({ halts: new Map() })
  }

  /** An eviction; false if a budget refuses it. A pod that is gone or going is no longer there to evict. */
  evict({ pod: ref, workload }: EvictAction): boolean {
    if (this.#state.trouble.evictionsRefused) return false
    if (this.#state.stuck.get(workload.uid) === 'evictionsRefused') return false
    this.#kubelet.terminate(ref.uid)
    this.#remember()
    return true
  }

  /** A patch of the template; refused where the Deployment is another than the one that was judged. */
  patch({ workload, restart, resourceVersion }: PatchAction): boolean {
    const known = this.#state.deployments.get(workload.uid)
    if (known?.record.resourceVersion !== resourceVersion) return false
    const record = { ...known.record, restartId: restart.id, observed: false }
    this.setDeployment({ ...known, record, hash: this.nextVersion() })
    this.reconcileSoon(workload.uid)
    this.#remember()
    return true
  }

  record({ workload, status }: RecordAction): void {
    if (!this.#state.deployments.has(workload.uid)) return
    const { namespace } = workload
    const name = consumerName(workload)
    const known = this.#state.consumers.get(`${namespace}/${name}`)
    const consumer = readConsumer({
      metadata: {
        namespace,
        name,
        uid: known?.uid ?? `consumer-${this.nextVersion()}`,
        resourceVersion: this.nextVersion(),
        ownerReferences: [{ kind: 'Deployment', name: workload.name, uid: workload.uid }],
      },
      status: JSON.parse(JSON.stringify(writeStatus(status))),
    })
    if (consumer.fault) throw new Error(consumer.fault)
    this.change({
      consumers: new Map(this.#state.consumers).set(`${namespace}/${name}`, consumer),
    })
    this.#remember()
  }

  forget({ consumer }: ForgetAction): void {
    const consumers = new Map(this.#state.consumers)
    consumers.delete(`${consumer.namespace}/${consumer.name}`)
    this.change({ consumers })
    this.#remember()
  }

  halt({ namespace, name, spec }: HaltAction): void {
    const key = `${namespace}/${name}`
    if (this.#state.halts.has(key)) return
    const raw = JSON.parse(JSON.stringify(writeHalt(namespace, name, spec))) as { spec: unknown }
    const metadata = { namespace, name, uid: `halt-${this.nextVersion()}` }
    const halt = readHalt({ metadata, spec: raw.spec })
    if (!halt.spec) throw new Error(`a Halt that cannot be read: ${JSON.stringify(spec)}`)
    this.change({ halts: new Map(this.#state.halts).set(key, halt) })
    this.#remember()
  }

  release({ namespace, name, uid }: ReleaseAction): void {
    if (this.#state.halts.get(`${namespace}/${name}`)?.uid !== uid) return
    const halts = new Map(this.#state.halts)
    halts.delete(`${namespace}/${name}`)
    this.change({ halts })
    this.#remember()
  }

  /** For the parts of the cluster. */
  change(change: Partial<ClusterState>): void {
    this.#state = { ...this.#state, ...change }
  }

  nextVersion(): string {
    return String(++this.#version)
  }

  setDeployment(next: SimulatedDeployment): void {
    const record = { ...next.record, resourceVersion: this.nextVersion() }
    const deployments = new Map(this.#state.deployments)
    this.change({ deployments: deployments.set(record.ref.uid, { ...next, record }) })
  }

  setPod(next: SimulatedPod): void {
    this.change({ pods: new Map(this.#state.pods).set(next.record.ref.uid, next) })
  }

  valuesFor(workload: string): ReadonlyMap<string, string> {
    return valuesFor(this.#state, this.deployment(workload))
  }

  reconcileSoon(uid: string): void {
    this.agenda.at(this.now + this.pace.controller, () => this.#reconcile(uid))
  }

  #reconcile(uid: string): void {
    const known = this.#state.deployments.get(uid)
    if (!known) return
    const pods = [...this.#state.pods.values()].filter(({ workload }) => workload === uid)
    const stuck = this.#state.stuck.get(uid)
    const { create, remove } = nextStep(known, pods, this.now)
    const refused = (this.#state.trouble.quotaUsedUp || stuck === 'quota') && create > 0
    const isDone = refused || stuck === 'neverCreated' || stuck === 'beingDeleted'
    if (!isDone) for (let n = 0; n < create; n++) this.#kubelet.create(known, this.now)
    for (const { record } of remove) this.#kubelet.terminate(record.ref.uid)
    const live = livePods(this.#state, uid)
    const updated = live.filter(({ record }) => record.templateHash === known.hash).length
    const status = { replicas: live.length, updated }
    const creationRefusedSince = refused
      ? (known.record.creationRefusedSince ?? Math.floor(this.now / 1000) * 1000)
      : undefined
    const record = { ...known.record, observed: true, status, creationRefusedSince }
    if (JSON.stringify(record) === JSON.stringify(known.record)) return
    this.setDeployment({ ...known, record })
    this.reconcileSoon(uid)
  }

  #changeDeployment(
    uid: string,
    change: (known: SimulatedDeployment) => SimulatedDeployment,
  ): void {
    const known = this.#state.deployments.get(uid)
    if (!known) return
    this.setDeployment(change(known))
    this.reconcileSoon(uid)
  }

  #putSecret({ namespace, name, annotations }: InitialSecret, value: string, at: number): void {
    const key = `${namespace}/${name}`
    const uid =
      this.#state.secrets.get(key)?.raw.metadata.uid ??
      `uid-of-${namespace}-${name}${this.#deleted.has(key) ? `-${this.#version}` : ''}`
    const created = this.#deleted.has(key) ? at : 0
    const prefixed = Object.entries(annotations).map(([key, each]) => [`sluice.dev/${key}`, each])
    const raw = {
      metadata: {
        namespace,
        name,
        uid,
        resourceVersion: this.nextVersion(),
        creationTimestamp:
          this.#state.secrets.get(key)?.raw.metadata.creationTimestamp ?? apiTime(created),
        annotations: Object.fromEntries(prefixed) as Record<string, string>,
        managedFields: [{ time: apiTime(at), fieldsV1: { 'f:data': {} } }],
      },
      data: base64({ password: value }),
    }
    const secrets = new Map(this.#state.secrets).set(key, { raw, value })
    this.change({ secrets })
  }

  #remember(): void {
    if (this.history.at(-1)?.state === this.#state) return
    this.history.push({ since: this.now, state: this.#state })
    while ((this.history[1]?.since ?? Infinity) < this.now - this.#remembers) this.history.shift()
  }
}

function useOf(secret: string, reads: Reads): Use {
  const use = passwordOf(secret)
  if (reads === 'optional') return { ...use, optional: true }
  return reads === 'all' ? { ...use, selector: '*', mode: 'envFrom' } : use
}

function stripped({ raw }: SimulatedSecret): Record<string, string> {
  const entries = Object.entries(raw.metadata.annotations ?? {})
  return Object.fromEntries(entries.map(([key, each]) => [key.replace('sluice.dev/', ''), each]))
}
