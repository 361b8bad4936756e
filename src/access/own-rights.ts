/**
 * What the API server says of our own rights.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
import type { Right } from './rights.ts'
import type { Rule } from './grants.ts'
import type { KubeClient } from '../kube/client.ts'
import type { ApiCall } from '../kube/api-call.ts'

const REVIEWS = { group: 'authorization.k8s.io', version: 'v1', verb: 'create' } as const

/** The rules that hold for us in a namespace. @throws ApiError */
export async function ownRules(client: KubeClient, namespace: string): Promise<readonly Rule[]> {
  const { status } = await client.request<{ status: { resourceRules?: readonly Partial<Rule>[] } }>(
    review('SelfSubjectRulesReview', 'selfsubjectrulesreviews', { namespace }),
  )
  return (status.resourceRules ?? []).map(
    ({ apiGroups = [], resources = [], verbs = [], resourceNames }) => ({
      apiGroups,
      resources,
      verbs,
      ...(resourceNames && { resourceNames }),
    }),
  )
}

/** Whether we have a right, whatever grants it. @throws ApiError */
export async function isAllowed(client: KubeClient, right: Right): Promise<boolean> {
  const { verb, apiGroup: group, name, namespace } = right
  const [resource, subresource] = right.resource.split('/')
  const { status } = await client.request<{ status: { allowed: boolean } }>(
    review('SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
      resourceAttributes: { verb, group, resource, subresource, name, namespace },
    }),
  )
  return status.allowed
}

function review(kind: string, resource: string, spec: object): ApiCall {
  return { ...REVIEWS, resource, body: { apiVersion: 'authorization.k8s.io/v1', kind, spec } }
}
