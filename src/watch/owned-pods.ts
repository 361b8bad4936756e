/**
 * Which pods belong to which workload: through controller UIDs, by way of a ReplicaSet where one is between, in any order of
 * events. A pod of another owner belongs to its controller, or to itself.
 */
import { KINDS_OF_WORKLOAD } from '../model/refs.ts'
import type { ReplicaSetRecord } from '../workloads/replica-set.ts'
import type { PodRecord } from '../workloads/pod.ts'

/** Called with the UID of an owner, a workload or else a controller, of which something may have changed. */
export interface OwnedPodsListener {
  readonly podsChanged: (owner: string) => void
  /** Called as well if its pods may use something else now. */
  readonly usesChanged: (owner: string) => void
}

export class OwnedPods {
  readonly #listener: OwnedPodsListener
  /** UID of the workload by UID of its ReplicaSet: most have no pods any more, and there are many. */
  readonly #ownerOfReplicaSet = new Map<string, string>()
  readonly #pods = new Map<string, PodRecord>()
  /** By owner; one and the same list for as long as nothing in it changes. */
  readonly #podsOf = new Map<string, readonly PodRecord[]>()

  constructor(listener: OwnedPodsListener) {
    this.#listener = listener
  }

  setReplicaSet({ uid, ownerUid }: ReplicaSetRecord): void {
    if (this.#ownerOfReplicaSet.get(uid) === ownerUid) return
    this.removeReplicaSet(uid)
    this.#ownerOfReplicaSet.set(uid, ownerUid)
    this.#move(uid, uid, ownerUid)
  }

  removeReplicaSet(uid: string): void {
    const workload = this.#ownerOfReplicaSet.get(uid)
    if (workload === undefined) return
    this.#ownerOfReplicaSet.delete(uid)
    this.#move(uid, workload, uid)
  }

  setPod(pod: PodRecord): void {
    const { uid } = pod.ref
    if (!isKept(pod)) {
      this.removePod(uid)
      return
    }
    let before = this.#pods.get(uid)
    if (before && before.controllerUid !== pod.controllerUid) {
      this.removePod(uid)
      before = undefined
    }
    this.#pods.set(uid, pod)
    const owner = this.#ownerOf(pod)
    const known = this.of(owner)
    const next = before ? known.map((each) => (each === before ? pod : each)) : [...known, pod]
    this.#set(owner, next, before?.uses !== pod.uses)
  }

  removePod(uid: string): void {
    const pod = this.#pods.get(uid)
    if (!pod) return
    this.#pods.delete(uid)
    const owner = this.#ownerOf(pod)
    const others = this.of(owner).filter((each) => each !== pod)
    this.#set(owner, others, true)
  }

  pod(uid: string): PodRecord | undefined {
    return this.#pods.get(uid)
  }

  /** The pods of a workload, or of a controller that belongs to none. */
  of(owner: string): readonly PodRecord[] {
    return this.#podsOf.get(owner) ?? NO_PODS
  }

  get sizes(): { readonly pods: number; readonly replicasets: number } {
    return { pods: this.#pods.size, replicasets: this.#ownerOfReplicaSet.size }
  }

  #ownerOf({ controllerUid }: PodRecord): string {
    return this.#ownerOfReplicaSet.get(controllerUid) ?? controllerUid
  }

  /** The pods of a ReplicaSet belong to its workload from now on, or to itself again. */
  #move(replicaSet: string, from: string, to: string): void {
    const isOfIt = (pod: PodRecord) => pod.controllerUid === replicaSet
    const moving = this.of(from).filter(isOfIt)
    if (moving.length === 0) return
    this.#set(
      from,
      this.of(from).filter((pod) => !isOfIt(pod)),
      true,
    )
    this.#set(to, [...this.of(to), ...moving], true)
  }

  #set(owner: string, pods: readonly PodRecord[], andTheirUses: boolean): void {
    if (pods.length === 0) this.#podsOf.delete(owner)
    else this.#podsOf.set(owner, pods)
    this.#listener.podsChanged(owner)
    if (andTheirUses) this.#listener.usesChanged(owner)
  }
}

const NO_PODS: readonly PodRecord[] = []

/** Kinds of controllers whose pods are restarted. */
const RESTARTED: ReadonlySet<string> = new Set(['ReplicaSet', ...KINDS_OF_WORKLOAD])

/** Of a workload, or it holds something: others are neither restarted nor asked about. */
function isKept({ owner, uses, terminal }: PodRecord): boolean {
  return RESTARTED.has(owner.slice(0, owner.indexOf('/'))) || (uses.length > 0 && !terminal)
}

export function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key) ?? new Set()
  map.set(key, set.add(value))
}

export function removeFrom(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key)
  set?.delete(value)
  if (set?.size === 0) map.delete(key)
}
