/**
 * Which objects carry annotations and labels that can have no effect there, kept current by the watches.
 *
 * A pod shows the annotations of its template: what it carries is reported on its controller, and that of a Job on its
 * CronJob. Of all other objects nothing is kept.
 */
import { RESTART_ON_CHANGE } from '../model/annotations.ts'
import {
  ineffectiveMarks,
  notReached,
  type Ineffective,
  type Marked,
  type Reader,
} from '../workloads/ineffective.ts'
import type { OwnerReference } from '../workloads/pod.ts'
import { optedIn } from '../workloads/settings.ts'

type Subject = Ineffective['subject']

interface Raw {
  readonly metadata: Marked & {
    readonly namespace?: string
    readonly name: string
    readonly uid: string
    readonly ownerReferences?: readonly (OwnerReference & { readonly apiVersion: string })[]
  }
  /** Of a Deployment; others are known by their metadata alone. */
  readonly spec?: { readonly template?: { readonly metadata?: Marked } }
}

/** By the plural of the watch. */
const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string, Reader]>> = {
  namespaces: ['v1', 'Namespace', 'workload'],
  secrets: ['v1', 'Secret', 'source'],
  configmaps: ['v1', 'ConfigMap', 'source'],
  pods: ['v1', 'Pod', 'nobody'],
  deployments: ['apps/v1', 'Deployment', 'workload'],
  replicasets: ['apps/v1', 'ReplicaSet', 'nobody'],
  statefulsets: ['apps/v1', 'StatefulSet', 'nobody'],
  daemonsets: ['apps/v1', 'DaemonSet', 'nobody'],
  jobs: ['batch/v1', 'Job', 'nobody'],
  cronjobs: ['batch/v1', 'CronJob', 'nobody'],
}
/** Whoever opts a Namespace in expects these to be restarted too. */
const EXPECTED: ReadonlySet<string> = new Set(['StatefulSet', 'DaemonSet'])
/** A label that the Deployment controller puts on its ReplicaSets, and these on their pods. */
const OF_DEPLOYMENT = 'pod-template-hash'

export class IneffectiveAnnotations {
  readonly #onChanged: () => void
  /** By the UID of what carries them. */
  readonly #found = new Map<string, Ineffective>()
  /** What stands between a pod and the object that a person wrote, by UID. */
  readonly #controllers = new Map<string, Subject>()
  /** Workloads that the opt-in of a Namespace does not reach, by UID. */
  readonly #unreached = new Map<string, Subject>()
  /** Namespaces that opt in, by UID. */
  readonly #optedIn = new Map<string, string>()

  /** @param onChanged told whenever {@link list} may have changed */
  constructor(onChanged: () => void) {
    this.#onChanged = onChanged
  }

  /** An object of a watch was delivered; `resource` is the plural of its kind. */
  apply(resource: string, { metadata, spec }: Raw): void {
    const [apiVersion, kind, reader] = KINDS[resource] ?? []
    if (apiVersion === undefined || kind === undefined || reader === undefined) return
    const { name, namespace = name, uid, labels, annotations } = metadata
    // The Deployment answers for them. It copies its annotations to its ReplicaSets, and its template's to their pods.
    if (reader === 'nobody' && labels?.[OF_DEPLOYMENT] !== undefined) return
    const own = { apiVersion, kind, namespace, name, uid }
    const controller = controllerOf(metadata)
    if (controller && kind !== 'Pod') this.#controllers.set(uid, controller)
    if (kind === 'Namespace') this.#setOptedIn(uid, name, annotations)
    if (EXPECTED.has(kind)) this.#setUnreached(own, annotations)
    const marks = [metadata, spec?.template?.metadata ?? {}].flatMap((marked) =>
      ineffectiveMarks(reader, marked),
    )
    const note = [...new Set(marks)].join('; ')
    if (note === (this.#found.get(uid)?.note ?? '')) return
    if (note === '') this.#found.delete(uid)
    else this.#found.set(uid, { subject: controller ?? own, note, byNamespace: false })
    this.#onChanged()
  }

  /** An object is gone. */
  remove(uid: string): void {
    this.#controllers.delete(uid)
    const maps = [this.#found, this.#unreached, this.#optedIn]
    if (maps.map((map) => map.delete(uid)).includes(true)) this.#onChanged()
  }

  /** Each object once; what it carries itself before what its Namespace says. */
  list(): readonly Ineffective[] {
    const found = new Map<string, Ineffective>()
    for (const each of this.#found.values()) {
      const subject = this.#controllers.get(each.subject.uid) ?? each.subject
      found.set(subject.uid, { ...each, subject })
    }
    const optedIn = new Set(this.#optedIn.values())
    for (const [uid, subject] of this.#unreached) {
      if (found.has(uid) || !optedIn.has(subject.namespace)) continue
      found.set(uid, { subject, note: notReached(subject.kind), byNamespace: true })
    }
    return [...found.values()]
  }

  #setOptedIn(uid: string, name: string, annotations: Marked['annotations']): void {
    const before = this.#optedIn.has(uid)
    const now = optedIn({ annotations: {}, templateAnnotations: {} }, annotations ?? {})
    if (now) this.#optedIn.set(uid, name)
    else this.#optedIn.delete(uid)
    if (before !== now) this.#onChanged()
  }

  #setUnreached(subject: Subject, annotations: Marked['annotations']): void {
    const before = this.#unreached.has(subject.uid)
    const now = annotations?.[RESTART_ON_CHANGE] !== 'false'
    if (now) this.#unreached.set(subject.uid, subject)
    else this.#unreached.delete(subject.uid)
    if (before !== now) this.#onChanged()
  }
}

/** Its controller, in its own namespace: a static pod belongs to a Node, which nobody annotates. */
function controllerOf({ namespace, ownerReferences }: Raw['metadata']): Subject | undefined {
  const owner = ownerReferences?.find(({ controller, kind }) => controller && kind !== 'Node')
  if (!owner || namespace === undefined) return undefined
  const { apiVersion, kind, name, uid } = owner
  return { apiVersion, kind, namespace, name, uid }
}
