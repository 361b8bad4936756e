/**
 * Whether the watches see the cluster as it is. A restart is started only while they do: the kill switch, a Halt or
 * a pod that crashes might be missed otherwise.
 */
import type { Health } from '../report/http/http-server.ts'
import type { Logger } from '../model/logger.ts'
import type { Metrics } from '../report/metrics/metrics.ts'
import type { SecretWatches } from './secret-watches.ts'
import type { Sleep } from '../model/wake-up.ts'
import type { Store } from './store.ts'
import { allOf, areActive, areSynced, isBlind, type Watch } from './watches.ts'

/** A gap that is shorter than this (ms), as when a connection is replaced, is waited for in silence. */
export const SHORT_GAP = 10_000
/** How often is checked what no event tells: that nothing comes (ms). */
const CHECK_EVERY = 1_000

export interface WatchHealthOptions {
  readonly watches: readonly Watch[]
  /** Where not all Secrets are read; each of these holds only the workloads that need it. */
  readonly secrets: SecretWatches | undefined
  readonly store: Store
  readonly log: Logger
  /** Local clock, milliseconds. */
  readonly now: () => number
  readonly sleep: Sleep
  /** Whether restarts may be started has changed. */
  readonly changed: () => void
}

export class WatchHealth {
  readonly #options: WatchHealthOptions

  constructor(options: WatchHealthOptions) {
    this.#options = options
  }

  /**
   * Whether the cluster state is worth a plan: every list that leadership asked for is there, and no watch broke
   * this moment. With one that has been broken for longer a plan only reports.
   */
  mayPlan(): boolean {
    const { watches, now } = this.#options
    const isShort = ({ watch: { sight } }: Watch) =>
      sight.blindSince !== undefined && now() - sight.blindSince < SHORT_GAP
    return watches.every(({ watch }) => watch.complete) && !watches.some(isShort)
  }

  /** Why no restart may be started or go on; undefined while every watch delivers. */
  get blind(): string | undefined {
    const blind = this.#options.watches.find(isBlind)
    if (!blind) return undefined
    const { resource, watch, trouble } = blind
    return watch.sight.lastError
      ? `the watch of ${resource} fails (${trouble})`
      : `nothing new has come from the watch of ${resource}`
  }

  /** The process is at work. An API server that is away is no reason to restart it. */
  get alive(): Health {
    const { watches, secrets, now } = this.#options
    return allOf(areActive(watches, now()), secrets?.active)
  }

  /** Everything has been delivered, or is known not to be allowed, and is current. */
  get ready(): Health {
    const { watches, secrets } = this.#options
    const { blind } = this
    const sight = { ok: blind === undefined, reasons: blind === undefined ? [] : [blind] }
    const synced = allOf(areSynced(watches), secrets?.synced)
    return synced.ok ? sight : synced
  }

  /** Shows how the watches do, for the next scrape. */
  observe(metrics: Metrics): void {
    const { watches, secrets, store } = this.#options
    for (const [resource, size] of Object.entries(store.sizes()))
      metrics.objects.set({ resource }, size)
    metrics.paused.set(store.paused === false ? 0 : 1)
    for (const each of watches) {
      const { restarts, lastEventAt } = each.watch.sight
      metrics.observeWatch(each.resource, { restarts, lastEventAt, blind: isBlind(each) })
    }
    if (secrets) metrics.observeWatch('secrets', secrets.total)
  }

  /** Tells of each change until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, sleep, changed } = this.#options
    let told: string | undefined
    while (!signal.aborted) {
      const blind = this.mayPlan() ? this.blind : told
      if (blind !== told) {
        if (blind === undefined) log.info('every watch delivers again: restarts go on')
        else if (told === undefined) log.warn(`${blind}: no restart is started until it does`)
        told = blind
        changed()
      }
      await sleep(CHECK_EVERY, signal)
    }
  }
}
