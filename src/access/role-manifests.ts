/**
 * Grants as the objects that grant them: a role and its binding each, as YAML. Pure.
 */
import { stringify } from 'yaml'
import type { Grant } from './grants.ts'

const API_GROUP = 'rbac.authorization.k8s.io'
const SERVICE_ACCOUNT = 'sluice'

/** The documents that `kubectl apply` takes; `namespace` is that of Sluice's service account. */
export function roleManifests(grants: readonly Grant[], namespace: string): string {
  const subjects = [{ kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace }]
  return grants
    .flatMap((grant) => {
      const kind = grant.namespace === undefined ? 'ClusterRole' : 'Role'
      const metadata = {
        name: grant.name,
        ...(grant.namespace !== undefined && { namespace: grant.namespace }),
        labels: { 'app.kubernetes.io/name': SERVICE_ACCOUNT },
      }
      const roleRef = { apiGroup: API_GROUP, kind, name: grant.name }
      return [
        { apiVersion: `${API_GROUP}/v1`, kind, metadata, rules: grant.rules },
        { apiVersion: `${API_GROUP}/v1`, kind: `${kind}Binding`, metadata, roleRef, subjects },
      ]
    })
    .map((object) => stringify(object, { aliasDuplicateObjects: false }))
    .join('---\n')
}
