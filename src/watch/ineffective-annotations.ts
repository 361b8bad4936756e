/**
 * Which objects carry annotations and labels that can have no effect there, kept current by the watches.
 *
 * A pod shows the annotations of its template: what it carries is reported on its controller, and that of a Job on its
 * CronJob. Of all other objects nothing is kept.
 */
import { WORKLOAD_KINDS } from '../workloads/kinds/kinds.ts'
import {
  ineffectiveMarks,
  type Ineffective,
  type Marked,
  type Reader,
} from '../workloads/ineffective.ts'
import type { OwnerReference } from '../workloads/pod.ts'

type Subject = Ineffective['subject']

interface Raw {
  readonly metadata: Marked & {
    readonly namespace?: string
    readonly name: string
    readonly uid: string
    readonly ownerReferences?: readonly (OwnerReference & { readonly apiVersion: string })[]
  }
  /** Of a workload; others are known by their metadata alone. */
  readonly spec?: { readonly template?: { readonly metadata?: Marked } }
}

/** By the plural of the watch. */
const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string, Reader]>> = {
  namespaces: ['v1', 'Namespace', 'workload'],
  secrets: ['v1', 'Secret', 'source'],
  configmaps: ['v1', 'ConfigMap', 'source'],
  pods: ['v1', 'Pod', 'nobody'],
  replicasets: ['apps/v1', 'ReplicaSet', 'nobody'],
  jobs: ['batch/v1', 'Job', 'nobody'],
  cronjobs: ['batch/v1', 'CronJob', 'nobody'],
  ...Object.fromEntries(
    WORKLOAD_KINDS.map(({ apiVersion, kind, plural }) => [plural, [apiVersion, kind, 'workload']]),
  ),
}
/** Labels that controllers of workloads put on what they make, which has the annotations of the workload or its template. */
const OF_WORKLOAD = ['pod-template-hash', 'controller-revision-hash']

export class IneffectiveAnnotations {
  readonly #onChanged: () => void
  /** By the UID of what carries them. */
  readonly #found = new Map<string, Ineffective>()
  /** What stands between a pod and the object that a person wrote, by UID. */
  readonly #controllers = new Map<string, Subject>()

  /** @param onChanged told whenever {@link list} may have changed */
  constructor(onChanged: () => void) {
    this.#onChanged = onChanged
  }

  /** An object of a watch was delivered; `resource` is the plural of its kind. */
  apply(resource: string, { metadata, spec }: Raw): void {
    const [apiVersion, kind, reader] = KINDS[resource] ?? []
    if (apiVersion === undefined || kind === undefined || reader === undefined) return
    const { name, namespace = name, uid, labels } = metadata
    // The workload answers for them: a Deployment copies its annotations to its ReplicaSets, and its template's to their pods.
    if (reader === 'nobody' && OF_WORKLOAD.some((label) => labels?.[label] !== undefined)) return
    const own = { apiVersion, kind, namespace, name, uid }
    const controller = controllerOf(metadata)
    if (controller && kind !== 'Pod') this.#controllers.set(uid, controller)
    const marks = [metadata, spec?.template?.metadata ?? {}].flatMap((marked) =>
      ineffectiveMarks(reader, marked),
    )
    const note = [...new Set(marks)].join('; ')
    if (note === (this.#found.get(uid)?.note ?? '')) return
    if (note === '') this.#found.delete(uid)
    else this.#found.set(uid, { subject: controller ?? own, note })
    this.#onChanged()
  }

  /** An object is gone. */
  remove(uid: string): void {
    this.#controllers.delete(uid)
    if (this.#found.delete(uid)) this.#onChanged()
  }

  /** Each object once. */
  list(): readonly Ineffective[] {
    const found = new Map<string, Ineffective>()
    for (const each of this.#found.values()) {
      const subject = this.#controllers.get(each.subject.uid) ?? each.subject
      found.set(subject.uid, { ...each, subject })
    }
    return [...found.values()]
  }
}

/** Its controller, in its own namespace: a static pod belongs to a Node, which nobody annotates. */
function controllerOf({ namespace, ownerReferences }: Raw['metadata']): Subject | undefined {
  const owner = ownerReferences?.find(({ controller, kind }) => controller && kind !== 'Node')
  if (!owner || namespace === undefined) return undefined
  const { apiVersion, kind, name, uid } = owner
  return { apiVersion, kind, namespace, name, uid }
}
