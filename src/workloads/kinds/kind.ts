/**
 * What Sluice knows about one kind of workload, and what is read of all kinds alike. Pure.
 */
import { ownAnnotations, RESTART_ID } from '../../model/annotations.ts'
import type { KindOfWorkload } from '../../model/refs.ts'
import { otherRestarter } from '../other-restarter.ts'
import type { Intern } from '../pod.ts'
import { usesOf } from '../uses.ts'
import type { RawWorkload, WorkloadRecord } from '../workload.ts'

/** Everything Sluice knows about one kind of workload. */
export interface WorkloadKind {
  readonly apiVersion: 'apps/v1'
  readonly kind: KindOfWorkload
  readonly plural: string
  /** Sluice may also restart it by one change of its pod template; else by evictions alone. */
  readonly rollsOut: boolean
  /** Reads an object of the kind. `previous` is what was known of the same one. */
  readonly read: (raw: RawWorkload, intern: Intern, previous?: WorkloadRecord) => WorkloadRecord
}

/** How long a new pod may take to be Ready (ms) where the kind has no such setting: the default of a Deployment. */
export const DEFAULT_DEADLINE = 600_000

type Common = Pick<
  WorkloadRecord,
  | 'ref'
  | 'resourceVersion'
  | 'annotations'
  | 'templateAnnotations'
  | 'otherRestarter'
  | 'minReady'
  | 'restartId'
  | 'lastRestartId'
  | 'uses'
  | 'observed'
  | 'deleting'
>

/** What is read of every kind alike. */
export function readCommon(
  { apiVersion, kind }: WorkloadKind,
  raw: RawWorkload,
  intern: Intern,
  previous: WorkloadRecord | undefined,
): Common {
  const { namespace, name, uid, resourceVersion, annotations } = raw.metadata
  const { template, minReadySeconds = 0 } = raw.spec
  const ofTemplate = template.metadata?.annotations
  const restartId = ofTemplate?.[RESTART_ID]
  return {
    ref: { apiVersion, kind, namespace, name, uid },
    resourceVersion,
    annotations: ownAnnotations(annotations),
    templateAnnotations: ownAnnotations(ofTemplate),
    otherRestarter: otherRestarter(annotations, ofTemplate),
    minReady: minReadySeconds * 1000,
    restartId,
    lastRestartId: restartId ?? previous?.lastRestartId,
    uses: intern(usesOf(template.spec)),
    observed: (raw.status?.observedGeneration ?? 0) >= (raw.metadata.generation ?? 0),
    deleting: raw.metadata.deletionTimestamp !== undefined,
  }
}

/** A Kubernetes IntOrString of pods, `2` or `"25%"`. The API server has validated it. */
export function podCount(
  value: number | string,
  replicas: number,
  round: (n: number) => number,
): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * replicas) / 100)
}
