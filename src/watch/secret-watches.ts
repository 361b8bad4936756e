/**
 * The watches of Secrets where not all Secrets are read: one for each namespace that is named, or one for each Secret
 * that is needed. Those that are needed come and go with what workloads use.
 *
 * All of them share the connections of the client. Each stands for itself: what one of them has not delivered, or may
 * not deliver, holds the workloads that need it and nobody else.
 */
import PQueue from 'p-queue'
import { mayNotReadSecret, mayNotReadSecrets, namespaceNotListed } from '../access/missing-rule.ts'
import type { SecretAccess } from '../config/secret-access.ts'
import type { KubeClient } from '../kube/client.ts'
import { localNow } from '../kube/local-time.ts'
import { namespacedKey, sourceOf, type NamespacedKey, type SourceRef } from '../model/refs.ts'
import type { Health } from '../report/http/http-server.ts'
import type { Logger } from '../model/logger.ts'
import type { Unread } from '../sources/source.ts'
import { watchedSecrets } from './resources.ts'
import type { Store } from './store.ts'
import { WakeUp, type Next, type Sleep } from '../model/wake-up.ts'
import { areActive, isBlind, watchInto, type Watch } from './watches.ts'

/** Watches that are asked to deliver all at the same time, and in one second: an API server has others to serve. */
const FIRST_PICTURES_AT_ONCE = 32
const FIRST_PICTURES_PER_SECOND = 200
/** How often at most (ms) it is looked what is needed; less often in a cluster so large that it takes a tenth of that. */
const LOOK_EVERY = 100
/** How often is checked at least (ms) whether something still comes from each. */
const CHECK_EVERY = 10_000

/** What one watch covers: a namespace, or one Secret of it. */
interface Scope {
  readonly namespace: string
  readonly name?: string
}

export interface SecretWatchesOptions {
  readonly client: KubeClient
  readonly store: Store
  readonly log: Logger
  /** What is to be watched now. */
  readonly wanted: () => Iterable<Scope>
  /** Why a Secret is not known that no watch covers. */
  readonly uncovered: (source: SourceRef) => Unread
  /** Which Secrets of a namespace are listed. */
  readonly fieldSelector: string
  /** Something was delivered, or cannot be. */
  readonly changed: () => void
  readonly sleep: Sleep
}

/** What is watched by which setting; undefined where one watch of all Secrets does it. */
export function secretScopes(
  secretAccess: SecretAccess,
  store: Pick<Store, 'judgedSources'>,
): Pick<SecretWatchesOptions, 'wanted' | 'uncovered'> | undefined {
  switch (secretAccess) {
    case 'cluster':
      return undefined
    case 'named':
      return {
        wanted: () =>
          [...store.judgedSources()].map(sourceOf).filter(({ kind }) => kind === 'Secret'),
        uncovered: (ref) => awaited(ref),
      }
    default:
      return {
        wanted: () => secretAccess.map((namespace) => ({ namespace })),
        uncovered: (ref) =>
          secretAccess.includes(ref.namespace)
            ? awaited(ref)
            : { kind: 'Unreadable', message: namespaceNotListed(ref) },
      }
  }
}

interface Entry {
  readonly scope: Scope
  readonly end: AbortController
  /** Undefined until its turn has come. */
  watch: Watch | undefined
  /** It shall deliver all once more, and has not begun to. */
  relistDue: boolean
  /** The first verdict since it was last asked to deliver all: delivered, or failed. */
  verdict: PromiseWithResolvers<undefined>
  /** Why its Secrets were not known when that was told last. */
  told: Unread | undefined
}

export class SecretWatches {
  readonly #options: SecretWatchesOptions
  readonly #entries = new Map<NamespacedKey, Entry>()
  readonly #turns = new PQueue({
    concurrency: FIRST_PICTURES_AT_ONCE,
    interval: 1_000,
    intervalCap: FIRST_PICTURES_PER_SECOND,
  })
  readonly #running = new Set<Promise<void>>()
  /** What a watch rejected with. */
  readonly #defects: unknown[] = []
  readonly #wakeUp = new WakeUp()
  /** Restarts of watches that are no more. */
  #restartsBefore = 0

  constructor(options: SecretWatchesOptions) {
    this.#options = options
  }

  /** What is needed may have changed. */
  look(): void {
    this.#wakeUp.changed()
  }

  /** Every Secret counts as unread until it has been delivered once more. */
  relist(): void {
    for (const entry of this.#entries.values()) {
      entry.relistDue = true
      this.#tell(entry)
      this.#takeTurn(entry)
    }
  }

  /** Why a Secret is not known now; undefined where it is. */
  unread(ref: SourceRef): Unread | undefined {
    if (ref.kind !== 'Secret') return undefined
    const entry = this.#entryOf(ref)
    return entry ? stateOf(entry, ref) : this.#options.uncovered(ref)
  }

  /** Whether each has delivered, or is known not to be allowed to. */
  get synced(): Health {
    const wanted = [...this.#options.wanted()]
    const late = wanted.filter((scope) => {
      const entry = this.#entries.get(keyOf(scope))
      return !entry || stateOf(entry, secretOf(scope))?.kind === 'Awaited'
    })
    const [first] = late
    if (!first) return { ok: true, reasons: [] }
    const trouble = this.#entries.get(keyOf(first))?.watch?.trouble
    const reason = `not synced yet: ${late.length} of ${wanted.length} watches of secrets`
    return { ok: false, reasons: [trouble ? `${reason} (${trouble})` : reason] }
  }

  /** Each that is open tries, whether or not the API server answers. */
  get active(): Health {
    const watches = [...this.#entries.values()].flatMap(({ watch }) => watch ?? [])
    return areActive(watches, localNow())
  }

  /** All of them, as if they were one. */
  get total(): {
    readonly restarts: number
    readonly lastEventAt: number
    readonly blind: boolean
  } {
    let restarts = this.#restartsBefore
    let lastEventAt = -Infinity
    let blind = false
    for (const { watch } of this.#entries.values()) {
      if (!watch) continue
      restarts += watch.watch.sight.restarts
      lastEventAt = Math.max(lastEventAt, watch.watch.sight.lastEventAt)
      blind ||= isBlind(watch)
    }
    return { restarts, lastEventAt, blind }
  }

  /** Watches until `signal` aborts. Rejects where a watch does: what it delivered could not be taken in. */
  async run(signal: AbortSignal): Promise<void> {
    const look = (): Next => {
      if (this.#defects.length > 0) throw this.#defects[0]
      const began = performance.now()
      this.#follow()
      const took = performance.now() - began
      // That nothing comes from a watch, no event tells.
      for (const entry of this.#entries.values()) this.#tell(entry)
      return { wakeIn: CHECK_EVERY, rest: Math.max(LOOK_EVERY, 10 * took) }
    }
    await this.#wakeUp.run(look, this.#options.sleep, signal)
    this.#turns.clear()
    for (const entry of this.#entries.values()) this.#drop(entry)
    await Promise.all(this.#running)
  }

  #follow(): void {
    const wanted = new Map([...this.#options.wanted()].map((scope) => [keyOf(scope), scope]))
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue
      this.#entries.delete(key)
      this.#drop(entry)
    }
    for (const [key, scope] of wanted) {
      if (this.#entries.has(key)) continue
      const entry: Entry = {
        scope,
        end: new AbortController(),
        watch: undefined,
        relistDue: false,
        verdict: Promise.withResolvers(),
        told: undefined,
      }
      this.#entries.set(key, entry)
      this.#tell(entry)
      this.#takeTurn(entry)
    }
  }

  #takeTurn(entry: Entry): void {
    void this.#turns.add(async () => {
      if (entry.end.signal.aborted) return
      entry.verdict = Promise.withResolvers()
      if (!entry.watch) this.#open(entry)
      else if (entry.relistDue) {
        entry.relistDue = false
        entry.watch.watch.relist()
      } else return
      await entry.verdict.promise
    })
  }

  #open(entry: Entry): void {
    const { client, store, log, changed, fieldSelector } = this.#options
    const resource = watchedSecrets(store, fieldSelector, entry.scope)
    const delivered = () => {
      this.#tell(entry)
      changed()
    }
    const watch = watchInto(resource, client, log, delivered, () => {
      entry.verdict.resolve(undefined)
      this.#tell(entry)
    })
    entry.relistDue = false
    entry.watch = watch
    const running = watch.watch.run(entry.end.signal).catch((error: unknown) => {
      this.#defects.push(error)
      this.#wakeUp.changed()
    })
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  /** A thousand that are refused again and again are no reason to look at anything. */
  #tell(entry: Entry): void {
    const { scope, told, end } = entry
    const next = stateOf(entry, secretOf(scope))
    if (end.signal.aborted || (told?.kind === next?.kind && told?.message === next?.message)) return
    entry.told = next
    this.#options.store.sources.unreadChanged(
      scope.name === undefined ? undefined : secretOf(scope),
    )
    this.#options.changed()
  }

  /** From now on it delivers nothing, and what it delivered is forgotten. */
  #drop({ scope: { namespace, name }, end, watch, verdict }: Entry): void {
    this.#restartsBefore += watch?.watch.sight.restarts ?? 0
    end.abort()
    verdict.resolve(undefined)
    if (name !== undefined) this.#options.store.sources.forget(secretOf({ namespace, name }))
  }

  #entryOf(ref: SourceRef): Entry | undefined {
    return this.#entries.get(keyOf(ref)) ?? this.#entries.get(keyOf({ namespace: ref.namespace }))
  }
}

/** The Secret of a scope; of a whole namespace one without a name. */
function secretOf({ namespace, name = '' }: Scope): SourceRef {
  return { kind: 'Secret', namespace, name }
}

function keyOf({ namespace, name = '' }: Scope): NamespacedKey {
  return namespacedKey({ namespace, name })
}

function stateOf({ scope, watch, relistDue }: Entry, ref: SourceRef): Unread | undefined {
  const { sight, verbs = [] } = watch?.watch ?? {}
  if (sight?.lastError?.status === 403) {
    const named = scope.name !== undefined
    const message = named ? mayNotReadSecret(ref, verbs) : mayNotReadSecrets(ref)
    return { kind: 'Unreadable', message }
  }
  if (!relistDue && watch && !isBlind(watch)) return undefined
  return awaited(ref, watch?.trouble)
}

function awaited({ name }: SourceRef, trouble = ''): Unread {
  const why = trouble && ` (${trouble})`
  return { kind: 'Awaited', message: `Secret ${name} has not been delivered yet${why}` }
}
