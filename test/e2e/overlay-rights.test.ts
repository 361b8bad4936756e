// What the overlays take away from the rights of the default install, and what they give in their place.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { render } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { rightsIn } from './rights.ts'

let cluster: TestCluster
const LISTED = 'default'
const ELSEWHERE = 'kube-public'
/** One right of each of its roles: with these the authorizer knows them all. */
const ONE_OF_EACH = [
  'watch pods',
  'watch secrets',
  'create pods/eviction',
  'patch deployments.apps',
]
const base = { [LISTED]: [] as string[], [ELSEWHERE]: [] as string[] }

beforeAll(async () => {
  cluster = await startCluster()
  await apply('base')
  for (const namespace of [LISTED, ELSEWHERE] as const) {
    base[namespace] = await rightsWhere(namespace, (rights) =>
      ONE_OF_EACH.every((right) => rights.includes(right)),
    )
  }
})
afterAll(async () => {
  await cluster.stop()
})

test('namespaces: Secrets are read in the namespaces that are listed, and nowhere else', async () => {
  await install('overlays/namespaces')
  await changes(ELSEWHERE, ['- list secrets', '- watch secrets'])
  await changes(LISTED, [])
})

test('named: no Secret is read until a Role names it', async () => {
  await install('overlays/named')
  for (const namespace of [LISTED, ELSEWHERE] as const) {
    await changes(namespace, ['- list secrets', '- watch secrets'])
  }
})

test('evict-only: nothing of a workload can be changed', async () => {
  await install('overlays/evict-only')
  for (const namespace of [LISTED, ELSEWHERE] as const) {
    await changes(namespace, [
      '- patch daemonsets.apps',
      '- patch deployments.apps',
      '- patch statefulsets.apps',
    ])
  }
})

test('managed-namespaces: the rights are the same, the admission policy asks for more', async () => {
  await install('overlays/managed-namespaces')
  for (const namespace of [LISTED, ELSEWHERE] as const) await changes(namespace, [])
})

test('protected: Sluice may ask who reads its endpoints', async () => {
  await install('overlays/protected')
  const reviews = [
    '+ create subjectaccessreviews.authorization.k8s.io',
    '+ create tokenreviews.authentication.k8s.io',
  ]
  for (const namespace of [LISTED, ELSEWHERE] as const) await changes(namespace, reviews)
})

async function apply(folder: string): Promise<void> {
  const input = await render(folder)
  await cluster.kubectl(['apply', '--filename=-', '--warnings-as-errors'], { input })
}

/** Installs an overlay in place of what is there. */
async function install(folder: string): Promise<void> {
  const kinds = 'clusterroles,clusterrolebindings,roles,rolebindings'
  const own = ['--all-namespaces', '--selector=app.kubernetes.io/name=sluice']
  await cluster.kubectl(['delete', kinds, ...own])
  await rightsWhere(LISTED, (rights) => rights.length === 0)
  await apply(folder)
}

/** The authorizer follows what is applied with a delay. */
function rightsWhere(namespace: string, wanted: (rights: string[]) => boolean): Promise<string[]> {
  return waitUntil(`the rights in ${namespace}`, async () => {
    const rights = await rightsIn(cluster, namespace)
    return wanted(rights) ? { value: rights } : { instead: rights.join(', ') }
  })
}

/** Waits until the rights differ from those of the base in just this: `-` is taken away, `+` is given. */
async function changes(namespace: keyof typeof base, expected: readonly string[]): Promise<void> {
  const before = new Set(base[namespace])
  expect(before.size).toBeGreaterThan(10)
  await waitUntil(`the rights in ${namespace} to change by ${expected.join(', ')}`, async () => {
    const now = new Set(await rightsIn(cluster, namespace))
    const found = [
      ...[...before.difference(now)].map((right) => `- ${right}`),
      ...[...now.difference(before)].map((right) => `+ ${right}`),
    ]
    const same = found.join() === expected.join()
    return same ? { value: true } : { instead: found.join(', ') }
  })
}
