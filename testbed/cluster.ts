import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { KubernetesObject } from '@kubernetes/client-node'
import { build } from './build.ts'
import { startControlPlane } from './controlplane.ts'
import { createApiClient } from './api-client.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { type HeldPod, startNodes } from './nodes.ts'

export type { HeldContainer } from './nodes.ts'

export interface TestCluster {
  /** `https://127.0.0.1:<port>` */
  readonly server: string
  /** The client URL of etcd, plain HTTP: its JSON gateway answers below `/v3`. */
  readonly etcdUrl: string
  /** The certificate authority of the API server, as PEM. */
  readonly certificateAuthority: string
  /** Scratch folder: logs, certificates, kubeconfigs. */
  readonly dir: string
  /** Path of the kubeconfig of the cluster's admin. */
  readonly kubeconfig: string
  /** Path of the audit log: one JSON event a line and a request, level Metadata. */
  readonly auditLog: string
  /** The HTTP endpoint of the node agent. */
  readonly nodesUrl: string
  /** Runs kubectl and returns what it printed; rejects with what it complained about. */
  kubectl(
    args: readonly string[],
    options?: { input?: string; kubeconfig?: string },
  ): Promise<string>
  /** Reads an object or a list as the admin, such as `/api/v1/pods`; undefined where there is none. */
  read<T>(path: string): Promise<T | undefined>
  /** Creates or changes objects, server-side, as the admin. */
  apply(...objects: readonly KubernetesObject[]): Promise<void>
  tokenFor(namespace: string, serviceAccount: string): Promise<string>
  /** Path of a kubeconfig that holds nothing but a token of the service account. */
  kubeconfigFor(namespace: string, serviceAccount: string): Promise<string>
  /** Kills the running instance of a container; the kubelet's rules decide when it starts again. */
  killContainer(namespace: string, pod: string, container: string): Promise<void>
  /** What every live container was really given, whatever anybody else believes. */
  heldContent(): Promise<HeldPod[]>
  stopApiServer(): Promise<void>
  startApiServer(): Promise<void>
  /** SIGKILL, and a new start on the same port. */
  restartApiServer(): Promise<void>
  /** Ends everything. Removes the scratch folder unless it was given or SLUICE_TEST_KEEP is set. */
  stop(): Promise<void>
}

/**
 * Starts a Kubernetes cluster of local processes: a real control plane, and
 * nodes that simulate their pods. Everything listens on 127.0.0.1 only.
 */
export async function startCluster(
  options: {
    nodes?: number
    audit?: boolean
    dir?: string
    /** Of the API server. */
    featureGates?: Readonly<Record<string, boolean>>
    log?: (line: string) => void
  } = {},
): Promise<TestCluster> {
  const log = options.log ?? ((line: string) => process.stderr.write(`test cluster: ${line}\n`))
  const binary = await build('controlplane', log)
  const nodesBinary = await build('nodes', log)

  const temporary = options.dir === undefined && process.env['SLUICE_TEST_KEEP'] === undefined
  const dir =
    options.dir === undefined
      ? mkdtempSync(join(tmpdir(), 'sluice-cluster-'))
      : resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  if (!temporary) log(`keeping its files in ${dir}`)

  try {
    const controlPlane = await startControlPlane({
      binary,
      dir,
      audit: options.audit ?? true,
      featureGates: options.featureGates ?? {},
      unexpectedEnd: log,
    })
    const kubeconfig = controlPlane.kubeconfig('admin')
    const nodes = await startNodes({
      binary: nodesBinary,
      dir,
      kubeconfig: controlPlane.kubeconfig('nodes'),
      nodes: options.nodes ?? 1,
      unexpectedEnd: log,
    }).catch(async (error: unknown) => {
      await controlPlane.stop()
      throw error
    })

    const api = createApiClient(controlPlane)
    const kubectl: TestCluster['kubectl'] = (args, { input, kubeconfig: other } = {}) =>
      runKubectl(
        binary,
        [`--kubeconfig=${other ?? kubeconfig}`, `--cache-dir=${dir}/kubectl`, ...args],
        input,
      )
    const tokenFor = async (namespace: string, serviceAccount: string): Promise<string> => {
      const token = await kubectl([
        'create',
        'token',
        serviceAccount,
        `--namespace=${namespace}`,
        '--duration=24h',
      ])
      return token.trim()
    }

    return {
      server: controlPlane.server,
      etcdUrl: controlPlane.etcdUrl,
      certificateAuthority: controlPlane.certificateAuthority,
      dir,
      kubeconfig,
      auditLog: controlPlane.auditLog,
      nodesUrl: nodes.url,
      kubectl,
      tokenFor,
      read: api.read,
      apply: api.apply,
      async kubeconfigFor(namespace, serviceAccount) {
        return writeKubeconfig(join(dir, `${namespace}.${serviceAccount}.kubeconfig`), {
          server: controlPlane.server,
          certificateAuthority: controlPlane.certificateAuthority,
          user: serviceAccount,
          token: await tokenFor(namespace, serviceAccount),
          namespace,
        })
      },
      killContainer: (namespace, pod, container) => nodes.kill(namespace, pod, container),
      heldContent: () => nodes.held(),
      stopApiServer: () => controlPlane.stopApiServer(),
      startApiServer: () => controlPlane.startApiServer(),
      async restartApiServer() {
        await controlPlane.stopApiServer()
        await controlPlane.startApiServer()
      },
      async stop() {
        await api.close()
        await nodes.stop()
        await controlPlane.stop()
        if (temporary) rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    throw new Error(`expected a test cluster, found a fault; its logs are in ${dir}`, {
      cause: error,
    })
  }
}

function runKubectl(binary: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      binary,
      ['kubectl', ...args],
      { maxBuffer: 256 * 1024 * 1024, env: { ...process.env, KUBERC: 'off' } },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else
          reject(new Error(`kubectl ${args.slice(2).join(' ')}: ${stderr.trim() || error.message}`))
      },
    )
    child.stdin?.on('error', () => {}) // kubectl may end before it has read everything
    child.stdin?.end(input)
  })
}
