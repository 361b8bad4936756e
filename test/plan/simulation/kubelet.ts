/**
 * The life of the pods of a simulated cluster: scheduled, pulled, started, Ready, crashing, going.
 */
import { container, pod } from '../cluster-builder.ts'
import type { SimulatedCluster } from './cluster.ts'
import { CRASHES_AFTER, fateOf } from './fate.ts'
import {
  canStart,
  valuesFor,
  type SimulatedDeployment,
  type SimulatedPod,
  type Stuck,
} from './state.ts'

const NEVER_ENDS = new Set<Stuck | undefined>(['neverEnds', 'nodeLost', 'beingDeleted'])
const FIRST_BACK_OFF = 5000
/** After so many crashes in a row it is left alone until something changes: else no simulation would end. */
const MOST_CRASHES = 4

export class Kubelet {
  readonly #cluster: SimulatedCluster

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster
  }

  /** A new pod; one that was created before the simulation has been Ready ever since. */
  create({ record, hash, image }: SimulatedDeployment, bornAt: number): void {
    const cluster = this.#cluster
    const name = `${record.ref.name}-${cluster.nextVersion()}`
    const createdAt = Math.floor(bornAt / 1000) * 1000
    const made = pod(name, {
      createdAt,
      createdVersion: cluster.nextVersion(),
      restartId: record.restartId,
      templateHash: hash,
      uses: record.uses,
      scheduledAt: undefined,
      ready: false,
      containers: [],
    })
    const ref = { ...made.ref, namespace: record.ref.namespace }
    cluster.setPod({
      record: { ...made, ref },
      workload: record.ref.uid,
      image,
      bornAt,
      holds: undefined,
      readAt: bornAt,
      crashes: 0,
      wasAvailable: false,
    })
    const { uid } = ref
    if (bornAt < cluster.now) {
      this.#schedule(uid, createdAt)
      this.#start(uid, createdAt)
      this.#becomeReady(uid, createdAt)
    } else this.retry(uid)
  }

  /** Tries again what a pod waits for, if it waits for something. */
  retry(uid: string): void {
    const known = this.#live(uid)
    if (!known || known.record.containers.some(({ state }) => state === 'running')) return
    const { agenda, now, pace, state } = this.#cluster
    if (known.record.scheduledAt === undefined) {
      const stuck = this.#stuck(known)
      if (state.trouble.noCapacity || stuck === 'noNode' || stuck === 'nodeLost') return
      this.#schedule(uid, now)
    }
    agenda.at(now + pace.start, () => this.#tryToStart(uid))
  }

  /** What was wrong with its workload is over. */
  recover(uid: string): void {
    const known = this.#cluster.state.pods.get(uid)
    if (!known) return
    if (known.record.terminating) this.#gone(known)
    else {
      this.retry(uid)
      if (!known.record.ready) this.#becomeReady(uid, this.#cluster.now)
    }
  }

  /** @param duration Infinity until it recovers */
  flap(uid: string, duration: number): void {
    const known = this.#live(uid)
    if (!known?.record.ready) return
    const { agenda, now } = this.#cluster
    this.#loseReadiness(known)
    if (duration < Infinity) {
      agenda.at(now + duration, () => this.#becomeReady(uid, this.#cluster.now))
    }
  }

  terminate(uid: string): void {
    const known = this.#live(uid)
    if (!known) return
    const { agenda, now, pace } = this.#cluster
    const leaving = { since: now, until: now + pace.termination }
    const going = { leaving, terminating: true, ready: false, readyAt: undefined, unreadyAt: now }
    this.#cluster.setPod({ ...known, record: { ...known.record, ...going } })
    this.#cluster.reconcileSoon(known.workload)
    if (NEVER_ENDS.has(this.#stuck(known))) return
    agenda.at(now + pace.termination, () => this.#gone(known))
  }

  #gone({ record: { ref }, workload }: SimulatedPod): void {
    const pods = new Map(this.#cluster.state.pods)
    pods.delete(ref.uid)
    this.#cluster.change({ pods })
    this.#cluster.reconcileSoon(workload)
  }

  #stuck({ workload }: SimulatedPod): Stuck | undefined {
    return this.#cluster.state.stuck.get(workload)
  }

  #schedule(uid: string, at: number): void {
    const known = this.#live(uid)
    if (known) this.#cluster.setPod({ ...known, record: { ...known.record, scheduledAt: at } })
  }

  #tryToStart(uid: string): void {
    const known = this.#live(uid)
    if (!known || known.record.containers.some(({ state }) => state === 'running')) return
    const { state } = this.#cluster
    const of = state.deployments.get(known.workload)
    if (known.image === 'missing' || state.trouble.registryDown) {
      this.#wait(known, 'ImagePullBackOff')
    } else if (of && !canStart(state, of)) {
      this.#wait(known, 'CreateContainerConfigError')
    } else this.#start(uid, this.#cluster.now)
  }

  #start(uid: string, at: number): void {
    const known = this.#live(uid)
    if (!known || !this.#cluster.state.deployments.has(known.workload)) return
    const { agenda, pace } = this.#cluster
    const startedAt = Math.floor(at / 1000) * 1000
    const { createdAt } = known.record
    const only = container(createdAt, {
      id: `containerd://${known.crashes}`,
      startedAt,
      presentAt: startedAt + 1000,
      restarts: known.crashes,
      lastRun:
        known.crashes === 0
          ? undefined
          : { startedAt: startedAt - CRASHES_AFTER, duration: CRASHES_AFTER },
      absentAt: known.crashes === 0 ? -Infinity : at - 1000,
    })
    const holds = this.#cluster.valuesFor(known.workload)
    const record = { ...known.record, containers: [only] }
    this.#cluster.setPod({ ...known, record, holds, readAt: at })
    if (at < this.#cluster.now) return
    const fate = fateOf(holds.values())
    if (fate === 'well') agenda.at(at + pace.ready, () => this.#becomeReady(uid, this.#cluster.now))
    if (fate === 'brief') this.#becomeReady(uid, at)
    if (fate === 'brief' || fate === 'crash') agenda.at(at + CRASHES_AFTER, () => this.#crash(uid))
  }

  #becomeReady(uid: string, at: number): void {
    const known = this.#live(uid)
    if (!known?.record.containers.some(({ state }) => state === 'running')) return
    if (!this.#cluster.state.deployments.has(known.workload)) return
    const stuck = at < this.#cluster.now ? undefined : this.#stuck(known)
    if (stuck === 'neverReady' || stuck === 'nodeLost') return
    if (stuck === 'flaps') {
      this.#cluster.agenda.at(at + 3000, () => this.flap(uid, 3000))
    }
    if (stuck === 'churns') this.#cluster.agenda.at(at + 9000, () => this.terminate(uid))
    const record = { ...known.record, ready: true, readyAt: at, unreadyAt: undefined }
    const well = known.holds && fateOf(known.holds.values()) === 'well'
    const crashes = well ? 0 : known.crashes
    this.#cluster.setPod({ ...known, record, crashes, wasAvailable: known.wasAvailable || !!well })
    this.#cluster.reconcileSoon(known.workload)
    const { minReady } = this.#cluster.deployment(known.workload).record
    if (minReady > 0) {
      this.#cluster.agenda.at(this.#cluster.now + minReady, () =>
        this.#cluster.reconcileSoon(known.workload),
      )
    }
  }

  #crash(uid: string): void {
    const known = this.#live(uid)
    if (!known) return
    const crashes = known.crashes + 1
    const { agenda, now, state } = this.#cluster
    if (crashes === 1) {
      // The first time it is started again at once.
      this.#loseReadiness({ ...known, crashes })
      this.#start(known.record.ref.uid, now)
      return
    }
    this.#wait({ ...known, crashes }, 'CrashLoopBackOff')
    const of = state.deployments.get(known.workload)
    const values = of && valuesFor(state, of)
    const same = [...(known.holds ?? [])].every(([name, value]) => values?.get(name) === value)
    if (crashes > MOST_CRASHES && same) return
    const backOff = FIRST_BACK_OFF * 2 ** Math.min(MOST_CRASHES, crashes - 1)
    agenda.at(now + backOff, () => this.#tryToStart(uid))
  }

  #wait(known: SimulatedPod, waitingReason: string): void {
    const { createdAt, containers } = known.record
    const only = container(createdAt, {
      id: containers[0]?.id,
      state: 'waiting',
      waitingReason,
      startedAt: undefined,
      restarts: known.crashes,
    })
    this.#loseReadiness({ ...known, record: { ...known.record, containers: [only] } })
  }

  #loseReadiness(known: SimulatedPod): void {
    const { now } = this.#cluster
    const unreadyAt = known.record.unreadyAt ?? now
    const record = { ...known.record, ready: false, readyAt: undefined, unreadyAt }
    this.#cluster.setPod({ ...known, record })
    this.#cluster.reconcileSoon(known.workload)
  }

  #live(uid: string): SimulatedPod | undefined {
    const known = this.#cluster.state.pods.get(uid)
    return known?.record.terminating ? undefined : known
  }
}
