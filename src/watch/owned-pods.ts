/**
 * Which pods belong to which Deployment: through controller UIDs, from pod to ReplicaSet to Deployment, in whatever
 * order they are heard of.
 */
import type { ReplicaSetRecord } from '../consumers/deployment.ts'
import type { PodRecord } from '../consumers/pod.ts'

/** Told the UID of a Deployment of which something may have changed. */
export interface OwnedPodsListener {
  readonly podsChanged: (deployment: string) => void
  /** What its pods use; told besides. */
  readonly usesChanged: (deployment: string) => void
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
    this.#changed(record.deploymentUid, true)
  }

  removeReplicaSet(uid: string): void {
    const record = this.#replicaSets.get(uid)
    if (!record) return
    this.#replicaSets.delete(uid)
    removeFrom(this.#replicaSetsOf, record.deploymentUid, uid)
    this.#changed(record.deploymentUid, true)
  }

  setPod(pod: PodRecord): void {
    const { uid } = pod.ref
    const before = this.#pods.get(uid)
    if (before && before.replicaSetUid !== pod.replicaSetUid) this.removePod(uid)
    this.#pods.set(uid, pod)
    addTo(this.#podsOf, pod.replicaSetUid, uid)
    this.#podsChanged(pod, before?.uses !== pod.uses)
  }

  removePod(uid: string): void {
    const pod = this.#pods.get(uid)
    if (!pod) return
    this.#pods.delete(uid)
    removeFrom(this.#podsOf, pod.replicaSetUid, uid)
    this.#podsChanged(pod, true)
  }

  pod(uid: string): PodRecord | undefined {
    return this.#pods.get(uid)
  }

  /** The pods of all ReplicaSets of a Deployment. */
  of(deployment: string): readonly PodRecord[] {
    const known = this.#lists.get(deployment)
    if (known) return known
    const pods: PodRecord[] = []
    for (const replicaSet of this.#replicaSetsOf.get(deployment) ?? []) {
      for (const uid of this.#podsOf.get(replicaSet) ?? []) {
        const pod = this.#pods.get(uid)
        if (pod) pods.push(pod)
      }
    }
    if (pods.length > 0) this.#lists.set(deployment, pods)
    return pods
  }

  get sizes(): { readonly pods: number; readonly replicasets: number } {
    return { pods: this.#pods.size, replicasets: this.#replicaSets.size }
  }

  #podsChanged({ replicaSetUid }: PodRecord, andTheirUses: boolean): void {
    const owner = this.#replicaSets.get(replicaSetUid)
    if (owner) this.#changed(owner.deploymentUid, andTheirUses)
  }

  #changed(deployment: string, andTheirUses: boolean): void {
    this.#lists.delete(deployment)
    this.#listener.podsChanged(deployment)
    if (andTheirUses) this.#listener.usesChanged(deployment)
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key) ?? new Set()
  map.set(key, set.add(value))
}

function removeFrom(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key)
  set?.delete(value)
  if (set?.size === 0) map.delete(key)
}
