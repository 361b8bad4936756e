import type {
  V1Container,
  V1Deployment,
  V1DeploymentStrategy,
  V1Namespace,
  V1PodDisruptionBudget,
  V1Secret,
  V1Volume,
} from '@kubernetes/client-node'

/** One way in which a container consumes a Secret. */
export interface Use {
  secret: string
  mode: 'env' | 'envFrom' | 'subPath' | 'volume'
  /** For env and subPath; default `password`. */
  key?: string
  optional?: boolean
}

/**
 * A Deployment whose pods run one container, `app`. A key of a Secret becomes
 * the variable SECRET_KEY (env), the file /etc/<secret>/<key> (subPath), or a
 * file of the folder /run/<secret> (volume).
 */
export function deployment(options: {
  name: string
  namespace?: string
  replicas?: number
  uses?: readonly Use[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  podAnnotations?: Record<string, string>
  strategy?: V1DeploymentStrategy
  minReadySeconds?: number
  progressDeadlineSeconds?: number
  terminationGracePeriodSeconds?: number
  paused?: boolean
  initContainers?: V1Container[]
}): V1Deployment {
  const { name, namespace = 'default', replicas = 1, uses = [] } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      ...present({ labels: options.labels, annotations: options.annotations }),
    },
    spec: {
      replicas,
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
      ...present({
        strategy: options.strategy,
        minReadySeconds: options.minReadySeconds,
        progressDeadlineSeconds: options.progressDeadlineSeconds,
        paused: options.paused,
      }),
    },
  }
}

/** A container that consumes Secrets; its pod needs volumes() of the same uses. */
export function container(name: string, uses: readonly Use[] = []): V1Container {
  return {
    name,
    image: 'registry.example/app:1',
    env: uses
      .filter((use) => use.mode === 'env')
      .map((use) => ({
        name: variable(use),
        valueFrom: {
          secretKeyRef: {
            name: use.secret,
            key: keyOf(use),
            ...present({ optional: use.optional }),
          },
        },
      })),
    envFrom: uses
      .filter((use) => use.mode === 'envFrom')
      .map((use) => ({ secretRef: { name: use.secret, ...present({ optional: use.optional }) } })),
    volumeMounts: uses.flatMap((use) => {
      if (use.mode === 'volume') return [{ name: use.secret, mountPath: `/run/${use.secret}` }]
      if (use.mode === 'subPath') {
        return [
          { name: use.secret, mountPath: `/etc/${use.secret}/${keyOf(use)}`, subPath: keyOf(use) },
        ]
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

/** The volumes, one a Secret, that containers with these uses mount. */
export function volumes(uses: readonly Use[]): V1Volume[] {
  const mounted = new Map(
    uses
      .filter((use) => use.mode === 'subPath' || use.mode === 'volume')
      .map((use) => [use.secret, use]),
  )
  return [...mounted.values()].map((use) => ({
    name: use.secret,
    secret: { secretName: use.secret, ...present({ optional: use.optional }) },
  }))
}

/** The environment variable that a use of mode env sets. */
function variable(use: Pick<Use, 'secret' | 'key'>): string {
  return `${use.secret}_${keyOf(use)}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
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
