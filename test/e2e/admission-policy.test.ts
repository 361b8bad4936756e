// With Sluice's own token, and every right that RBAC can give: the API server itself allows nothing but Sluice's own writes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INSTALL_FILE, render } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { daemonSet, deployment, namespace, secret, statefulSet } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { available } from './installed-cluster.ts'

let cluster: TestCluster
let sluice: string

/** Denied for what the request is, not because an expression of the policy failed. */
const DENIED =
  /ValidatingAdmissionPolicy 'sluice' with binding 'sluice' denied request: Sluice (does not|changes n)/

const SHOP = 'shop'
const ELSEWHERE = 'elsewhere'

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', '--server-side', `--filename=${INSTALL_FILE}`])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/consumers.sluice.dev'])
  await cluster.kubectl(['scale', 'deployment/sluice', '--namespace=sluice-system', '--replicas=0'])
  // More than any install gives: what is denied from here on is denied by the policy.
  await cluster.kubectl([
    'create',
    'clusterrolebinding',
    'too-much',
    '--clusterrole=cluster-admin',
    '--serviceaccount=sluice-system:sluice',
  ])
  sluice = await cluster.kubeconfigFor('sluice-system', 'sluice')
  await cluster.apply(
    namespace({ name: SHOP, labels: { 'sluice.dev/managed': 'true' } }),
    namespace({ name: ELSEWHERE, labels: { 'sluice.dev/managed': 'false' } }),
  )
  for (const space of [SHOP, ELSEWHERE]) {
    await cluster.apply(
      secret({ name: 'db', namespace: space, data: { password: 'x' } }),
      deployment({
        name: 'web',
        namespace: space,
        replicas: 2,
        labels: { team: 'shop' },
        annotations: { note: 'mine' },
        podAnnotations: { note: 'mine' },
        uses: [{ secret: 'db', mode: 'env' }],
      }),
    )
    await available(cluster, space, 'web')
  }
  // The policy takes effect a moment after it was created.
  await waitUntil('the policy to deny', async () => {
    const answer = await asSluice(['label', 'deployment/web', 'probe=1', `--namespace=${SHOP}`])
    if (answer.includes('ValidatingAdmissionPolicy')) return { value: true }
    await cluster.kubectl(['label', 'deployment/web', 'probe-', `--namespace=${SHOP}`])
    return { instead: answer }
  })
})
afterAll(async () => {
  await cluster.stop()
})

/** What kubectl says with Sluice's token: its output, or its complaint. */
function asSluice(args: readonly string[], input?: string): Promise<string> {
  return cluster
    .kubectl(args, { kubeconfig: sluice, ...(input !== undefined && { input }) })
    .catch((error: unknown) => (error instanceof Error ? error.message : 'unknown'))
}

/** A merge patch of the Deployment, with Sluice's token. */
function patched(patch: object, ...more: readonly string[]): Promise<string> {
  return patchedOf('deployment', patch, ...more)
}

function patchedOf(kind: string, patch: object, ...more: readonly string[]): Promise<string> {
  const args = ['patch', `${kind}/web`, `--namespace=${SHOP}`, '--type=merge', ...more]
  return asSluice([...args, `--patch=${JSON.stringify(patch)}`])
}

const template = (change: object) => ({ spec: { template: change } })
const pod = (change: object) => template({ spec: change })
const container = (change: object) => ({ name: 'app', image: 'registry.example/app:1', ...change })

describe('of a Deployment it cannot change', () => {
  test.each<[string, object]>([
    ['an image', pod({ containers: [container({ image: 'registry.example/evil:1' })] })],
    ['a command', pod({ containers: [container({ command: ['sh'] })] })],
    ['the environment', pod({ containers: [container({ env: [{ name: 'A', value: 'b' }] })] })],
    ['one more container', pod({ containers: [container({}), { ...container({}), name: 'b' }] })],
    ['an init container', pod({ initContainers: [{ ...container({}), name: 'init' }] })],
    ['the service account', pod({ serviceAccountName: 'admin' })],
    ['host namespaces', pod({ hostPID: true })],
    ['a volume', pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
    ['the node', pod({ nodeName: 'node-0' })],
    ['a label', { metadata: { labels: { team: 'evil' } } }],
    ['a label away', { metadata: { labels: { team: null } } }],
    ['a label of the template', template({ metadata: { labels: { team: 'evil' } } })],
    ['an annotation', { metadata: { annotations: { note: 'evil' } } }],
    [
      'an annotation of its own prefix',
      { metadata: { annotations: { 'sluice.dev/paused': 'true' } } },
    ],
    [
      'a foreign annotation of the template',
      template({ metadata: { annotations: { note: 'evil' } } }),
    ],
    [
      'a new annotation of the template',
      template({ metadata: { annotations: { other: 'evil' } } }),
    ],
    ['a foreign annotation away', template({ metadata: { annotations: { note: null } } })],
    [
      'another annotation of its own prefix',
      template({ metadata: { annotations: { 'sluice.dev/other': 'x' } } }),
    ],
    ['a finalizer', { metadata: { finalizers: ['sluice.dev/mine'] } }],
    [
      'an owner reference',
      {
        metadata: {
          ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'db', uid: 'some-uid' }],
        },
      },
    ],
    ['the number of replicas', { spec: { replicas: 0 } }],
    ['the strategy', { spec: { strategy: { rollingUpdate: { maxUnavailable: '100%' } } } }],
    ['spec.paused', { spec: { paused: true } }],
    ['the history', { spec: { revisionHistoryLimit: 0 } }],
    ['the time that a pod must be ready', { spec: { minReadySeconds: 5 } }],
  ])('%s', async (_, change) => {
    expect(await patched(change)).toMatch(DENIED)
  })

  test('its status', async () => {
    const change = { status: { replicas: 7 } }
    expect(await patched(change, '--subresource=status')).toMatch(DENIED)
  })

  test('its scale', async () => {
    const change = { spec: { replicas: 0 } }
    expect(await patched(change, '--subresource=scale')).toMatch(DENIED)
  })
})

describe.each(['statefulset', 'daemonset'])('of a %s', (kind) => {
  beforeAll(async () => {
    const options = { name: 'web', namespace: SHOP, annotations: { note: 'mine' } }
    await cluster.apply(kind === 'daemonset' ? daemonSet(options) : statefulSet(options))
  })
  afterAll(() => cluster.kubectl(['delete', `${kind}/web`, `--namespace=${SHOP}`, '--wait=true']))

  test.each<[string, object]>([
    ['an image', pod({ containers: [container({ image: 'registry.example/evil:1' })] })],
    ['the service account', pod({ serviceAccountName: 'admin' })],
    ['an annotation', { metadata: { annotations: { note: 'evil' } } }],
    ['an annotation away', { metadata: { annotations: { note: null } } }],
    ['a new annotation', { metadata: { annotations: { other: 'evil' } } }],
    ['a label', { metadata: { labels: { team: 'evil' } } }],
    ['an annotation of the template', template({ metadata: { annotations: { note: 'evil' } } })],
    [
      'the update strategy',
      { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } },
    ],
    ['the time that a pod must be ready', { spec: { minReadySeconds: 5 } }],
    [
      'an annotation beside its own of the template',
      {
        metadata: { annotations: { note: 'evil' } },
        ...template({ metadata: { annotations: { 'sluice.dev/restart-id': 'r0' } } }),
      },
    ],
  ])('it cannot change %s', async (_, change) => {
    expect(await patchedOf(kind, change)).toMatch(DENIED)
  })

  test('it can set its own annotation of the template, again and again', async () => {
    for (const id of ['r1', 'r2']) {
      const change = template({ metadata: { annotations: { 'sluice.dev/restart-id': id } } })
      expect(await patchedOf(kind, change)).toContain('patched')
    }
  })
})

describe('it cannot', () => {
  const inShop = `--namespace=${SHOP}`
  test.each<[string, readonly string[], object?]>([
    ['delete a Deployment', ['delete', 'deployment/web', inShop]],
    [
      'create a Deployment',
      ['create', '--filename=-'],
      deployment({ name: 'evil', namespace: SHOP }),
    ],
    ['delete a pod', ['delete', 'pods', '--selector=app=web', inShop]],
    ['create a pod', ['run', 'evil', '--image=registry.example/evil:1', inShop]],
    [
      'run a command in a pod',
      ['create', '--filename=-', '--raw=/api/v1/namespaces/shop/pods/web/exec'],
      {},
    ],
    ['delete a Secret', ['delete', 'secret/db', inShop]],
    ['create a Secret elsewhere', ['create', 'secret', 'generic', 'evil', inShop]],
    [
      'create another Secret at home',
      ['create', 'secret', 'generic', 'evil', '--namespace=sluice-system'],
    ],
    ['create another kind', ['create', 'configmap', 'evil', inShop]],
    ['scale another kind', ['create', 'job', 'evil', '--image=registry.example/evil:1', inShop]],
    ['grant itself rights', ['create', 'clusterrole', 'evil', '--verb=*', '--resource=*.*']],
    [
      'label a namespace',
      ['label', 'namespace', ELSEWHERE, 'sluice.dev/managed=true', '--overwrite'],
    ],
    ['take another Lease', ['create', '--filename=-'], lease('evil')],
  ])('%s', async (_, args, object) => {
    expect(await asSluice(args, object && JSON.stringify(object))).toMatch(DENIED)
  })

  test('evict a pod without its grace period', async () => {
    const answer = await evict(SHOP, { deleteOptions: { gracePeriodSeconds: 0 } })
    expect(answer).toContain('Sluice leaves a pod its grace period')
  })
})

describe('it can still', () => {
  test.each([SHOP, ELSEWHERE])('evict a pod of any namespace: of %s', async (space) => {
    expect(await evict(space)).toContain('"status":"Success"')
  })

  test('set its own annotation of the template', async () => {
    const change = template({ metadata: { annotations: { 'sluice.dev/restart-id': 'r1' } } })
    expect(await patched(change)).toContain('patched')
    const again = template({ metadata: { annotations: { 'sluice.dev/restart-id': 'r2' } } })
    expect(await patched(again)).toContain('patched')
  })

  test.each<[string, object]>([
    ['a Lease of its own', lease('sluice')],
    [
      'the Secret of its digests',
      secret({ name: 'sluice-digest-key', namespace: 'sluice-system', data: { key: 'x' } }),
    ],
    [
      'a Consumer',
      {
        apiVersion: 'sluice.dev/v1alpha1',
        kind: 'Consumer',
        metadata: { name: 'deployment-web', namespace: SHOP },
      },
    ],
  ])('create %s', async (_, object) => {
    const answer = await asSluice(['create', '--filename=-'], JSON.stringify(object))
    expect(answer).toContain('created')
  })
})

describe('where a mutating policy adds a label to every Deployment that is changed', () => {
  const restart = (id: string) =>
    patched(template({ metadata: { annotations: { 'sluice.dev/restart-id': id } } }))

  beforeAll(() => cluster.apply(...addsLabel([])))
  afterAll(async () => {
    await cluster.kubectl([
      'delete',
      'mutatingadmissionpolicybinding,mutatingadmissionpolicy',
      LABEL,
    ])
  })

  test('it cannot restart one, since nothing shows who of the two made the change', async () => {
    await waitUntil('the mutating policy to take effect', async () => {
      const answer = await restart(`r-${Date.now()}`)
      return answer.includes('Sluice changes no metadata') ? { value: true } : { instead: answer }
    })
  })

  test('it can where that policy skips its service account, as docs/least-privilege.md says', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/least-privilege.md'), 'utf8')
    const [, expression] = /name: not-sluice\n +expression: (.+)/.exec(page) ?? []
    await cluster.apply(...addsLabel([{ name: 'not-sluice', expression }]))
    await waitUntil('the mutating policy to skip Sluice', async () => {
      const answer = await restart(`r-${Date.now()}`)
      return answer.includes('patched') ? { value: true } : { instead: answer }
    })
  })
})

describe('with managed-namespaces', () => {
  const DENIES = 'Sluice evicts only in namespaces with the label sluice.dev/managed=true'

  beforeAll(async () => {
    const input = await render('overlays/managed-namespaces')
    await cluster.kubectl(['apply', '--server-side', '--filename=-'], { input })
  })

  test('it cannot evict a pod of a namespace that does not allow it', async () => {
    await waitUntil('the policy to deny', async () => {
      const answer = await evict(ELSEWHERE)
      return answer.includes(DENIES) ? { value: true } : { instead: answer }
    })
  })

  test('it can still evict a pod of a namespace that allows it', async () => {
    expect(await evict(SHOP)).toContain('"status":"Success"')
  })
})

test('nobody else is looked at', async () => {
  await cluster.kubectl([
    'label',
    'deployment/web',
    'team=other',
    '--overwrite',
    `--namespace=${SHOP}`,
  ])
})

const LABEL = 'cost-center'

/** A policy that adds a label, and its binding. */
function addsLabel(matchConditions: readonly object[]): KubernetesObject[] {
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const metadata = { name: LABEL }
  const deployments = {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    resources: ['deployments'],
    operations: ['UPDATE'],
  }
  const expression = `[JSONPatch{op: "add", path: "/metadata/labels/${LABEL}", value: "shop"}]`
  const objects: readonly (KubernetesObject & { spec: object })[] = [
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        matchConstraints: { resourceRules: [deployments] },
        matchConditions,
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
      },
    },
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: LABEL },
    },
  ]
  return [...objects]
}

function lease(name: string): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'sluice-system' },
  }
}

/** Evicts one pod of `web`. */
async function evict(space: string, options: object = {}): Promise<string> {
  const name = await cluster.kubectl([
    'get',
    'pods',
    '--selector=app=web',
    `--namespace=${space}`,
    '--output=jsonpath={.items[0].metadata.name}',
  ])
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: space },
    ...options,
  }
  const raw = `--raw=/api/v1/namespaces/${space}/pods/${name}/eviction`
  return asSluice(['create', '--filename=-', raw], JSON.stringify(body))
}
