/**
 * The rights of Sluice's service account, as the authorizer of a real API server sees them.
 */
import type { V1ResourceRule } from '@kubernetes/client-node'
import { expect } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { SLUICE } from './audit.ts'

const NOBODY = 'system:serviceaccount:sluice-system:nobody'

/** What Sluice may do in a namespace and an account without any binding may not, sorted. */
export async function rightsIn(cluster: TestCluster, namespace: string): Promise<string[]> {
  const rights = async (user: string): Promise<Set<string>> => {
    const { status } = await review<{
      status: { resourceRules: V1ResourceRule[]; incomplete: boolean }
    }>(cluster, 'SelfSubjectRulesReview', { namespace }, user)
    expect(status.incomplete).toBe(false)
    return new Set(status.resourceRules.flatMap(sentences))
  }
  const nobodys = await rights(NOBODY)
  return [...(await rights(SLUICE)).difference(nobodys)].sort()
}

/** A rule as `verb resource.group name`, one for each of its combinations. */
function sentences(rule: V1ResourceRule): string[] {
  return rule.verbs.flatMap((verb) =>
    (rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) => {
        const right = `${verb} ${resource}${group && `.${group}`}`
        return rule.resourceNames?.map((name) => `${right} ${name}`) ?? [right]
      }),
    ),
  )
}

/** Asks the authorizer, as the admin or as somebody else. */
export async function review<T>(
  cluster: TestCluster,
  kind: string,
  spec: object,
  as?: string,
): Promise<T> {
  const input = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind, spec })
  const impersonate = as === undefined ? [] : [`--as=${as}`, '--as-group=system:authenticated']
  // Validation by kubectl itself would ask for rights of its own.
  const args = ['create', '--filename=-', '--output=json', '--validate=false', ...impersonate]
  return JSON.parse(await cluster.kubectl(args, { input })) as T
}
