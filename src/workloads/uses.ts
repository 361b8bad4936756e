/**
 * What a pod consumes of which Secret and ConfigMap, read from a pod spec.
 *
 * Pure. The spec of a live pod shows containers that webhooks injected; the template shows what comes next.
 */

import { localSource, type KindOfSource, type LocalSource } from '../model/refs.ts'
import { ALL_KEYS } from '../sources/digest.ts'

/** How the content reaches the process, which decides when it is fixed. */
export type Mode =
  /** `env[].valueFrom`, `secretKeyRef` or `configMapKeyRef`: fixed at each start of the container. */
  | 'env'
  /** `envFrom[]`, `secretRef` or `configMapRef`: all keys, fixed at each start of the container. */
  | 'envFrom'
  /** A mount with `subPath`: fixed when the container is created, from a volume that lags. */
  | 'subPath'
  /** A plain mount, or one of the path `.`: the kubelet keeps the files up to date. */
  | 'volume'

/** One key (or all of them) of one source of the pod's namespace. */
export interface Use {
  readonly source: LocalSource
  /** A key of the source, or {@link ALL_KEYS}. */
  readonly selector: string
  readonly mode: Mode
  /** The pod starts without it; its absence is then a content of its own. */
  readonly optional: boolean
  /**
   * Without its key the container starts all the same, with an empty folder in place of the file, and keeps that.
   * Source: kubernetes/pkg/kubelet/kubelet_pods.go, makeMounts (SafeMakeDir).
   */
  readonly emptyFolder?: boolean
}

/** The uses of one container. */
interface ContainerUses {
  readonly container: string
  /** An ordinary init container: it runs to its end once, before the others start. */
  readonly init: boolean
  /** Of an ephemeral container, which a new pod does not have: it holds content, and is no reason to restart. */
  readonly ephemeral?: boolean
  readonly uses: readonly Use[]
}

/** The uses of a pod: only containers that have some. */
export type PodUses = readonly ContainerUses[]

/** Whether a pod uses a source at all. */
export function usesSource(uses: PodUses, source: LocalSource): boolean {
  return uses.some((each) => each.uses.some((use) => use.source === source))
}

interface KeyToPath {
  readonly key: string
  readonly path: string
}

interface Volume {
  readonly name: string
  readonly persistentVolumeClaim?: object
  readonly secret?: Projection & { readonly secretName?: string }
  readonly configMap?: NamedProjection
  readonly projected?: {
    readonly sources?: readonly {
      readonly secret?: NamedProjection
      readonly configMap?: NamedProjection
    }[]
  }
}

interface Projection {
  readonly items?: readonly KeyToPath[]
  readonly optional?: boolean
}

interface NamedProjection extends Projection {
  readonly name?: string
}

interface NamedKey {
  readonly name?: string
  readonly key: string
  readonly optional?: boolean
}

interface Container {
  readonly name: string
  readonly ports?: readonly { readonly hostPort?: number }[]
  readonly restartPolicy?: string
  readonly env?: readonly {
    readonly valueFrom?: { readonly secretKeyRef?: NamedKey; readonly configMapKeyRef?: NamedKey }
  }[]
  readonly envFrom?: readonly {
    readonly secretRef?: Omit<NamedKey, 'key'>
    readonly configMapRef?: Omit<NamedKey, 'key'>
  }[]
  readonly volumeMounts?: readonly { name: string; subPath?: string; subPathExpr?: string }[]
}

/** The part of a core/v1 PodSpec that can refer to sources. */
export interface PodSpec {
  readonly hostNetwork?: boolean
  readonly initContainers?: readonly Container[]
  readonly containers?: readonly Container[]
  readonly ephemeralContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
}

/** The uses of every container of a pod spec, sidecars included. `imagePullSecrets` are no use. */
export function usesOf(spec: PodSpec): PodUses {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  const read = (init: boolean) => (container: Container) => ({
    container: container.name,
    // A sidecar (KEP-753) is an init container that keeps running: its start counts like any other's.
    init: init && container.restartPolicy !== 'Always',
    uses: distinct([...environmentUses(container), ...mountUses(container, volumes)]),
  })
  return [
    ...(spec.initContainers ?? []).map(read(true)),
    ...(spec.containers ?? []).map(read(false)),
    ...(spec.ephemeralContainers ?? []).map((each) => ({ ...read(false)(each), ephemeral: true })),
  ].filter(({ uses }) => uses.length > 0)
}

function* environmentUses(container: Container): Generator<Use> {
  for (const { valueFrom } of container.env ?? []) {
    for (const [kind, ref] of refs(valueFrom?.secretKeyRef, valueFrom?.configMapKeyRef)) {
      const { name, key: selector, optional = false } = ref
      yield { source: localSource({ kind, name }), selector, mode: 'env', optional }
    }
  }
  for (const { secretRef, configMapRef } of container.envFrom ?? []) {
    for (const [kind, { name, optional = false }] of refs(secretRef, configMapRef)) {
      const source = localSource({ kind, name })
      yield { source, selector: ALL_KEYS, mode: 'envFrom', optional }
    }
  }
}

/** The references that are there, each with the kind of its source. */
function* refs<Ref extends { readonly name?: string }>(
  secret: Ref | undefined,
  configMap: Ref | undefined,
): Generator<[KindOfSource, Ref & { readonly name: string }]> {
  if (secret?.name) yield ['Secret', { ...secret, name: secret.name }]
  if (configMap?.name) yield ['ConfigMap', { ...configMap, name: configMap.name }]
}

function* mountUses(container: Container, volumes: ReadonlyMap<string, Volume>): Generator<Use> {
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name)
    if (!volume || volume.name.startsWith(SERVICE_ACCOUNT_VOLUME)) continue
    const path = segments(mount.subPath ?? '')
    const partial = path.length > 0 || Boolean(mount.subPathExpr)
    for (const { source, items, optional, shared } of sourcesIn(volume)) {
      const mode = partial ? 'subPath' : 'volume'
      for (const selector of selectors(items, inPayload(path))) {
        // Several sources of one volume can each lack the file that a subPath names: absence is content there.
        const lenient = optional || (shared && partial && !items)
        const emptyFolder = path.length > 0 && !items && selector !== ALL_KEYS
        yield { source, selector, mode, optional: lenient, ...(emptyFolder && { emptyFolder }) }
      }
    }
  }
}

/**
 * Every pod gets such a volume, with a token and the ConfigMap `kube-root-ca.crt`. Its files are live, and no workload is
 * restarted for the cluster's own certificates.
 * Source: kubernetes/plugin/pkg/admission/serviceaccount/admission.go, ServiceAccountVolumeName.
 */
const SERVICE_ACCOUNT_VOLUME = 'kube-api-access-'

interface MountedSource {
  readonly source: LocalSource
  readonly items: readonly KeyToPath[] | undefined
  readonly optional: boolean
  readonly shared: boolean
}

function* sourcesIn({ secret, configMap, projected }: Volume): Generator<MountedSource> {
  const whole = refs<NamedProjection>(
    secret?.secretName ? { ...secret, name: secret.secretName } : undefined,
    configMap,
  )
  for (const [kind, { name, items, optional = false }] of whole) {
    yield { source: localSource({ kind, name }), items, optional, shared: false }
  }
  const parts = projected?.sources ?? []
  for (const part of parts) {
    for (const [kind, { name, items, optional = false }] of refs(part.secret, part.configMap)) {
      yield { source: localSource({ kind, name }), items, optional, shared: parts.length > 1 }
    }
  }
}

/**
 * Which keys stand behind a path of a volume. Without `items` a key is the file of its own name; with
 * them, a path can be a file or a folder of files. A `subPathExpr` can be any path, so all of them.
 */
function selectors(items: readonly KeyToPath[] | undefined, path: readonly string[]): string[] {
  if (!items) return [path[0] ?? ALL_KEYS]
  const isBelow = (file: readonly string[]) => path.every((each, index) => file[index] === each)
  return items.filter((item) => isBelow(segments(item.path))).map(({ key }) => key)
}

/** The names on a path, as the file system follows it: `.` and repeated slashes lead nowhere. */
function segments(path: string): string[] {
  return path.split('/').filter((each) => each !== '' && each !== '.')
}

/**
 * The path below the folder that holds the files. Names that begin with `..` are the kubelet's own: `..data` is a link to
 * the folder of the newest content, and no key and no path of an item may begin so. Mounted alone it is all keys.
 * Source: kubernetes/pkg/volume/util/atomic_writer.go, pkg/apis/core/validation (validateLocalNonReservedPath).
 */
function inPayload(path: readonly string[]): readonly string[] {
  return path[0]?.startsWith('..') ? path.slice(1) : path
}

function distinct(uses: readonly Use[]): Use[] {
  const byIdentity = new Map<string, Use>()
  for (const use of uses) {
    const id = JSON.stringify([use.source, use.selector, use.mode])
    const same = byIdentity.get(id)
    // Required by one reference is required: the container does not start without it.
    byIdentity.set(id, same ? { ...use, optional: same.optional && use.optional } : use)
  }
  return [...byIdentity.values()]
}
