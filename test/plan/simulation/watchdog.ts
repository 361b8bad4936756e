/**
 * Watches what Sluice does to the cluster, from outside: it counts the pods that Sluice took away and that are not
 * back by what really happens to them, and never asks Sluice.
 */
import type { EvictAction, PatchAction } from '../../../src/plan/action.ts'
import { resolveLimit } from '../../../src/config/limit.ts'
import { consumerName } from '../../../src/records/consumer.ts'
import { settings } from '../cluster-builder.ts'
import type { SimulatedCluster } from './cluster.ts'
import { CRASHES_AFTER, fateOf } from './fate.ts'
import type { Sent } from './operator.ts'
import {
  livePods,
  valuesFor,
  type ClusterState,
  type SimulatedDeployment,
  type SimulatedPod,
} from './state.ts'

/** Of a watch and a write together, with some seconds for what follows (ms). */
const LONGEST_LAG = 5000

/** Pods of one workload that Sluice took away. */
interface Debt {
  readonly at: number
  readonly groups: readonly string[]
  readonly urgent: boolean
}

/** A rollout that Sluice began. */
interface Rollout extends Debt {
  readonly hash: string
}

interface Account {
  debts: Debt[]
  /** Of a restart that failed: still away, but nobody waits for them. */
  abandoned: Debt[]
  rollout: Rollout | undefined
  /** It was restarted for an urgent Secret, and has that for all that comes meanwhile. */
  urgent: boolean
  /** The restart failed: its slot goes to the next. */
  failed: boolean
  /** Until then the picture of the pods may not show what others did to them. */
  unsureUntil: number
  /** Pods that have paid a debt. */
  readonly paid: Set<string>
}

export class Watchdog {
  readonly violations = new Set<string>()
  /** How many pods workloads lost to a bad content, by that content. */
  readonly #lost = new Map<string, Map<string, number>>()
  /** When a Secret was written last. */
  readonly #writtenAt = new Map<string, number>()
  #secrets: ClusterState['secrets'] | undefined
  #killedAt = -Infinity
  readonly #cluster: SimulatedCluster
  readonly #accounts = new Map<string, Account>()
  /** Nothing is sure of what was current when Sluice did not run. */
  readonly #mayHaveMissed: boolean
  readonly #margin: number
  /** Sluice's clock may be ahead by this. */
  readonly #clockOff: number

  constructor(
    cluster: SimulatedCluster,
    mayHaveMissed: boolean,
    { margin, clockOff }: { readonly margin: number; readonly clockOff: number },
  ) {
    this.#cluster = cluster
    this.#mayHaveMissed = mayHaveMissed
    this.#margin = margin
    this.#clockOff = Math.abs(clockOff)
  }

  /** Sluice was killed: how the pods of now came into being is known to nobody any more. */
  killed(): void {
    this.#killedAt = this.#cluster.now
  }

  /** Called whenever time has passed. */
  look(): void {
    const { state, now } = this.#cluster
    if (state.secrets !== this.#secrets) {
      for (const [key, secret] of state.secrets) {
        if (this.#secrets?.get(key) !== secret) this.#writtenAt.set(key, now)
      }
      this.#secrets = state.secrets
    }
    for (const [uid, account] of this.#accounts) {
      const of = state.deployments.get(uid)
      if (!of) {
        this.#accounts.delete(uid)
        continue
      }
      const { ref } = of.record
      const { status } = state.consumers.get(`${ref.namespace}/${consumerName(ref)}`) ?? {}
      account.failed ||= status?.ledger.failure !== undefined
      const live = livePods(state, uid)
      for (const pod of live) {
        const { ref } = pod.record
        if (!isAvailable(pod, of, now + this.#clockOff) || account.paid.has(ref.uid)) continue
        // What was evicted after it was born is not its doing.
        const isPaid = (debt: Debt) => debt.at <= pod.bornAt
        const from = account.debts.some(isPaid) ? account.debts : account.abandoned
        const paid = from.findLastIndex(isPaid)
        if (paid < 0) continue
        account.paid.add(ref.uid)
        from.splice(paid, 1)
      }
      const available = live.filter((pod) => isAvailable(pod, of, now + this.#clockOff)).length
      if (available >= of.record.replicas) {
        account.debts = []
        account.abandoned = []
      }
      const { rollout } = account
      const done =
        available >= of.record.replicas &&
        live.every(({ record }) => record.templateHash === rollout?.hash)
      if (rollout && (done || of.hash !== rollout.hash)) account.rollout = undefined
      this.#countLost(live)
    }
  }

  /**
   * Somebody deployed: what Sluice took away comes back by his doing. Or scaled down: which pod goes for that is not
   * known before the watch of the pods shows it.
   */
  changed(uid: string): void {
    const of = this.#cluster.state.deployments.get(uid)
    if (!of) return
    const account = this.#accountOf(of)
    account.debts = []
    account.abandoned = []
    account.unsureUntil = this.#cluster.now + LONGEST_LAG
  }

  /** A write of Sluice arrives at the cluster, and is about to be done. */
  arrives({ action, policy, seen }: Sent): void {
    if (action.kind !== 'evict' && action.kind !== 'patch') return
    const { state } = this.#cluster
    const of = state.deployments.get(action.workload.uid)
    if (!of || (action.kind === 'evict' && state.trouble.evictionsRefused)) return
    if (action.kind === 'patch' && of.record.resourceVersion !== action.resourceVersion) return
    const pods =
      action.kind === 'evict'
        ? livePods(state, action.workload.uid).filter(
            ({ record }) => record.ref.uid === action.pod.uid,
          )
        : livePods(state, action.workload.uid)
    if (pods.length === 0) return
    const stale = staleSources(pods, seen.secrets, of)
    // A rollout is decided from the pods as they are shown.
    const shown = livePods(seen.pods, action.workload.uid)
    const judged = action.kind === 'evict' ? pods : [...pods, ...shown]
    if (staleSources(judged, seen.secrets, of).length === 0) this.#fresh(action, judged)
    const account = this.#accountOf(of)
    // Content came and went: the workload was stale for what is no more.
    const reasons = stale.length > 0 ? stale : of.secrets
    account.urgent ||= reasons.some((name) => isUrgent(of, name, seen.secrets))
    const { urgent } = account
    const debt: Debt = { at: this.#cluster.now, groups: groupsOf(of, stale, state), urgent }
    this.#checkConcurrency(of, debt, policy)
    this.#checkHalts(of, debt, seen.halts)
    if (account.failed) account.abandoned.push(...account.debts.splice(0))
    account.failed = false
    const [pod] = pods
    if (action.kind === 'evict' && pod) {
      // A replacement that never came up makes room for the next: still the same pod is away.
      if (!account.paid.has(pod.record.ref.uid)) {
        const which = [account.debts, account.abandoned].find(
          ([first]) => first && pod.bornAt >= first.at,
        )
        which?.shift()
      }
      // What is evicted in the middle of what somebody else does comes back by that.
      if (this.#cluster.now >= account.unsureUntil) account.debts.push(debt)
      this.#checkAway(of, account, pod, seen, policy, debt)
      this.#checkStarting(of, 0, debt, policy, seen, pod.record.ref.uid)
    } else {
      this.#checkStarting(of, sizeOf(of), debt, policy, seen)
      account.rollout = { ...debt, hash: '' }
    }
  }

  /** A write of Sluice has been done. */
  arrived({ action }: Sent): void {
    if (action.kind !== 'patch') return
    const of = this.#cluster.state.deployments.get(action.workload.uid)
    const account = this.#accounts.get(action.workload.uid)
    if (of && account?.rollout?.hash === '') account.rollout = { ...account.rollout, hash: of.hash }
  }

  /** At most so many workloads may lose pods to one bad content, each as many as it may have away. */
  spread(workloads: number): readonly string[] {
    return [...this.#lost].flatMap(([content, counts]) => {
      const tooMany = [...counts].filter(([uid, lost]) => {
        const of = this.#cluster.state.deployments.get(uid)
        if (!of) return false
        const own = resolveLimit(settings(of.annotations).maxUnavailable, of.record.replicas)
        const wide = Math.ceil(of.record.replicas / 4)
        // A rollout cannot be stopped: pods that count as Available before they crash let it go through.
        const rollout = of.record.minReady < CRASHES_AFTER ? of.record.replicas : sizeOf(of)
        return lost > Math.max(own, wide, of.record.restartId === undefined ? 0 : rollout)
      })
      return [
        ...(counts.size > workloads ? [`${content} spread to ${counts.size} workloads`] : []),
        ...tooMany.map(([uid, lost]) => `${content} cost ${uid} ${lost} pods`),
      ]
    })
  }

  /** Names of the workloads that are being restarted now. */
  restarting(): readonly string[] {
    return this.#open().map(({ of }) => of.record.ref.name)
  }

  #open(): readonly { readonly of: SimulatedDeployment; readonly account: Account }[] {
    const { state } = this.#cluster
    return [...this.#accounts].flatMap(([uid, account]) => {
      const of = state.deployments.get(uid)
      return of && this.#isOpen(of, account) ? [{ of, account }] : []
    })
  }

  /** Not, if it failed, is past its deadline, was paused by its owner or goes: then its slot goes to the next. */
  #isOpen(of: SimulatedDeployment, { debts, failed, rollout }: Account): boolean {
    if ((rollout && of.record.paused) || of.record.deleting) return false
    return !failed && this.#awaited(of, rollout ? [rollout] : debts).length > 0
  }

  /** Those that are not past their deadline. */
  #awaited(of: SimulatedDeployment, debts: readonly Debt[]): readonly Debt[] {
    return debts.filter(({ at }) => this.#cluster.now < at + of.record.progressDeadline)
  }

  #checkConcurrency(of: SimulatedDeployment, { groups, urgent }: Debt, policy: Policy): void {
    const { maxConcurrentRestarts, maxConcurrentPerGroup, urgentMaxConcurrentRestarts } = policy
    const wider = (limit: number) => (urgent ? Math.max(limit, urgentMaxConcurrentRestarts) : limit)
    const others = this.#open().filter((each) => each.of !== of)
    const named = (all: typeof others) =>
      [...all.map((each) => each.of), of].map(({ record }) => record.ref.name).join(', ')
    if (others.length + 1 > wider(maxConcurrentRestarts)) {
      this.violations.add(`restarted at once: ${named(others)}`)
    }
    for (const group of groups) {
      const same = others.filter(({ account: { debts, rollout } }) =>
        [...debts, ...(rollout ? [rollout] : [])].some((each) => each.groups.includes(group)),
      )
      if (same.length + 1 > wider(maxConcurrentPerGroup)) {
        this.violations.add(`restarted at once in ${group}: ${named(same)}`)
      }
    }
  }

  #checkAway(
    of: SimulatedDeployment,
    { debts, abandoned, unsureUntil }: Account,
    evicted: SimulatedPod,
    seen: Sent['seen'],
    policy: Policy,
    { urgent }: Debt,
  ): void {
    const { state, now } = this.#cluster
    const { uid, name } = of.record.ref
    const shown = seen.deployments.deployments.get(uid) ?? of
    const { maxUnavailable, maxUnavailableIsExplicit } = settings(shown.annotations)
    const { replicas } = shown.record
    const own = resolveLimit(maxUnavailable, replicas)
    const wide = resolveLimit(policy.urgentMaxUnavailable, replicas)
    const limit = urgent && !maxUnavailableIsExplicit ? Math.max(own, wide) : own
    const isUp = (pod: SimulatedPod | undefined) =>
      pod !== undefined && isAvailable(pod, of, now + this.#clockOff)
    // One that crashed a moment ago is shown as it was.
    const up = livePods(state, uid).filter(
      (pod) => pod !== evicted && (isUp(pod) || isUp(seen.pods.pods.get(pod.record.ref.uid))),
    ).length
    // Pods of a restart that failed are away; one that is not up either takes nothing more away.
    const before = isUp(evicted) ? abandoned.length : 0
    const away = Math.min(debts.length + before, Math.max(0, of.record.replicas - up))
    if (away > limit && now >= unsureUntil)
      this.violations.add(`${away} pods away, at most ${limit}: ${name}`)
  }

  /** Others are counted as Sluice saw them, what Sluice itself started as it is. */
  #checkStarting(
    of: SimulatedDeployment,
    more: number,
    { groups }: Debt,
    policy: Policy,
    seen: Sent['seen'],
    evicted?: string,
  ): void {
    const { state, now } = this.#cluster
    for (const group of groups) {
      let count = more
      for (const [uid, each] of state.deployments) {
        // A rollout takes the place of what its workload has starting already.
        if (!isMember(each, group, state) || (each === of && more > 0)) continue
        const account = this.#accounts.get(uid)
        const ours = account ? this.#owed(each, account) : 0
        const starting = [...seen.pods.pods.values()].filter(
          (pod) =>
            pod.workload === uid &&
            account?.rollout === undefined &&
            pod.record.ref.uid !== evicted &&
            state.pods.get(pod.record.ref.uid)?.record.terminating === false &&
            pod.bornAt < (account?.debts[0]?.at ?? Infinity) &&
            isStarting(pod, each, now),
        )
        count += ours + starting.length
      }
      if (count > policy.maxStartingPods) {
        this.violations.add(`${count} starting pods in ${group}, at most ${policy.maxStartingPods}`)
      }
    }
  }

  #owed(of: SimulatedDeployment, account: Account): number {
    if (!this.#isOpen(of, account)) return 0
    if (!account.rollout) return this.#awaited(of, account.debts).length
    // All of it is reserved until the last old pod goes; then it is known how many are not back.
    const { hash } = account.rollout
    const live = livePods(this.#cluster.state, of.record.ref.uid)
    if (live.some(({ record }) => record.templateHash !== hash)) return sizeOf(of)
    const up = live.filter((pod) => isAvailable(pod, of, this.#cluster.now + this.#clockOff))
    return of.record.replicas - up.length
  }

  #checkHalts(of: SimulatedDeployment, { groups }: Debt, { halts }: ClusterState): void {
    const { namespace, name } = of.record.ref
    for (const [where, halt] of halts) {
      const { group } = halt.spec ?? {}
      // One that is released by now may be known to be.
      const stands = this.#cluster.state.halts.get(where) === halt
      if (!group || !stands || halt.namespace !== namespace) continue
      const key = `${group.kind} ${namespace}/${group.name}`
      if (groups.includes(key)) this.violations.add(`${key} is halted, and ${name} is restarted`)
    }
  }

  /** A pod that holds what is current, and was not made so close to a change that nobody can tell. */
  #fresh(action: EvictAction | PatchAction, pods: readonly SimulatedPod[]): void {
    if (this.#mayHaveMissed) return
    const sure = pods.filter(
      (pod) =>
        pod.holds !== undefined &&
        !this.#cluster.history.some(
          ({ since, state }, index) =>
            isDoubtful(pod, since, this.#margin + 2000, this.#killedAt) &&
            state.secrets !== this.#cluster.history[index - 1]?.state.secrets,
        ),
    )
    if (sure.length > 0 && sure.length === pods.length) {
      this.violations.add(`fresh pods were replaced: ${action.workload.name}`)
    }
  }

  /** Pods that came with a restart of Sluice's, for a content that is bad, and are no good. */
  #countLost(live: readonly SimulatedPod[]): void {
    for (const { record, workload, holds, bornAt } of live) {
      const account = this.#accounts.get(workload)
      if (!holds || !account || record.ready) continue
      const first = account.rollout?.at ?? account.debts[0]?.at ?? Infinity
      if (bornAt < first) continue
      for (const [name, value] of holds) {
        const key = `${record.ref.namespace}/${name}`
        // A container that crashed reads what is current then: nobody restarted it for that.
        if (fateOf([value]) === 'well' || bornAt < (this.#writtenAt.get(key) ?? 0)) continue
        // What comes back gets another try.
        const content = `${key}=${value} of ${this.#writtenAt.get(key) ?? 0}`
        const counts = this.#lost.get(content) ?? new Map<string, number>()
        const bad = live.filter(
          (pod) => pod.bornAt >= first && pod.holds?.get(name) === value && !pod.record.ready,
        )
        counts.set(workload, Math.max(counts.get(workload) ?? 0, bad.length))
        this.#lost.set(content, counts)
      }
    }
  }

  #accountOf(of: SimulatedDeployment): Account {
    const { uid } = of.record.ref
    const known = this.#accounts.get(uid)
    if (known) return known
    const account: Account = {
      debts: [],
      abandoned: [],
      unsureUntil: -Infinity,
      rollout: undefined,
      urgent: false,
      failed: false,
      paid: new Set(),
    }
    this.#accounts.set(uid, account)
    return account
  }
}

type Policy = Sent['policy']

/** Made around a change; or made before it and started after it, which the clock of its node does not prove. */
function isDoubtful(
  { bornAt, readAt }: SimulatedPod,
  change: number,
  margin: number,
  killedAt: number,
): boolean {
  // The order of events proves who came after a change.
  if (bornAt > Math.max(change, killedAt)) return false
  if (Math.abs(change - bornAt) <= margin) return true
  return bornAt < change && readAt > change - margin && readAt < change + 60_000 + margin
}

function isAvailable(
  { record }: SimulatedPod,
  { record: { minReady } }: SimulatedDeployment,
  now: number,
): boolean {
  return !record.terminating && record.readyAt !== undefined && record.readyAt + minReady <= now
}

function isStarting(pod: SimulatedPod, of: SimulatedDeployment, now: number): boolean {
  const { terminating, scheduledAt, containers } = pod.record
  if (terminating || scheduledAt === undefined || pod.record.ready) return false
  if (containers.some(({ waitingReason }) => waitingReason === 'CrashLoopBackOff')) return false
  // One that was Available may be sick rather than starting.
  return !pod.wasAvailable && pod.crashes < 2 && now < scheduledAt + of.record.progressDeadline
}

function sizeOf({ record }: SimulatedDeployment): number {
  const { replicas, rollout } = record
  if (!rollout) return 1
  const { recreates, maxSurge, maxUnavailable } = rollout
  return recreates ? replicas : Math.min(replicas, Math.max(1, maxSurge + maxUnavailable))
}

/** The Secrets of which the pods hold something else than what Sluice was shown. */
function staleSources(
  pods: readonly SimulatedPod[],
  shown: ClusterState,
  of: SimulatedDeployment,
): readonly string[] {
  const values = valuesFor(shown, of)
  return of.secrets.filter((name) =>
    // What is missing is no reason.
    pods.some(({ holds }) => holds && values.get(name) && holds.get(name) !== values.get(name)),
  )
}

function annotationOf(of: SimulatedDeployment, secret: string, state: ClusterState, name: string) {
  const { raw } = state.secrets.get(`${of.record.ref.namespace}/${secret}`) ?? {}
  return raw?.metadata.annotations?.[`sluice.dev/${name}`]
}

function isUrgent(of: SimulatedDeployment, secret: string, state: ClusterState): boolean {
  return annotationOf(of, secret, state, 'urgent') === 'true'
}

function groupsOf(
  of: SimulatedDeployment,
  stale: readonly string[],
  state: ClusterState,
): readonly string[] {
  const { namespace } = of.record.ref
  if (stale.length === 0) return []
  const named = [
    of.annotations.group,
    ...stale.map((each) => annotationOf(of, each, state, 'group')),
  ]
  return [
    ...stale.map((name) => `Secret ${namespace}/${name}`),
    ...[...new Set(named)].flatMap((name) => (name ? [`Group ${namespace}/${name}`] : [])),
  ]
}

function isMember(of: SimulatedDeployment, group: string, state: ClusterState): boolean {
  return groupsOf(of, of.secrets, state).includes(group)
}
