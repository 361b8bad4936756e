/**
 * Rendered manifests as objects.
 */
import type {
  V1ClusterRole,
  V1ConfigMap,
  V1CustomResourceDefinition,
  V1Deployment,
  V1NetworkPolicy,
  V1Role,
} from '@kubernetes/client-node'
import { parseAllDocuments } from 'yaml'

interface Kinds {
  ClusterRole: V1ClusterRole
  ConfigMap: V1ConfigMap
  CustomResourceDefinition: V1CustomResourceDefinition
  Deployment: V1Deployment
  NetworkPolicy: V1NetworkPolicy
  Role: V1Role
}

/** The objects of a kind in a rendering. */
export function objectsIn<Kind extends keyof Kinds>(yaml: string, kind: Kind): Kinds[Kind][] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as { kind: string })
    .filter((object): object is Kinds[Kind] & { kind: Kind } => object.kind === kind)
}
