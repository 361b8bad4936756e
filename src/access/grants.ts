/**
 * The least rights that Sluice needs, as roles of RBAC. Pure.
 *
 * The shipped manifests grant exactly this; a test compares them.
 */
import { WORKLOAD_KINDS } from '../workloads/kinds/kinds.ts'
import type { Config } from '../config/settings.ts'
import { sourceOf, type SourceKey } from '../model/refs.ts'

/** A rule as RBAC knows it. */
export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** A role that is bound to Sluice's service account: for all namespaces, or for one. */
export interface Grant {
  readonly name: string
  readonly namespace?: string
  readonly rules: readonly Rule[]
}

/** What the rights depend on. */
export interface Need extends Pick<
  Config,
  | 'mode'
  | 'namespace'
  | 'strategy'
  | 'leaderElection'
  | 'sources'
  | 'secretAccess'
  | 'endpointAccess'
> {
  /** The sources that opted-in workloads are judged by. */
  readonly judged: Iterable<SourceKey>
}

/** Everything that Sluice needs, in a stable order: for all namespaces first, then namespace by namespace. */
export function leastGrants(need: Need): readonly Grant[] {
  const { mode, strategy, secretAccess } = need
  const act = mode === 'act'
  return [
    { name: 'sluice-watch', rules: WATCH },
    { name: 'sluice-hints', rules: HINTS },
    ...(need.sources.has('Secret') && secretAccess === 'cluster'
      ? [{ name: SECRETS, rules: [secrets('list', 'watch')] }]
      : []),
    ...(need.sources.has('ConfigMap') ? [{ name: 'sluice-configmaps', rules: CONFIG_MAPS }] : []),
    ...(act ? [{ name: 'sluice-restart', rules: RESTART }] : []),
    ...(act && strategy !== 'evict-only' ? [{ name: 'sluice-rollout', rules: ROLLOUT }] : []),
    ...(need.endpointAccess === 'token' ? [{ name: 'sluice-reviews', rules: REVIEWS }] : []),
    ...(act ? ownGrants(need) : []),
    ...secretGrants(need),
  ]
}

/** The roles on Secrets of single namespaces. */
function secretGrants({
  sources,
  secretAccess,
  judged,
}: Pick<Need, 'sources' | 'secretAccess' | 'judged'>): readonly Grant[] {
  if (!sources.has('Secret')) return []
  const refs = [...judged].sort().map(sourceOf)
  switch (secretAccess) {
    case 'cluster':
      return []
    case 'named':
      return [
        ...Map.groupBy(
          refs.filter(({ kind }) => kind === 'Secret'),
          (ref) => ref.namespace,
        ),
      ].map(([namespace, secretsOfIt]) => ({
        name: SECRETS,
        namespace,
        rules: [
          {
            apiGroups: [''],
            resources: ['secrets'],
            resourceNames: secretsOfIt.map(({ name }) => name),
            verbs: ['watch'],
          },
        ],
      }))
    default:
      return secretAccess.map((namespace) => ({
        name: SECRETS,
        namespace,
        rules: [secrets('list', 'watch')],
      }))
  }
}

const SECRETS = 'sluice-secrets'

const WATCH: readonly Rule[] = [
  { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: ['list', 'watch'] },
  {
    apiGroups: ['apps'],
    resources: [...WORKLOAD_KINDS.map(({ plural }) => plural), 'replicasets'],
    verbs: ['list', 'watch'],
  },
]

const CONFIG_MAPS: readonly Rule[] = [
  { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] },
]

/** To tell of annotations on kinds that are not restarted. */
const HINTS: readonly Rule[] = [
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list', 'watch'] },
]

const RESTART: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  own('consumers', 'list', 'watch', 'create', 'update', 'delete'),
  own('consumers/status', 'update'),
  own('halts', 'list', 'watch', 'create', 'delete'),
  own('rotations', 'list', 'create', 'delete'),
  own('rotations/status', 'patch'),
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
]

const ROLLOUT: readonly Rule[] = [
  {
    apiGroups: ['apps'],
    resources: WORKLOAD_KINDS.flatMap(({ plural, rollsOut }) => (rollsOut ? [plural] : [])),
    verbs: ['patch'],
  },
]

/** To ask whose token it is that an endpoint was sent, and what he may read. */
const REVIEWS: readonly Rule[] = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
]

/** What does not exist yet cannot be named: so `create` is for any name, but in Sluice's own namespace only. */
function ownGrants({ namespace, leaderElection }: Need): readonly Grant[] {
  const key = { apiGroups: [''], resources: ['secrets'] }
  const lease = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] }
  return [
    {
      name: 'sluice-digest-key',
      namespace,
      rules: [
        { ...key, resourceNames: ['sluice-digest-key'], verbs: ['get'] },
        { ...key, verbs: ['create'] },
      ],
    },
    ...(leaderElection === 'on'
      ? [
          {
            name: 'sluice-lease',
            namespace,
            rules: [
              { ...lease, resourceNames: ['sluice'], verbs: ['get', 'update'] },
              { ...lease, verbs: ['create'] },
            ],
          },
        ]
      : []),
  ]
}

function own(resource: string, ...verbs: readonly string[]): Rule {
  return { apiGroups: ['sluice.dev'], resources: [resource], verbs }
}

function secrets(...verbs: readonly string[]): Rule {
  return { apiGroups: [''], resources: ['secrets'], verbs }
}
