/**
 * The view of the cluster: the picture, the watches that feed it, and whether they see the cluster as it is.
 */
import type { Config } from '../config/settings.ts'
import type { KubeClient } from '../kube/client.ts'
import { localNow, sleep } from '../kube/local-time.ts'
import type { Logger } from '../model/logger.ts'
import type { SourceRef } from '../model/refs.ts'
import type { SourceUsers } from '../report/rotations/holders.ts'
import type { Digester } from '../sources/digest.ts'
import { IneffectiveAnnotations } from './ineffective-annotations.ts'
import {
  heardBy,
  watchedConfigMaps,
  watchedHints,
  watchedResources,
  watchedSecrets,
} from './resources.ts'
import { secretScopes, SecretWatches } from './secret-watches.ts'
import { Store } from './store.ts'
import { WatchHealth } from './watch-health.ts'
import { areSynced, watchInto } from './watches.ts'

export interface ClusterViewOptions {
  readonly config: Config
  readonly client: KubeClient
  readonly log: Logger
  readonly digester: Digester
  /** API server's clock, milliseconds. */
  readonly now: () => number
  /** Something that a plan depends on is different. */
  readonly onChanged: () => void
  /** A consumed source changed its content. */
  readonly onSourceChanged: (source: SourceRef) => void
  /** Annotations without effect came or went. */
  readonly onIneffectiveChanged: () => void
}

export interface ClusterView {
  readonly store: Store
  readonly health: WatchHealth
  readonly ineffective: IneffectiveAnnotations
  /** The sources, and the running pods that use them. */
  readonly sources: SourceUsers
  /** Whether each watch that all workloads need has delivered its first list. */
  readonly isListed: () => boolean
  /** Lists everything once more. No plan is made until that is in the picture. */
  readonly relist: () => void
  /** Watches until `signal` aborts. Rejects where a watch does: what it delivered could not be taken in. */
  readonly run: (signal: AbortSignal) => Promise<unknown>
}

/** Prepares the view. Nothing is watched before it runs. */
export function viewCluster(options: ClusterViewOptions): ClusterView {
  const { config, client, log, digester, now, onChanged, onSourceChanged } = options
  const ineffective = new IneffectiveAnnotations(options.onIneffectiveChanged)
  // The store asks these watches why it does not know a Secret. They feed the store, so they come after it.
  const feed: { secrets?: SecretWatches | undefined } = {}
  const store = new Store({
    digester,
    now,
    defaults: config,
    namespace: config.namespace,
    onSourceChanged,
    unread: (source) => feed.secrets?.unread(source),
  })
  const changed = () => {
    feed.secrets?.look()
    onChanged()
  }
  const fieldSelector = config.secretSelector
  const ofSecrets = config.sources.has('Secret')
  const scopes = ofSecrets ? secretScopes(config.secretAccess, store) : undefined
  const secrets =
    scopes && new SecretWatches({ ...scopes, client, store, log, fieldSelector, changed, sleep })
  feed.secrets = secrets
  const watches = [
    ...(ofSecrets && !secrets ? [watchedSecrets(store, fieldSelector)] : []),
    ...(config.sources.has('ConfigMap') ? [watchedConfigMaps(store)] : []),
    // In mode `observe` Consumers live in memory.
    ...watchedResources(store, { consumers: config.mode === 'act' }),
  ].map((resource) => watchInto(heardBy(ineffective, resource), client, log, changed))
  // Nothing waits for these: what they would say is no more than a hint.
  const hints = watchedHints(ineffective).map((resource) =>
    watchInto(resource, client, log, () => undefined),
  )
  const health = new WatchHealth({
    ...{ watches, secrets, store, log, sleep },
    now: localNow,
    changed: onChanged,
  })
  return {
    store,
    health,
    ineffective,
    sources: {
      keyFingerprint: digester.fingerprint,
      changed: () => store.sources.changed(),
      unused: (source) => store.sources.oldUnused(source),
      source: (source) => store.source(source),
      podsUsing: (source) => store.podsUsing(source),
    },
    isListed: () => areSynced(watches).ok,
    relist() {
      for (const { watch } of watches) watch.relist()
      secrets?.relist()
    },
    run: (signal) =>
      Promise.all([
        ...[...watches, ...hints].map(({ watch }) => watch.run(signal)),
        secrets?.run(signal),
        health.run(signal),
      ]),
  }
}
