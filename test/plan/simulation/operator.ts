/**
 * Sluice in virtual time: it sees the cluster through watches that lag, plans, carries the plan out, and remembers
 * what it did until it sees it. A kill takes its memory, and all that it had seen.
 */
import { namespacedKey, sourceIn, sourceKey, type LocalSource } from '../../../src/model/refs.ts'
import { SECRET } from '../../../src/sources/kinds/secret.ts'
import { isDeepStrictEqual } from 'node:util'
import { consumerName, type ConsumerRecord } from '../../../src/records/consumer.ts'
import type { Action, RecordAction } from '../../../src/plan/action.ts'
import { plan, type Plan } from '../../../src/plan/plan.ts'
import type { Policy } from '../../../src/plan/policy.ts'
import type { Group } from '../../../src/model/group.ts'
import type { UnmanagedWorkload } from '../../../src/plan/snapshot.ts'
import type { Pending, Snapshot, ManagedWorkload } from '../../../src/plan/snapshot.ts'
import { missingSource, readSource, type SourceRecord } from '../../../src/sources/source.ts'
import { isNewer } from '../../../src/sources/timeline.ts'
import { digester, nothingPending, settings, snapshot } from '../cluster-builder.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { ClusterState, SimulatedDeployment } from './state.ts'

/** How late each watch is, and how long a write is under way; milliseconds. */
export interface Lags {
  readonly secrets: number
  readonly pods: number
  readonly deployments: number
  readonly consumers: number
  readonly halts: number
  readonly writes: number
}

/** A write under way, and which states of the cluster it was decided from. */
export interface Sent {
  readonly action: Action
  readonly arrivesAt: number
  readonly policy: Policy
  readonly seen: Readonly<Record<'secrets' | 'pods' | 'deployments' | 'halts', ClusterState>>
}

/** A refused eviction is tried again after this long. */
const PATIENCE = 2000

/** What it remembers of one workload. */
interface Memory {
  readonly evicted: Set<string>
  reportedAt: number
  owedSince: number
  obstacleUntil: number
}

export class SimulatedOperator {
  readonly #cluster: SimulatedCluster
  readonly #lags: Lags
  /** How far its idea of the API server's clock is off. */
  readonly #clockOff: number
  #policy: Policy
  /** Since when this process runs: its first lists were as new as that. */
  #startedAt: number
  #inFlight: Sent[] = []
  readonly #sources = new Map<string, SourceRecord>()
  /** The Secrets that there were when it started have been read. */
  #listed = false
  readonly #lookUps = new Map<string, ManagedWorkload['source']>()
  readonly #workloads = new Map<string, ManagedWorkload>()
  readonly #memory = new Map<string, Memory>()
  readonly #missing = new Map<string, number>()
  /** What the API server answered to its own writes, and the watches may not show yet. */
  readonly #answers = {
    deployments: new Map<string, SimulatedDeployment>(),
    consumers: new Map<string, ConsumerRecord>(),
  }
  /** A Halt that was written or deleted is known as such until a newer picture shows it. */
  readonly #halts = new Map<string, { readonly at: number; readonly isThere: boolean }>()

  constructor(cluster: SimulatedCluster, lags: Lags, policy: Policy, clockOff = 0) {
    this.#cluster = cluster
    this.#lags = lags
    this.#policy = policy
    this.#clockOff = clockOff
    this.#startedAt = cluster.now
  }

  /** What was sent arrives all the same; the answer is lost. It starts again at once, with this configuration. */
  kill(
    now: number,
    policy: Policy,
    arriving: (sent: Sent) => void,
    done: (sent: Sent) => void,
  ): void {
    for (const sent of this.#inFlight) {
      arriving(sent)
      this.#arrive(sent.action)
      done(sent)
    }
    this.#inFlight = []
    this.#policy = policy
    this.#startedAt = now
    this.#sources.clear()
    this.#listed = false
    this.#lookUps.clear()
    this.#memory.clear()
    this.#missing.clear()
    this.#answers.deployments.clear()
    this.#answers.consumers.clear()
    this.#halts.clear()
  }

  get policy(): Policy {
    return this.#policy
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.#inFlight.length === 0
  }

  /** When the next write arrives; Infinity if none is under way. */
  get nextAt(): number {
    return Math.min(Infinity, ...this.#inFlight.map(({ arrivesAt }) => arrivesAt))
  }

  /** Lets the writes arrive that are due; tells before and after each. */
  deliver(now: number, arriving: (sent: Sent) => void, done: (sent: Sent) => void): void {
    const due = this.#inFlight.filter(({ arrivesAt }) => arrivesAt <= now)
    this.#inFlight = this.#inFlight.filter(({ arrivesAt }) => arrivesAt > now)
    for (const sent of due) {
      arriving(sent)
      const accepted = this.#arrive(sent.action)
      done(sent)
      this.#answered(sent.action, accepted, now)
    }
  }

  /** Plans, and sends the writes of the plan. */
  act(now: number): {
    readonly plan: Plan
    readonly picture: Snapshot
    readonly seen: Sent['seen']
    readonly sources: ReadonlyMap<string, SourceRecord>
    readonly wakeAt: number
  } {
    const { picture, seen } = this.#see(now)
    const planned = plan(picture, this.#policy, now + this.#clockOff)
    for (const action of planned.actions) {
      if (this.#isUnderWay(action)) continue
      const arrivesAt = now + this.#lags.writes
      this.#inFlight.push({ action, arrivesAt, policy: this.#policy, seen })
      if (action.kind !== 'evict' && action.kind !== 'patch') continue
      const memory = this.#memoryOf(action.workload.uid)
      if (action.kind === 'evict') memory.evicted.add(action.pod.uid)
      memory.owedSince = now
    }
    return {
      plan: planned,
      picture,
      seen,
      sources: this.#sources,
      wakeAt: planned.wakeAt - this.#clockOff,
    }
  }

  #isUnderWay(action: Action): boolean {
    if (action.kind !== 'halt' && action.kind !== 'release') return false
    return this.#inFlight.some(
      ({ action: sent }) =>
        (sent.kind === 'halt' || sent.kind === 'release') &&
        sent.namespace === action.namespace &&
        sent.name === action.name,
    )
  }

  #see(now: number): { picture: Snapshot; seen: Sent['seen'] } {
    const cluster = this.#cluster
    const shown = (lag: number) => cluster.stateAt(Math.max(now - lag, this.#startedAt))
    const lags = this.#lags
    const seen = {
      secrets: shown(lags.secrets),
      pods: shown(lags.pods),
      deployments: shown(lags.deployments),
      halts: shown(lags.halts),
    }
    const known = shown(lags.consumers)
    for (const { raw } of seen.secrets.secrets.values()) {
      const { namespace, name } = raw.metadata
      const key = sourceKey({ kind: 'Secret', namespace, name })
      const before = this.#sources.get(key)
      if (before?.resourceVersion === raw.metadata.resourceVersion) continue
      // What is there at the start was listed.
      const live = this.#listed
      const absentSince = live && !before ? this.#startedAt : undefined
      const sight = { live, absentSince }
      this.#sources.set(key, readSource(SECRET, raw, before, digester, now + this.#clockOff, sight))
      this.#lookUps.delete(raw.metadata.namespace)
    }
    for (const [key, before] of this.#sources) {
      if (before.uid === '' || seen.secrets.secrets.has(namespacedKey(before.ref))) continue
      this.#sources.set(key, missingSource(before.ref, before, now + this.#clockOff))
      this.#lookUps.delete(before.ref.namespace)
    }
    this.#listed = true
    const all = [...seen.deployments.deployments.values()].map((watched) => {
      const answer = this.#answers.deployments.get(watched.record.ref.uid)
      return answer && isNewer(answer.record.resourceVersion, watched.record.resourceVersion)
        ? answer
        : watched
    })
    const pods = Map.groupBy(seen.pods.pods.values(), ({ workload }) => workload)
    // How a pod came into being that was there at the start is not known.
    const podsOf = (uid: string) =>
      (pods.get(uid) ?? []).map(({ record, bornAt }) =>
        bornAt > this.#startedAt ? record : { ...record, createdVersion: undefined },
      )
    const workloads = all
      .filter(({ optedIn, record }) => optedIn && record.deleting !== true)
      .map(({ record: deployment, annotations }) => {
        const { namespace, uid } = deployment.ref
        const key = `${namespace}/${consumerName(deployment.ref)}`
        return this.#asBefore({
          workload: deployment,
          pods: podsOf(uid),
          missingSince: this.#missingSince(deployment, podsOf(uid), now),
          settings: settings(annotations),
          managed: true,
          consumer: newer(known.consumers.get(key), this.#answers.consumers.get(key)),
          source: this.#sourceIn(namespace),
          pending: this.#pendingOf(uid, seen.pods, now),
        })
      })
    const joins = ({ kind, namespace, name }: Group, secret: string) =>
      kind === 'Group'
        ? this.#sources.get(`${namespace}/secret/${secret}`)?.settings.group === name
        : secret === name
    const bystanders = (group: Group): UnmanagedWorkload[] =>
      all
        .filter(
          ({ optedIn, record, secrets: names }) =>
            !optedIn &&
            record.ref.namespace === group.namespace &&
            names.some((each) => joins(group, each)),
        )
        .map(({ record }) => ({ workload: record, pods: podsOf(record.ref.uid) }))
    return {
      picture: snapshot(workloads, { bystanders, halts: this.#haltsSeen(seen.halts, now) }),
      seen,
    }
  }

  /** As the store keeps it. */
  #missingSince(
    { ref: { uid }, replicas }: ManagedWorkload['workload'],
    pods: ManagedWorkload['pods'],
    now: number,
  ): number | undefined {
    const there = pods.filter(({ terminating }) => !terminating).length
    if (there >= replicas) this.#missing.delete(uid)
    else if (!this.#missing.has(uid)) this.#missing.set(uid, now + this.#clockOff)
    return this.#missing.get(uid)
  }

  /** As of now; the same function for as long as no Secret of the namespace changes. */
  #sourceIn(namespace: string): ManagedWorkload['source'] {
    const known = this.#lookUps.get(namespace)
    if (known) return known
    const sources = new Map(this.#sources)
    const lookUp = (local: LocalSource) => {
      const ref = sourceIn(namespace, local)
      return sources.get(sourceKey(ref)) ?? missingSource(ref, undefined, this.#startedAt)
    }
    this.#lookUps.set(namespace, lookUp)
    return lookUp
  }

  /** The workload of the picture before, if it is equal: the plan need not look at it again. */
  #asBefore(workload: ManagedWorkload): ManagedWorkload {
    const { uid } = workload.workload.ref
    const before = this.#workloads.get(uid)
    if (before && isDeepStrictEqual(before, workload)) return before
    this.#workloads.set(uid, workload)
    return workload
  }

  /** Its own writes are known at once; after the watch has passed them, the watch alone counts. */
  #haltsSeen(shown: ClusterState, now: number) {
    const halts = new Map(shown.halts)
    for (const [key, { at, isThere }] of this.#halts) {
      if (at <= now - this.#lags.halts) continue
      const real = this.#cluster.state.halts.get(key)
      if (isThere && real) halts.set(key, real)
      if (!isThere) halts.delete(key)
    }
    return [...halts.values()]
  }

  #pendingOf(uid: string, { pods }: ClusterState, now: number): Pending {
    const write = this.#inFlight.find(
      ({ action }) =>
        'workload' in action && action.kind !== 'evict' && action.workload.uid === uid,
    )?.action
    const memory = this.#memory.get(uid)
    if (!memory) return { ...nothingPending, write, owedSince: this.#startedAt }
    for (const each of memory.evicted) {
      if (pods.get(each)?.record.terminating ?? true) memory.evicted.delete(each)
    }
    const refused = now < memory.obstacleUntil
    return {
      write,
      evicted: new Set(memory.evicted),
      refusal: refused
        ? { reason: 'PodDisruptionBudget', message: 'none now', until: memory.obstacleUntil }
        : undefined,
      reportedAt: memory.reportedAt,
      owedSince: memory.owedSince,
    }
  }

  /** False if it was refused. */
  #arrive(action: Action): boolean {
    const cluster = this.#cluster
    switch (action.kind) {
      case 'evict':
        return cluster.evict(action)
      case 'patch':
        return cluster.patch(action)
      case 'record':
        cluster.record(action)
        return true
      case 'forget':
        cluster.forget(action)
        return true
      case 'halt':
        cluster.halt(action)
        return true
      case 'release':
        cluster.release(action)
        return true
    }
  }

  #answered(action: Action, accepted: boolean, now: number): void {
    if (action.kind === 'halt' || action.kind === 'release') {
      const key = `${action.namespace}/${action.name}`
      this.#halts.set(key, { at: now, isThere: action.kind === 'halt' })
      return
    }
    const memory = this.#memoryOf(action.workload.uid)
    if (action.kind === 'evict' && !accepted) {
      memory.evicted.delete(action.pod.uid)
      memory.obstacleUntil = now + PATIENCE
    }
    const { deployments } = this.#cluster.state
    const deployment = deployments.get(action.workload.uid)
    if (action.kind === 'patch' && deployment) {
      this.#answers.deployments.set(action.workload.uid, deployment)
    }
    if (action.kind === 'record') this.#recorded(action, now)
  }

  #recorded({ workload }: RecordAction, now: number): void {
    this.#memoryOf(workload.uid).reportedAt = now
    const key = `${workload.namespace}/${consumerName(workload)}`
    const consumer = this.#cluster.state.consumers.get(key)
    if (consumer) this.#answers.consumers.set(key, consumer)
  }

  #memoryOf(uid: string): Memory {
    const known = this.#memory.get(uid)
    if (known) return known
    const memory = {
      evicted: new Set<string>(),
      reportedAt: -Infinity,
      owedSince: this.#startedAt,
      obstacleUntil: -Infinity,
    }
    this.#memory.set(uid, memory)
    return memory
  }
}

function newer(
  watched: ConsumerRecord | undefined,
  answer: ConsumerRecord | undefined,
): ConsumerRecord | undefined {
  if (!watched || !answer) return answer ?? watched
  return isNewer(answer.resourceVersion, watched.resourceVersion) ? answer : watched
}
