/**
 * What is watched, and where each kind of object goes in the store.
 */
import type { RawConsumer } from '../consumers/consumer.ts'
import type { RawDeployment, RawReplicaSet } from '../consumers/deployment.ts'
import type { RawPod } from '../consumers/pod.ts'
import type { RawSecret } from '../secrets/source.ts'
import type { RawNamespace, Store } from './store.ts'

/** A removed object; `namespace` is '' for cluster-wide ones. */
export interface Removed {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** One watched resource. */
export interface WatchedResource {
  /** The plural name, as in RBAC and metrics. */
  readonly resource: string
  readonly path: string
  /** Only metadata is asked for. */
  readonly metadataOnly?: boolean
  readonly apply: (raw: unknown) => void
  readonly remove: (ref: Removed) => void
  readonly synced?: () => void
}

/** The resources of a store. In mode `observe` Consumers live in memory and are not watched. */
export function watchedResources(
  store: Store,
  { consumers }: { consumers: boolean },
): WatchedResource[] {
  return [
    {
      resource: 'namespaces',
      path: '/api/v1/namespaces',
      apply: (raw) => store.applyNamespace(raw as RawNamespace),
      remove: ({ name }) => store.removeNamespace(name),
    },
    {
      resource: 'secrets',
      path: '/api/v1/secrets',
      apply: (raw) => store.applySecret(raw as RawSecret),
      remove: (ref) => store.removeSecret(ref),
      synced: () => store.secretsSynced(),
    },
    {
      resource: 'deployments',
      path: '/apis/apps/v1/deployments',
      apply: (raw) => store.applyDeployment(raw as RawDeployment),
      remove: ({ uid }) => store.removeDeployment(uid),
    },
    {
      resource: 'replicasets',
      path: '/apis/apps/v1/replicasets',
      metadataOnly: true,
      apply: (raw) => store.applyReplicaSet(raw as RawReplicaSet),
      remove: ({ uid }) => store.removeReplicaSet(uid),
    },
    {
      resource: 'pods',
      path: '/api/v1/pods',
      apply: (raw) => store.applyPod(raw as RawPod),
      remove: ({ uid }) => store.removePod(uid),
    },
    ...(consumers
      ? [
          {
            resource: 'consumers',
            path: '/apis/sluice.dev/v1alpha1/consumers',
            apply: (raw: unknown) => store.applyConsumer(raw as RawConsumer),
            remove: (ref: Removed) => store.removeConsumer(ref),
          },
        ]
      : []),
  ]
}
