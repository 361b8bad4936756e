/**
 * The circuit breaker over failed restarts: whatever made two of them fail could make the next one fail too
 * (docs/adr/0008-one-namespace-holds-itself.md). Pure, and derived from what is recorded in the Consumers alone.
 */
import { describeWorkload, type WorkloadRef } from '../../model/refs.ts'
import type { Hold } from '../../model/hold.ts'
import type { Policy } from '../policy.ts'

type Times = Pick<Policy, 'failureWindow' | 'failureCooldown'>

/** A restart that ended. */
export interface EndedRestart {
  readonly workload: WorkloadRef
  /** Milliseconds, API server's clock. */
  readonly at: number
  /** Its failure stands; one that is over is not given at all. */
  readonly failed: boolean
}

/** An open breaker. */
export interface OpenBreaker {
  readonly failures: readonly WorkloadRef[]
  /** When one restart may be tried (ms). */
  readonly tryAt: number
}

/** The longest cooldown (ms), unless the configured one is longer. */
const LONGEST_COOLDOWN = 3_600_000
/** How many failures a message names. */
const NAMED = 3

/**
 * The breaker after these restarts ended; undefined if it is closed. Two failures within the window open it. After the
 * cooldown the next restart is the try: one that ends well closes it, one that fails opens it for twice as long.
 * @param related whether two failures together are evidence of something else than themselves
 */
export function breakerAfter(
  ended: readonly EndedRestart[],
  { failureWindow, failureCooldown }: Times,
  related: (a: WorkloadRef, b: WorkloadRef) => boolean,
): OpenBreaker | undefined {
  let failures: EndedRestart[] = []
  let tryAt = Infinity
  let cooldown = failureCooldown
  for (const each of ended.toSorted((a, b) => a.at - b.at)) {
    const { at, failed, workload } = each
    const open = tryAt < Infinity
    if (!failed) {
      if (at < tryAt) continue
      failures = []
      tryAt = Infinity
      continue
    }
    const opens = failures.some(
      (before) => at <= before.at + failureWindow && related(before.workload, workload),
    )
    failures.push(each)
    if (!open && opens) {
      cooldown = failureCooldown
      tryAt = at + cooldown
    } else if (open && at >= tryAt) {
      cooldown = Math.max(cooldown, Math.min(2 * cooldown, LONGEST_COOLDOWN))
      tryAt = at + cooldown
    }
  }
  return tryAt < Infinity
    ? { failures: failures.map(({ workload }) => workload), tryAt }
    : undefined
}

/** The breakers of one plan: one for each namespace, and one for the cluster, which takes failures of two namespaces. */
export class Breakers {
  readonly #failures: readonly EndedRestart[]
  readonly #successes: () => readonly EndedRestart[]
  readonly #times: Times
  readonly #now: number
  readonly #open = new Map<string, OpenBreaker | undefined>()
  /** The restart that is tried, by scope. */
  readonly #tried = new Map<string, WorkloadRef>()
  #ended: readonly EndedRestart[] | undefined

  /** @param successes the last restart of each workload, if it ended well; asked for only where failures stand */
  constructor(
    failures: readonly EndedRestart[],
    successes: () => readonly EndedRestart[],
    times: Times,
    now: number,
  ) {
    this.#failures = failures
    this.#successes = successes
    this.#times = times
    this.#now = now
  }

  /** Why nothing of this workload may start, if so. */
  holdFor(workload: WorkloadRef): Hold | undefined {
    for (const scope of ['', workload.namespace]) {
      const open = this.#breaker(scope)
      if (!open) continue
      const tried = this.#tried.get(scope)
      const waits = this.#now < open.tryAt
      if (!waits && (tried === undefined || tried.uid === workload.uid)) continue
      const where = scope === '' ? 'in the cluster' : 'in this namespace'
      const next = waits
        ? `one restart is tried at ${new Date(open.tryAt).toISOString()}`
        : `${describeWorkload(tried ?? workload)} is tried now`
      return {
        reason: 'RepeatedFailures',
        message: `the restarts of ${namesOf(open.failures)} failed: nothing new starts ${where}; ${next}`,
        ...(waits && { until: open.tryAt }),
      }
    }
    return undefined
  }

  /** Something of this workload starts, or is under way: where the breaker is open, this is the try. */
  tries(workload: WorkloadRef): void {
    for (const scope of ['', workload.namespace]) {
      if (!this.#tried.has(scope)) this.#tried.set(scope, workload)
    }
  }

  #breaker(scope: string): OpenBreaker | undefined {
    if (this.#failures.length < 2) return undefined
    if (this.#open.has(scope)) return this.#open.get(scope)
    this.#ended ??= [...this.#failures, ...this.#successes()]
    const open =
      scope === ''
        ? breakerAfter(this.#ended, this.#times, (a, b) => a.namespace !== b.namespace)
        : breakerAfter(
            this.#ended.filter(({ workload }) => workload.namespace === scope),
            this.#times,
            () => true,
          )
    this.#open.set(scope, open)
    return open
  }
}

function namesOf(workloads: readonly WorkloadRef[]): string {
  const names = workloads.slice(0, NAMED).map(({ namespace, name }) => `${namespace}/${name}`)
  const more = workloads.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ')
}
