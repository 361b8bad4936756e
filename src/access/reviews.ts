/**
 * Who has sent us a token and what he may do, by the API server's word.
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 * https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
 */
import type { KubeClient } from '../kube/client.ts'

/** Whose token it is; passed on as it came. */
export interface User {
  readonly username: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** Whose token it is; undefined if it is nobody's. @throws ApiError */
export async function ownerOf(client: KubeClient, token: string): Promise<User | undefined> {
  const { status } = await client.request<{ status: { authenticated?: boolean; user?: User } }>({
    verb: 'create',
    group: 'authentication.k8s.io',
    version: 'v1',
    resource: 'tokenreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
  })
  return status.authenticated === true ? status.user : undefined
}

/** Whether somebody may `get` a path that is no resource, such as `/metrics`. @throws ApiError */
export async function mayGet(client: KubeClient, user: User, path: string): Promise<boolean> {
  const { username, uid, groups, extra } = user
  const { status } = await client.request<{ status: { allowed: boolean } }>({
    verb: 'create',
    group: 'authorization.k8s.io',
    version: 'v1',
    resource: 'subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { nonResourceAttributes: { path, verb: 'get' }, user: username, uid, groups, extra },
    },
  })
  return status.allowed
}
