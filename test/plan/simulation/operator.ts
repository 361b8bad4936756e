/**
 * Sluice in virtual time: it sees the cluster through watches that lag, plans, carries the plan out at once, and
 * remembers what it did until it sees it. A kill takes its memory, and all that it had seen.
 */
import { consumerName, type ConsumerRecord } from '../../../src/consumers/consumer.ts'
import type { DeploymentRecord } from '../../../src/consumers/deployment.ts'
import type { Settings } from '../../../src/consumers/settings.ts'
import type { WorkloadAction } from '../../../src/plan/action.ts'
import { plan, type Plan } from '../../../src/plan/plan.ts'
import type { Policy } from '../../../src/plan/policy.ts'
import { readSecret, type SourceRecord } from '../../../src/secrets/source.ts'
import { isNewer } from '../../../src/secrets/timeline.ts'
import { digester, nothingPending, snapshot } from '../cluster-builder.ts'
import type { SimulatedCluster } from './cluster.ts'

/** How late each watch is, and how long a write is under way; milliseconds. */
export interface Lags {
  readonly secrets: number
  readonly pods: number
  readonly deployments: number
  readonly consumers: number
  readonly writes: number
}

export class SimulatedOperator {
  readonly #cluster: SimulatedCluster
  readonly #lags: Lags
  readonly #settings: Settings
  readonly #policy: Policy
  #source: SourceRecord | undefined
  /** Since when this process runs: its first lists were as new as that. */
  #startedAt = -Infinity
  /** What the API server answered to its own writes, and the watches do not show yet. */
  #answers = {
    deployments: new Map<string, DeploymentRecord>(),
    consumers: new Map<string, ConsumerRecord>(),
  }
  #inFlight: { readonly action: WorkloadAction; readonly arrivesAt: number }[] = []
  readonly #evicted = new Map<string, Set<string>>()
  readonly #reportedAt = new Map<string, number>()

  constructor(cluster: SimulatedCluster, lags: Lags, settings: Settings, policy: Policy) {
    this.#cluster = cluster
    this.#lags = lags
    this.#settings = settings
    this.#policy = policy
  }

  /** What was sent arrives all the same; the answer is lost. */
  kill(now: number): void {
    for (const { action } of this.#inFlight) this.#arrive(action)
    this.#inFlight = []
    this.#source = undefined
    this.#startedAt = now
    this.#answers = { deployments: new Map(), consumers: new Map() }
    this.#evicted.clear()
    this.#reportedAt.clear()
  }

  /** When the next write arrives; Infinity if none is under way. */
  get nextAt(): number {
    return Math.min(Infinity, ...this.#inFlight.map(({ arrivesAt }) => arrivesAt))
  }

  /** Lets the writes arrive that are due. */
  deliver(now: number): void {
    const due = this.#inFlight.filter(({ arrivesAt }) => arrivesAt <= now)
    this.#inFlight = this.#inFlight.filter(({ arrivesAt }) => arrivesAt > now)
    for (const { action } of due) {
      this.#arrive(action)
      this.#answered(action, now)
    }
  }

  /** Plans, and sends the writes of the plan. */
  act(now: number): Plan {
    const seen = this.#see(now)
    const planned = plan(seen, this.#policy, now)
    for (const action of planned.actions) {
      // Nothing fails in this cluster, and no source of it changes often enough to be halted.
      if (action.kind === 'halt' || action.kind === 'release') continue
      this.#inFlight.push({ action, arrivesAt: now + this.#lags.writes })
      if (action.kind !== 'evict') continue
      const { name } = action.workload
      this.#evicted.set(name, (this.#evicted.get(name) ?? new Set()).add(action.pod.uid))
    }
    return planned
  }

  #see(now: number) {
    const cluster = this.#cluster
    const shown = (lag: number) => cluster.stateAt(Math.max(now - lag, this.#startedAt))
    const { secret } = shown(this.#lags.secrets)
    // A watch shows every version in between; each is heard of when its time has come.
    const known = this.#source
    const isKnown = known?.resourceVersion === secret.metadata.resourceVersion
    const source = isKnown ? known : readSecret(secret, known, digester, now)
    this.#source = source
    const { pods } = shown(this.#lags.pods)
    const { consumers } = shown(this.#lags.consumers)
    const { deployments } = shown(this.#lags.deployments)
    return snapshot(
      [...deployments.values()].map((watched) => {
        const { name } = watched.ref
        const evicted = this.#evicted.get(name) ?? new Set<string>()
        for (const uid of evicted)
          if (pods.get(uid)?.record.terminating ?? true) evicted.delete(uid)
        const isWrite = ({ action }: { action: WorkloadAction }) =>
          action.kind !== 'evict' && action.workload.name === name
        return {
          deployment: newer(watched, this.#answers.deployments.get(name)) ?? watched,
          pods: [...pods.values()]
            .filter(({ workload }) => workload === name)
            .map(({ record }) => record),
          settings: this.#settings,
          consumer: newer(consumers.get(consumerName(name)), this.#answers.consumers.get(name)),
          source: () => source,
          pending: {
            ...nothingPending,
            write: this.#inFlight.find(isWrite)?.action,
            evicted: new Set(evicted),
            reportedAt: this.#reportedAt.get(name) ?? -Infinity,
          },
        }
      }),
    )
  }

  #arrive(action: WorkloadAction): void {
    switch (action.kind) {
      case 'evict':
        this.#cluster.evict(action)
        break
      case 'patch':
        this.#cluster.patch(action)
        break
      case 'record':
        this.#cluster.record(action)
        break
      case 'forget':
        this.#cluster.forget(action)
        break
    }
  }

  #answered({ kind, workload: { name } }: WorkloadAction, now: number): void {
    const { deployments, consumers } = this.#cluster.state
    const deployment = deployments.get(name)
    const consumer = consumers.get(consumerName(name))
    if (kind === 'patch' && deployment) this.#answers.deployments.set(name, deployment)
    if (kind !== 'record') return
    this.#reportedAt.set(name, now)
    if (consumer) this.#answers.consumers.set(name, consumer)
  }
}

function newer<T extends { readonly resourceVersion: string } | undefined>(
  watched: T,
  answer: T,
): T {
  if (!watched || !answer) return answer ?? watched
  return isNewer(answer.resourceVersion, watched.resourceVersion) ? answer : watched
}
