import type {
  V1ConfigMap,
  V1Container,
  V1DaemonSet,
  V1DaemonSetUpdateStrategy,
  V1Deployment,
  V1DeploymentStrategy,
  V1LabelSelector,
  V1Namespace,
  V1PodDisruptionBudget,
  V1PodTemplateSpec,
  V1Secret,
  V1StatefulSet,
  V1StatefulSetUpdateStrategy,
  V1Volume,
} from '@kubernetes/client-node'

/** One way in which a container consumes a Secret, or else a ConfigMap. */
export type Use = ({ secret: string } | { configMap: string }) & {
  mode: 'env' | 'envFrom' | 'subPath' | 'volume'
  /** For env and subPath; default `password`. */
  key?: string
  optional?: boolean
}

/** What the builders of all kinds of workloads take. */
interface WorkloadOptions {
  name: string
  namespace?: string
  uses?: readonly Use[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  podAnnotations?: Record<string, string>
  minReadySeconds?: number
  terminationGracePeriodSeconds?: number
  initContainers?: V1Container[]
}

/**
 * A Deployment whose pods run one container, `app`. A key of a Secret becomes
 * the variable SECRET_KEY (env), the file /etc/<secret>/<key> (subPath), or a
 * file of the folder /run/<secret> (volume). ConfigMaps become the same.
 */
export function deployment(
  options: WorkloadOptions & {
    replicas?: number
    strategy?: V1DeploymentStrategy
    progressDeadlineSeconds?: number
    paused?: boolean
  },
): V1Deployment {
  const { replicas = 1 } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(options),
    spec: {
      replicas,
      ...podsOf(options),
      ...present({
        strategy: options.strategy,
        minReadySeconds: options.minReadySeconds,
        progressDeadlineSeconds: options.progressDeadlineSeconds,
        paused: options.paused,
      }),
    },
  }
}

/** A StatefulSet of the same pods. */
export function statefulSet(
  options: WorkloadOptions & {
    replicas?: number
    podManagementPolicy?: 'OrderedReady' | 'Parallel'
    updateStrategy?: V1StatefulSetUpdateStrategy
  },
): V1StatefulSet {
  const { name, replicas = 1 } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf(options),
    spec: {
      serviceName: name,
      replicas,
      ...podsOf(options),
      ...present({
        podManagementPolicy: options.podManagementPolicy,
        updateStrategy: options.updateStrategy,
        minReadySeconds: options.minReadySeconds,
      }),
    },
  }
}

/** A DaemonSet of the same pods. */
export function daemonSet(
  options: WorkloadOptions & { updateStrategy?: V1DaemonSetUpdateStrategy },
): V1DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadataOf(options),
    spec: {
      ...podsOf(options),
      ...present({
        updateStrategy: options.updateStrategy,
        minReadySeconds: options.minReadySeconds,
      }),
    },
  }
}

function metadataOf({ name, namespace = 'default', labels, annotations }: WorkloadOptions): {
  name: string
  namespace: string
} {
  return { name, namespace, ...present({ labels, annotations }) }
}

/** The selector and the template of a workload's pods. */
function podsOf(options: WorkloadOptions): {
  selector: V1LabelSelector
  template: V1PodTemplateSpec
} {
  const { name, uses = [] } = options
  return {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name }, ...present({ annotations: options.podAnnotations }) },
      spec: {
        containers: [container('app', uses)],
        volumes: volumes(uses),
        ...present({
          initContainers: options.initContainers,
          terminationGracePeriodSeconds: options.terminationGracePeriodSeconds,
        }),
      },
    },
  }
}

/** A container that consumes sources; its pod needs volumes() of the same uses. */
export function container(name: string, uses: readonly Use[] = []): V1Container {
  return {
    name,
    image: 'registry.example/app:1',
    env: uses
      .filter((use) => use.mode === 'env')
      .map((use) => {
        const ref = { name: sourceOf(use), key: keyOf(use), ...present({ optional: use.optional }) }
        return {
          name: variable(use),
          valueFrom: isSecret(use) ? { secretKeyRef: ref } : { configMapKeyRef: ref },
        }
      }),
    envFrom: uses
      .filter((use) => use.mode === 'envFrom')
      .map((use) => {
        const ref = { name: sourceOf(use), ...present({ optional: use.optional }) }
        return isSecret(use) ? { secretRef: ref } : { configMapRef: ref }
      }),
    volumeMounts: uses.flatMap((use) => {
      const source = sourceOf(use)
      if (use.mode === 'volume') return [{ name: source, mountPath: `/run/${source}` }]
      if (use.mode === 'subPath') {
        return [{ name: source, mountPath: `/etc/${source}/${keyOf(use)}`, subPath: keyOf(use) }]
      }
      return []
    }),
  }
}

/** An init container that runs as long as the pod does. */
export function sidecar(name: string, uses: readonly Use[] = []): V1Container {
  const made = container(name, uses)
  made.restartPolicy = 'Always'
  return made
}

/** The volumes, one a source, that containers with these uses mount. */
export function volumes(uses: readonly Use[]): V1Volume[] {
  const mounted = new Map(
    uses
      .filter((use) => use.mode === 'subPath' || use.mode === 'volume')
      .map((use) => [sourceOf(use), use]),
  )
  return [...mounted.values()].map((use) => {
    const name = sourceOf(use)
    const optional = present({ optional: use.optional })
    return isSecret(use)
      ? { name, secret: { secretName: name, ...optional } }
      : { name, configMap: { name, ...optional } }
  })
}

function isSecret(use: Use): use is Extract<Use, { secret: string }> {
  return 'secret' in use
}

function sourceOf(use: Use): string {
  return isSecret(use) ? use.secret : use.configMap
}

/** The environment variable that a use of mode env sets. */
function variable(use: Use): string {
  return `${sourceOf(use)}_${keyOf(use)}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

export function secret(options: {
  name: string
  namespace?: string
  data?: Record<string, string>
  labels?: Record<string, string>
  annotations?: Record<string, string>
  immutable?: boolean
}): V1Secret {
  const { name, namespace = 'default', data = {} } = options
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      ...present({ labels: options.labels, annotations: options.annotations }),
    },
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    ...present({ immutable: options.immutable }),
  }
}

/** A ConfigMap of texts, and of bytes in base64. */
export function configMap(options: {
  name: string
  namespace?: string
  data?: Record<string, string>
  binaryData?: Record<string, string>
  annotations?: Record<string, string>
}): V1ConfigMap {
  const { name, namespace = 'default', data, binaryData, annotations } = options
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...present({ annotations }) },
    ...present({ data, binaryData }),
  }
}

export function namespace(options: {
  name: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}): V1Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: options }
}

/** A budget for the pods of the Deployment of the name `app`. */
export function podDisruptionBudget(options: {
  name: string
  namespace?: string
  app: string
  minAvailable?: number | string
  maxUnavailable?: number | string
  unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow'
}): V1PodDisruptionBudget {
  const { name, namespace = 'default', app, ...limits } = options
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app } }, ...limits },
  }
}

function keyOf(use: Pick<Use, 'key'>): string {
  return use.key ?? 'password'
}

/** The properties that have a value: manifests leave out what nobody asked for. */
function present<T extends Record<string, unknown>>(
  properties: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
