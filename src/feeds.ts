/**
 * All that feeds the picture of the cluster, and how that does.
 */
import type { Verdict } from './report/http-server.ts'
import type { Metrics } from './report/metrics.ts'
import type { SecretWatches } from './secret-watches.ts'
import type { Store } from './watch/store.ts'
import { allOf, areAlive, areSynced, type Watch } from './watches.ts'

/** What feeds the picture, and the store that keeps it. */
export interface Feeds {
  readonly watches: readonly Watch[]
  /** Where not all Secrets are read. */
  readonly secrets: SecretWatches | undefined
  readonly store: Store
}

/** From each watch that may deliver anything, something came not long ago. */
export function isAlive({ watches, secrets }: Feeds): Verdict {
  return allOf(areAlive(watches), secrets?.alive)
}

/** Everything has been delivered once, or is known not to be allowed. */
export function isComplete({ watches, secrets }: Feeds): Verdict {
  return allOf(areSynced(watches), secrets?.synced)
}

/** How the watches do, for the next scrape. */
export function observeWatches(metrics: Metrics, { watches, secrets, store }: Feeds): void {
  for (const [resource, size] of Object.entries(store.sizes()))
    metrics.objects.set({ resource }, size)
  metrics.paused.set(store.paused === false ? 0 : 1)
  for (const { resource, watch } of watches) metrics.observeWatch(resource, watch)
  if (secrets) metrics.observeWatch('secrets', secrets.total)
}
