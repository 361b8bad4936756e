/**
 * What is watched, and where each kind of object goes in the store.
 */
import { CONSUMER_GROUP, CONSUMER_VERSION, type RawConsumer } from '../records/consumer.ts'
import { WORKLOAD_KINDS } from '../workloads/kinds/kinds.ts'
import type { RawReplicaSet } from '../workloads/replica-set.ts'
import type { RawWorkload } from '../workloads/workload.ts'
import type { RawHalt } from '../records/halt.ts'
import type { RawPod } from '../workloads/pod.ts'
import type { Delivery, ListWatchOptions, Removed } from '../kube/list-watch.ts'
import type { RawSource } from '../sources/kinds/kind.ts'
import { CONFIG_MAP } from '../sources/kinds/config-map.ts'
import { SECRET } from '../sources/kinds/secret.ts'
import type { IneffectiveAnnotations } from './ineffective-annotations.ts'
import type { RawNamespace } from './namespaces.ts'
import type { Store } from './store.ts'

/** The resources whose watches have metrics; others are no more than hints. */
export const WATCHED = [
  'namespaces',
  'secrets',
  'configmaps',
  ...WORKLOAD_KINDS.map(({ plural }) => plural),
  'replicasets',
  'pods',
  'consumers',
  'halts',
]

/** One watched resource. */
export interface WatchedResource {
  readonly target: ListWatchOptions['target']
  /** Only metadata is asked for. */
  readonly metadataOnly?: boolean
  /** Returns false where nothing follows from it. */
  readonly apply: (raw: unknown, delivery?: Delivery) => unknown
  readonly remove: (object: Removed, delivery?: Delivery) => void
  readonly listing?: () => void
  readonly synced?: () => void
}

/** The same resource, of which somebody else hears too. */
export function heardBy(also: IneffectiveAnnotations, resource: WatchedResource): WatchedResource {
  return {
    ...resource,
    apply(raw, delivery) {
      also.apply(resource.target.resource, raw as Parameters<typeof also.apply>[1])
      return resource.apply(raw, delivery)
    },
    remove(ref, delivery) {
      also.remove(ref.uid)
      resource.remove(ref, delivery)
    },
  }
}

/**
 * Kinds that are never restarted, watched for annotations that can have no effect there. Whoever does not grant these
 * rights is not told of them, and misses nothing else.
 */
export function watchedHints(also: IneffectiveAnnotations): WatchedResource[] {
  const none = { metadataOnly: true, apply: () => undefined, remove: () => undefined }
  return [
    { group: 'batch', version: 'v1', resource: 'jobs' },
    { group: 'batch', version: 'v1', resource: 'cronjobs' },
  ].map((target) => heardBy(also, { target, ...none }))
}

/** The Secrets of all namespaces or of one that a field selector admits, or one Secret alone. */
export function watchedSecrets(
  store: Store,
  fieldSelector: string,
  { namespace, name }: { readonly namespace?: string; readonly name?: string } = {},
): WatchedResource {
  return {
    target: {
      group: '',
      version: 'v1',
      resource: 'secrets',
      ...(namespace !== undefined && { namespace }),
      // Whoever may watch one Secret only may watch it by this selector.
      query: { fieldSelector: name === undefined ? fieldSelector : `metadata.name=${name}` },
    },
    apply: (raw, delivery) => store.sources.apply(SECRET, raw as RawSource, delivery),
    remove: ({ namespace: of, name: gone }, delivery) =>
      store.sources.remove({ kind: 'Secret', namespace: of, name: gone }, delivery),
    synced() {
      if (namespace === undefined || name === undefined)
        store.sources.allSynced('Secret', namespace)
      else store.sources.synced({ kind: 'Secret', namespace, name })
    },
  }
}

/** The ConfigMaps of all namespaces: they hold no secret. */
export function watchedConfigMaps(store: Store): WatchedResource {
  return {
    target: { group: '', version: 'v1', resource: 'configmaps' },
    apply: (raw, delivery) => store.sources.apply(CONFIG_MAP, raw as RawSource, delivery),
    remove: ({ namespace, name }, delivery) =>
      store.sources.remove({ kind: 'ConfigMap', namespace, name }, delivery),
    synced: () => store.sources.allSynced('ConfigMap'),
  }
}

/** The other resources of a store. In mode `observe` Consumers live in memory and are not watched. */
export function watchedResources(
  store: Store,
  { consumers }: { consumers: boolean },
): WatchedResource[] {
  return [
    {
      target: { group: '', version: 'v1', resource: 'namespaces' },
      apply: (raw) => store.applyNamespace(raw as RawNamespace),
      remove: ({ name }) => store.removeNamespace(name),
    },
    ...WORKLOAD_KINDS.map(({ kind, plural }): WatchedResource => ({
      target: { group: 'apps', version: 'v1', resource: plural },
      apply: (raw) => store.applyWorkload(kind, raw as RawWorkload),
      remove(ref) {
        store.removeWorkload(ref.uid)
        // In the cluster the garbage collector does it.
        if (!consumers) store.removeConsumerOf({ ...ref, kind })
      },
      listing: () => store.workloadVersions.get(kind)?.listBegins(),
    })),
    {
      target: { group: 'apps', version: 'v1', resource: 'replicasets' },
      metadataOnly: true,
      apply: (raw) => store.applyReplicaSet(raw as RawReplicaSet),
      remove: ({ uid }) => store.removeReplicaSet(uid),
    },
    {
      target: { group: '', version: 'v1', resource: 'pods' },
      apply: (raw, delivery) => store.applyPod(raw as RawPod, delivery?.added),
      remove: ({ uid }) => store.removePod(uid),
    },
    ...(consumers
      ? [
          {
            target: { group: CONSUMER_GROUP, version: CONSUMER_VERSION, resource: 'consumers' },
            apply: (raw: unknown) => store.records.applyConsumer(raw as RawConsumer),
            remove: (ref: Removed) => store.records.removeConsumer(ref),
            listing: () => store.records.consumerVersions.listBegins(),
          },
          {
            target: { group: CONSUMER_GROUP, version: CONSUMER_VERSION, resource: 'halts' },
            apply: (raw: unknown) => store.records.applyHalt(raw as RawHalt),
            remove: (ref: Removed) => store.records.removeHalt(ref),
          },
        ]
      : []),
  ]
}
