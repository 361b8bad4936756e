/**
 * A pod as Sluice keeps it: what the plan needs to know whether it is stale and whether it is well. Pure.
 *
 * All times are milliseconds. Unless a field says "node clock", they are on the API server's clock.
 */
import { RESTART_ID } from '../model/annotations.ts'
import { sharedText } from '../model/shared-text.ts'
import type { PodRef } from '../model/refs.ts'
import { endOfSecond, newestManagedTime, type ManagedField } from '../model/managed-time.ts'
import { isTrue, sinceWhen, type Condition } from '../model/condition.ts'
import { usesOf, type PodSpec, type PodUses } from './uses.ts'

/** One container, init containers included. */
export interface ContainerRecord {
  readonly name: string
  /** An ordinary init container, which ends before the others start; a sidecar is none. */
  readonly init: boolean
  /** Identity of the running or last instance, as much of it as tells it apart; `undefined` before the first. */
  readonly id: string | undefined
  readonly state: 'waiting' | 'running' | 'terminated'
  /** Why it waits, as the kubelet says it: CrashLoopBackOff, ImagePullBackOff, … */
  readonly waitingReason: string | undefined
  /** Node clock. */
  readonly startedAt: number | undefined
  readonly restarts: number
  /** When the instance before this one started, and how long it ran (ms); node clock. */
  readonly lastRun: { readonly startedAt: number; readonly duration: number } | undefined
  /** This instance did not exist yet at this time: an earlier status of the kubelet showed another or none. */
  readonly absentAt: number
  /** This instance existed at this time: the kubelet wrote a status with it. */
  readonly presentAt: number
}

/** A pod of any owner. */
export interface PodRecord {
  readonly ref: PodRef
  /** UID of its controller; its own where nothing controls it. */
  readonly controllerUid: string
  /** `Job/backup`: its controller, or itself where nothing controls it. */
  readonly owner: string
  /** The restart id in the template that it was made from. */
  readonly restartId: string | undefined
  /** The hash of that template. */
  readonly templateHash: string | undefined
  readonly createdAt: number
  /** The resourceVersion of the event that it came into being with; `undefined` where that was not seen. */
  readonly createdVersion: string | undefined
  /** Phase Failed or Succeeded: it is nobody's. */
  readonly terminal: boolean
  readonly terminating: boolean
  /** Since when it is terminating, and until when its grace period lasts. */
  readonly leaving: { readonly since: number; readonly until: number } | undefined
  /** When it got a node; `undefined` while it has none. */
  readonly scheduledAt: number | undefined
  readonly ready: boolean
  /** Since when it is Ready, at the latest; `undefined` while it is not. */
  readonly readyAt: number | undefined
  /** Since when it is not Ready; `undefined` while it is. */
  readonly unreadyAt: number | undefined
  /** How far the node's clock seems to be ahead of the cluster's; `undefined` where nothing tells. */
  readonly clockSkew: number | undefined
  readonly uses: PodUses
  /** None of a pod that uses nothing: its containers matter to nobody. */
  readonly containers: readonly ContainerRecord[]
  /** When the kubelet last wrote the container statuses. */
  readonly statusAt: number
}

interface RawContainerStatus {
  readonly name: string
  readonly containerID?: string
  readonly restartCount?: number
  readonly state?: {
    readonly waiting?: { readonly reason?: string }
    readonly running?: { readonly startedAt?: string }
    readonly terminated?: { readonly startedAt?: string }
  }
  readonly lastState?: {
    readonly terminated?: { readonly startedAt?: string; readonly finishedAt?: string }
  }
}

/** The part of a core/v1 Pod that is read. */
export interface RawPod {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion?: string
    readonly creationTimestamp: string
    readonly deletionTimestamp?: string
    readonly deletionGracePeriodSeconds?: number
    readonly annotations?: Readonly<Record<string, string>>
    readonly labels?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly OwnerReference[]
    readonly managedFields?: readonly ManagedField[]
  }
  readonly spec: PodSpec & { readonly nodeName?: string }
  readonly status?: {
    readonly phase?: string
    readonly startTime?: string
    readonly conditions?: readonly Condition[]
    readonly initContainerStatuses?: readonly RawContainerStatus[]
    readonly containerStatuses?: readonly RawContainerStatus[]
    readonly ephemeralContainerStatuses?: readonly RawContainerStatus[]
  }
}

/** The part of an ownerReference that is read. */
export interface OwnerReference {
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
}

/** The controller of an object, of `kind` if given; names and selectors prove nothing. */
export function controllerOf(
  owners: readonly OwnerReference[] | undefined,
  kind?: string,
): OwnerReference | undefined {
  return owners?.find(
    (owner) => owner.controller === true && (kind === undefined || owner.kind === kind),
  )
}

/** Labels that name the template of a pod: of a Deployment, and of a StatefulSet or DaemonSet. */
const TEMPLATE_HASHES = ['pod-template-hash', 'controller-revision-hash']

/** Gives equal lists of uses one identity, so that the pods of a workload share it. */
export type Intern = (uses: PodUses) => PodUses

/**
 * Reads a pod; `previous` is the record of the same pod from an earlier event, `now` the API server's time, `added` whether
 * it comes with the event of its creation.
 */
export function readPod(
  raw: RawPod,
  previous: PodRecord | undefined,
  now: number,
  intern: Intern,
  added = false,
): PodRecord {
  const { namespace, name, uid, resourceVersion, creationTimestamp, deletionTimestamp } =
    raw.metadata
  const controller = controllerOf(raw.metadata.ownerReferences) ?? { kind: 'Pod', name, uid }
  const conditions = raw.status?.conditions
  const ready = isTrue(conditions, 'Ready')
  const createdAt = Date.parse(creationTimestamp)
  const scheduledAt = sinceWhen(conditions, 'PodScheduled', 'True')
  const writtenAt = newestManagedTime(raw.metadata.managedFields, ownsContainerStatuses)
  const shownAt = Math.min(writtenAt ?? Infinity, endOfSecond(now))
  const statuses = [
    ...(raw.status?.initContainerStatuses ?? []),
    ...(raw.status?.containerStatuses ?? []),
    ...(raw.status?.ephemeralContainerStatuses ?? []),
  ]
  const init = new Set(
    raw.spec.initContainers?.flatMap((each) =>
      each.restartPolicy === 'Always' ? [] : [each.name],
    ),
  )
  const uses = intern(usesOf(raw.spec))
  const containers =
    uses.length === 0
      ? NO_CONTAINERS
      : statuses.map((status) => ({
          ...readContainer(status, previous, shownAt),
          init: init.has(status.name),
        }))
  // A restarted container begins its calm time anew, even where no event in between showed it not Ready.
  const calm = previous !== undefined && restartsOf(previous.containers) === restartsOf(containers)
  return {
    ref: { namespace: sharedText(namespace), name, uid },
    controllerUid: sharedText(controller.uid),
    owner: previous?.owner ?? sharedText(`${controller.kind}/${controller.name}`),
    restartId: optional(raw.metadata.annotations?.[RESTART_ID]),
    templateHash: optional(
      TEMPLATE_HASHES.map((name) => raw.metadata.labels?.[name]).find(Boolean),
    ),
    createdAt,
    createdVersion: previous ? previous.createdVersion : added ? resourceVersion : undefined,
    terminal: raw.status?.phase === 'Failed' || raw.status?.phase === 'Succeeded',
    terminating: deletionTimestamp !== undefined,
    leaving: leavingOf(raw.metadata),
    scheduledAt: raw.spec.nodeName === undefined ? undefined : (scheduledAt ?? createdAt),
    ready,
    // Both are later than the moment it became Ready: the status that says so, and our seeing it.
    readyAt: ready ? ((calm ? previous.readyAt : undefined) ?? Math.min(shownAt, now)) : undefined,
    // A node's clock that runs ahead must not put it off for ever. Not the kubelet alone writes the condition: of a lost
    // node kube-controller-manager does (kubernetes/pkg/controller/util/node/controller_utils.go, MarkPodsNotReady).
    unreadyAt: ready
      ? undefined
      : Math.min(
          sinceWhen(conditions, 'Ready', 'False') ?? createdAt,
          newestManagedTime(raw.metadata.managedFields, ownsStatus) ?? Infinity,
          endOfSecond(now),
        ),
    clockSkew: skew(raw.status?.startTime, scheduledAt),
    uses,
    containers,
    // Before its first status a pod is as it was created, however late that is heard of.
    statusAt: writtenAt ?? endOfSecond(createdAt),
  }
}

/**
 * The deletionTimestamp is the moment at which the grace period ends.
 * Source: apiserver/pkg/registry/rest/delete.go, BeforeDelete.
 */
function leavingOf({
  deletionTimestamp,
  deletionGracePeriodSeconds: grace = 0,
}: RawPod['metadata']): PodRecord['leaving'] {
  if (deletionTimestamp === undefined) return undefined
  const until = Date.parse(deletionTimestamp)
  return { since: until - grace * 1000, until }
}

const NO_CONTAINERS: readonly ContainerRecord[] = []

function optional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : sharedText(text)
}

function restartsOf(containers: readonly ContainerRecord[]): number {
  return containers.reduce((sum, { restarts }) => sum + restarts, 0)
}

/** Hex digits of a container ID that are kept, as docker and crictl show them: a longer slice would keep the whole. */
const ID_LENGTH = 12

function readContainer(
  raw: RawContainerStatus,
  previousPod: PodRecord | undefined,
  shownAt: number,
): Omit<ContainerRecord, 'init'> {
  const { name, containerID, restartCount: restarts = 0, state = {} } = raw
  const id = containerID?.slice(-ID_LENGTH)
  const previous = previousPod?.containers.find((container) => container.name === name)
  const same = previous?.id === id && previous
  const startedAt = Date.parse(state.running?.startedAt ?? state.terminated?.startedAt ?? '')
  return {
    name: sharedText(name),
    id,
    state: state.running ? 'running' : state.terminated ? 'terminated' : 'waiting',
    waitingReason: optional(state.waiting?.reason),
    startedAt: Number.isNaN(startedAt) ? undefined : startedAt,
    restarts,
    lastRun: lastRunOf(raw),
    // The beginning of the second in which the kubelet wrote the earlier status.
    absentAt: same ? same.absentAt : previousPod ? previousPod.statusAt - 1000 : -Infinity,
    presentAt: same ? same.presentAt : shownAt,
  }
}

function lastRunOf({ lastState }: RawContainerStatus): ContainerRecord['lastRun'] {
  const { startedAt, finishedAt } = lastState?.terminated ?? {}
  const [start, end] = [Date.parse(startedAt ?? ''), Date.parse(finishedAt ?? '')]
  return Number.isNaN(end - start) ? undefined : { startedAt: start, duration: end - start }
}

/**
 * The scheduler's PodScheduled time and the kubelet's startTime are a moment apart in truth; a large difference
 * says that the node's clock is off (or that the kubelet was down: then its times prove little as well).
 */
function skew(startTime: string | undefined, scheduledAt: number | undefined): number | undefined {
  const difference = Date.parse(startTime ?? '') - (scheduledAt ?? NaN)
  return Number.isNaN(difference) ? undefined : difference
}

function ownsContainerStatuses(field: ManagedField): boolean {
  return 'f:containerStatuses' in statusOwnedIn(field)
}

function ownsStatus(field: ManagedField): boolean {
  return Object.keys(statusOwnedIn(field)).length > 0
}

function statusOwnedIn({ subresource, fieldsV1 }: ManagedField): object {
  const status = fieldsV1?.['f:status']
  return subresource === 'status' && typeof status === 'object' && status !== null ? status : {}
}
