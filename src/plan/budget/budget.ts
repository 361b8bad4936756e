/**
 * The budgets of one plan: what runs already, and whether something more may begin. Strictest wins.
 */
import { describeWorkload, type WorkloadRef } from '../../model/refs.ts'
import { groupKey, type Group } from '../../model/group.ts'
import type { Hold } from '../../model/hold.ts'
import type { Policy } from '../policy.ts'

/** What a restart asks of the budgets. */
export interface Claim {
  readonly workload: WorkloadRef
  readonly groups: readonly Group[]
  readonly urgent: boolean
  /** Since when it has its slot (ms); Infinity while it has none. */
  readonly heldSince: number
}

/**
 * From when on a message names who has the slot (ms): with the name of each that has it for a moment, every turn would
 * rewrite the Consumer of every workload that waits.
 */
export const NAMED_AFTER = 60_000

/** A restart that has a slot. */
type Holder = Pick<Claim, 'workload' | 'heldSince'>

export class Budget {
  readonly #policy: Policy
  readonly #startingPods: (group: Group) => number
  readonly #nextStarted: (group: Group) => number
  readonly #now: number
  readonly #running: Holder[] = []
  readonly #runningIn = new Map<string, Holder[]>()
  readonly #starting = new Map<string, number>()
  readonly #nextTimes = new Map<string, number>()

  /**
   * @param now API server's clock (ms)
   * @param startingPods how many pods of a group are starting in the picture
   * @param nextStarted when the next of them starts no more by time alone (ms)
   */
  constructor(
    policy: Policy,
    now: number,
    startingPods: (group: Group) => number,
    nextStarted: (group: Group) => number,
  ) {
    this.#policy = policy
    this.#now = now
    this.#startingPods = startingPods
    this.#nextStarted = nextStarted
  }

  /** A restart runs, or begins now. */
  occupy({ groups, ...holder }: Claim): void {
    this.#running.push(holder)
    for (const group of groups) {
      const key = groupKey(group)
      this.#runningIn.set(key, [...(this.#runningIn.get(key) ?? []), holder])
    }
  }

  /** Why a restart may not begin, or go on, beside those that run, if so. */
  holdToBegin({ workload, groups, urgent }: Claim): Hold | undefined {
    const { maxConcurrentRestarts, maxConcurrentPerGroup, urgentMaxConcurrentRestarts } =
      this.#policy
    const wider = (limit: number) => (urgent ? Math.max(limit, urgentMaxConcurrentRestarts) : limit)
    const inCluster = wider(maxConcurrentRestarts)
    const others = (running: readonly Holder[]) =>
      running.filter((each) => each.workload.uid !== workload.uid)
    const running = others(this.#running)
    if (running.length >= inCluster) {
      return {
        reason: 'ClusterBudget',
        message: `restarts in the cluster: ${this.#describe(running)} (limit ${inCluster})`,
      }
    }
    const inGroup = wider(maxConcurrentPerGroup)
    for (const group of groups) {
      const runningHere = others(this.#runningIn.get(groupKey(group)) ?? [])
      if (runningHere.length >= inGroup) {
        return {
          reason: 'GroupBudget',
          message: `restarts in ${groupKey(group)}: ${this.#describe(runningHere)} (limit ${inGroup})`,
        }
      }
    }
    return undefined
  }

  /** How many they are, and the one among them that has had its slot for long, if there is one. */
  #describe(running: readonly Holder[]): string {
    const longest = running.reduce((a, b) => (b.heldSince < a.heldSince ? b : a))
    const named = this.#now >= longest.heldSince + NAMED_AFTER
    return `${running.length} under way${named ? `, longest ${describeWorkload(longest.workload)}` : ''}`
  }

  /** Why `pods` more may not start in these groups now, for which `going` others cease to, if so. */
  holdToStart({ groups }: Claim, pods: number, going = 0): Hold | undefined {
    const limit = this.#policy.maxStartingPods
    if (groups.length > 0 && pods > limit) {
      return {
        reason: 'MaxSurgeExceeded',
        message: `a rollout starts ${pods} pods at once, maxStartingPods allows ${limit}`,
      }
    }
    for (const group of groups) {
      const starting = this.startingIn(group)
      if (starting - going + pods > limit) {
        const instead = going > 0 ? ` in place of ${going}` : ''
        const until = this.#nextStartedIn(group)
        return {
          reason: 'StartingPods',
          message: `${starting} pods of ${groupKey(group)} are starting, at most ${limit} may be; ${pods} more are asked for${instead}`,
          ...(until < Infinity && { until }),
        }
      }
    }
    return undefined
  }

  /** How many more pods may start in all of these groups. */
  room(groups: readonly Group[]): number {
    const rooms = groups.map((group) => this.#policy.maxStartingPods - this.startingIn(group))
    return Math.max(0, Math.min(Infinity, ...rooms))
  }

  /** `pods` more start in these groups with this plan. */
  start(groups: readonly Group[], pods: number): void {
    for (const group of groups) this.#starting.set(groupKey(group), this.startingIn(group) + pods)
  }

  /** Pods of a group that are starting, those of this plan included. */
  startingIn(group: Group): number {
    const key = groupKey(group)
    const known = this.#starting.get(key)
    if (known !== undefined) return known
    const counted = this.#startingPods(group)
    this.#starting.set(key, counted)
    return counted
  }

  /** Many wait for the same pods. */
  #nextStartedIn(group: Group): number {
    const key = groupKey(group)
    const known = this.#nextTimes.get(key) ?? this.#nextStarted(group)
    this.#nextTimes.set(key, known)
    return known
  }
}
