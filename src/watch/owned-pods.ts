/**
 * Which pods belong to which Deployment: through controller UIDs, from pod to ReplicaSet to Deployment, in any order of
 * events. A pod of another owner belongs to its controller, or to itself.
 */
import type { ReplicaSetRecord } from '../workloads/kinds/deployment.ts'
import type { PodRecord } from '../workloads/pod.ts'

/** Called with the UID of an owner, a Deployment or else a controller, of which something may have changed. */
export interface OwnedPodsListener {
  readonly podsChanged: (owner: string) => void
  /** Called as well if its pods may use something else now. */
  readonly usesChanged: (owner: string) => void
}

export class OwnedPods {
  readonly #listener: OwnedPodsListener
  readonly #replicaSets = new Map<string, ReplicaSetRecord>()
  readonly #replicaSetsOf = new Map<string, Set<string>>()
  readonly #pods = new Map<string, PodRecord>()
  readonly #podsOf = new Map<string, Set<string>>()
  /** What was answered for a Deployment: one and the same list for as long as nothing in it changes. */
  readonly #lists = new Map<string, readonly PodRecord[]>()

  constructor(listener: OwnedPodsListener) {
    this.#listener = listener
  }

  setReplicaSet(record: ReplicaSetRecord): void {
    this.removeReplicaSet(record.uid)
    this.#replicaSets.set(record.uid, record)
    addTo(this.#replicaSetsOf, record.deploymentUid, record.uid)
    this.#moved(record)
  }

  removeReplicaSet(uid: string): void {
    const record = this.#replicaSets.get(uid)
    if (!record) return
    this.#replicaSets.delete(uid)
    removeFrom(this.#replicaSetsOf, record.deploymentUid, uid)
    this.#moved(record)
  }

  setPod(pod: PodRecord): void {
    const { uid } = pod.ref
    if (!isKept(pod)) {
      this.removePod(uid)
      return
    }
    const before = this.#pods.get(uid)
    if (before && before.controllerUid !== pod.controllerUid) this.removePod(uid)
    this.#pods.set(uid, pod)
    addTo(this.#podsOf, pod.controllerUid, uid)
    this.#podsChanged(pod, before?.uses !== pod.uses)
  }

  removePod(uid: string): void {
    const pod = this.#pods.get(uid)
    if (!pod) return
    this.#pods.delete(uid)
    removeFrom(this.#podsOf, pod.controllerUid, uid)
    this.#podsChanged(pod, true)
  }

  pod(uid: string): PodRecord | undefined {
    return this.#pods.get(uid)
  }

  /** The pods of all ReplicaSets of a Deployment, or of a controller that belongs to none. */
  of(owner: string): readonly PodRecord[] {
    const known = this.#lists.get(owner)
    if (known) return known
    const pods: PodRecord[] = []
    for (const controller of this.#controllersOf(owner)) {
      for (const uid of this.#podsOf.get(controller) ?? []) {
        const pod = this.#pods.get(uid)
        if (pod) pods.push(pod)
      }
    }
    if (pods.length > 0) this.#lists.set(owner, pods)
    return pods
  }

  get sizes(): { readonly pods: number; readonly replicasets: number } {
    return { pods: this.#pods.size, replicasets: this.#replicaSets.size }
  }

  #controllersOf(owner: string): Iterable<string> {
    if (this.#replicaSets.has(owner)) return []
    return this.#replicaSetsOf.get(owner) ?? [owner]
  }

  #podsChanged({ controllerUid }: PodRecord, andTheirUses: boolean): void {
    const replicaSet = this.#replicaSets.get(controllerUid)
    this.#changed(replicaSet?.deploymentUid ?? controllerUid, andTheirUses)
  }

  /** The pods of a ReplicaSet belong to its Deployment from now on, or to itself again. */
  #moved({ uid, deploymentUid }: ReplicaSetRecord): void {
    this.#changed(deploymentUid, true)
    if (this.#podsOf.has(uid)) this.#changed(uid, true)
  }

  #changed(owner: string, andTheirUses: boolean): void {
    this.#lists.delete(owner)
    this.#listener.podsChanged(owner)
    if (andTheirUses) this.#listener.usesChanged(owner)
  }
}

/** Of a ReplicaSet, or it holds something: others are neither restarted nor asked about. */
function isKept({ owner, uses, terminal }: PodRecord): boolean {
  return owner.startsWith('ReplicaSet/') || (uses.length > 0 && !terminal)
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
