/**
 * A test cluster with Sluice's shipped manifests installed, and a namespace for each test.
 */
import { readFileSync } from 'node:fs'
import type { V1Deployment } from '@kubernetes/client-node'
import { RESTART_ON_CHANGE } from '../../src/model/annotations.ts'
import { INSTALL_FILE, render } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { deployment, namespace, secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { grantedByName } from './named-access.ts'

/**
 * Starts a cluster and installs what a user installs, or an overlay instead; the operator itself runs as a local process.
 *
 * Where no overlay is asked for, SLUICE_TEST_ACCESS chooses how Secrets are read: `cluster` (the default) or `named`, with
 * the overlay for it.
 */
export async function startInstalledCluster(overlay?: string): Promise<TestCluster> {
  const access = process.env['SLUICE_TEST_ACCESS'] ?? 'cluster'
  if (access !== 'cluster' && access !== 'named') {
    throw new Error(`SLUICE_TEST_ACCESS: expected cluster or named, found "${access}"`)
  }
  const named = overlay === undefined && access === 'named'
  const cluster = await startCluster()
  await install(cluster, overlay ?? (named ? 'named' : undefined))
  return named ? grantedByName(cluster) : cluster
}

/** Installs Sluice, or an overlay, but for its pod: that would run beside the process under test. */
export async function install(cluster: TestCluster, folder?: string): Promise<void> {
  const input =
    folder === undefined ? readFileSync(INSTALL_FILE, 'utf8') : await render(`overlays/${folder}`)
  await cluster.kubectl(['apply', '--server-side', '--filename=-', '--warnings-as-errors'], {
    input,
  })
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/consumers.sluice.dev'])
  await cluster.kubectl(['scale', 'deployment/sluice', '--namespace=sluice-system', '--replicas=0'])
}

let namespaces = 0

/** A namespace of its own; what is in it goes with {@link removeNamespace}. */
export async function freshNamespace(
  cluster: TestCluster,
  annotations?: Record<string, string>,
): Promise<string> {
  const name = `shop-${++namespaces}`
  await cluster.apply(namespace({ name, ...(annotations && { annotations }) }))
  return name
}

/** Deletes a namespace with all in it, so that no later test shares a budget with it. */
export async function removeNamespace(cluster: TestCluster, name: string): Promise<void> {
  await cluster.kubectl([
    'delete',
    'deployments,statefulsets,daemonsets',
    '--all',
    `--namespace=${name}`,
    '--wait=true',
  ])
  await cluster.kubectl(['delete', 'namespace', name, '--wait=false'])
}

/** The Secret `db`, with one password and a key that nobody consumes. */
export function dbSecret(inNamespace: string, password: string, other = 'unused'): object {
  return secret({ name: 'db', namespace: inNamespace, data: { password, other } })
}

/** A Deployment that opted in and uses the Secret `db`. */
export function consumerOf(
  mode: 'env' | 'envFrom' | 'subPath' | 'volume',
  options: Parameters<typeof deployment>[0],
): V1Deployment {
  return deployment({
    uses: [{ secret: 'db', mode }],
    ...options,
    annotations: { [RESTART_ON_CHANGE]: 'true', ...options.annotations },
  })
}

/** Waits until all pods of the Deployments are Available. */
export async function available(
  cluster: TestCluster,
  inNamespace: string,
  ...names: readonly string[]
): Promise<void> {
  for (const name of names) {
    const path = `/apis/apps/v1/namespaces/${inNamespace}/deployments/${name}`
    await waitUntil(
      `${inNamespace}/${name} to be Available`,
      async () => {
        const found = await cluster.read<V1Deployment>(path)
        return found && isRolledOut(found)
          ? { value: true }
          : { instead: JSON.stringify(found?.status ?? 'no Deployment') }
      },
      { deadline: 60_000 },
    )
  }
}

/** As `kubectl rollout status` sees it: k8s.io/kubectl, pkg/polymorphichelpers/rollout_status.go. */
function isRolledOut({ metadata, spec, status }: V1Deployment): boolean {
  const {
    observedGeneration = 0,
    replicas = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
  } = status ?? {}
  return (
    observedGeneration >= (metadata?.generation ?? 0) &&
    updatedReplicas >= (spec?.replicas ?? 1) &&
    replicas <= updatedReplicas &&
    availableReplicas >= updatedReplicas
  )
}

/** A Consumer as a person reads it. */
export interface ConsumerView {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
  }
  readonly status?: {
    readonly state: string
    readonly reason: string
    readonly message: string
    readonly stalePods: number
    readonly unprovenPods: number
    readonly restart?: { readonly id: string; readonly strategy: string }
    readonly lastRestart?: { readonly id: string; readonly finishedAt: string }
    readonly sources?: readonly {
      readonly name: string
      readonly contents: readonly { readonly key: string; readonly timeline: readonly object[] }[]
    }[]
  }
}

/** The Consumer of a workload, if there is one: `statefulset/redis`, or the name of a Deployment. */
export function consumer(
  cluster: TestCluster,
  inNamespace: string,
  workload: string,
): Promise<ConsumerView | undefined> {
  const consumers = `/apis/sluice.dev/v1alpha1/namespaces/${inNamespace}/consumers`
  const name = workload.includes('/') ? workload.replace('/', '-') : `deployment-${workload}`
  return cluster.read<ConsumerView>(`${consumers}/${name}`)
}

/** Waits until the Consumer of a workload is in a state, and, where given, has a reason for it. */
export async function inState(
  cluster: TestCluster,
  inNamespace: string,
  name: string,
  state: string,
  reason?: string,
): Promise<ConsumerView> {
  return waitUntil(
    `${inNamespace}/${name} to be ${state} ${reason ?? ''}`,
    async () => {
      const seen = await consumer(cluster, inNamespace, name)
      const matches =
        seen?.status?.state === state && (reason === undefined || seen.status.reason === reason)
      return matches ? { value: seen } : { instead: JSON.stringify(seen?.status ?? 'no Consumer') }
    },
    { deadline: 60_000, every: 100 },
  )
}

/** Waits until a restart of a workload is recorded as finished, and nothing of it is stale. */
export async function restarted(
  cluster: TestCluster,
  inNamespace: string,
  name: string,
): Promise<void> {
  await waitUntil(
    `${inNamespace}/${name} to be restarted`,
    async () => {
      const status = (await consumer(cluster, inNamespace, name))?.status
      return status?.state === 'Fresh' && status.lastRestart
        ? { value: true }
        : { instead: JSON.stringify(status ?? 'no Consumer') }
    },
    { deadline: 60_000, every: 100 },
  )
}

/**
 * Waits until a second has passed since everything so far: times of the API server are whole seconds, and a test
 * that wants its pods beyond doubt older than a change must leave the margin between them.
 */
export async function beyondDoubt(margin = 1_000): Promise<void> {
  const until = Date.now() + margin + 1_000
  await waitUntil('the margin to pass', () => {
    const left = until - Date.now()
    return Promise.resolve(left < 0 ? { value: true } : { instead: `${left} ms left` })
  })
}
