import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import { stringify } from 'yaml'
import { writeKubeconfig } from './kubeconfig.ts'
import { freePort } from './ports.ts'
import { type Child, startChild, tail } from './processes.ts'
import { type Seen, waitUntil } from './wait.ts'

const CONTROLLERS = [
  'clusterrole-aggregation-controller',
  'daemonset-controller',
  'deployment-controller',
  'disruption-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'replicaset-controller',
  'resourcequota-controller',
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'statefulset-controller',
]

/** The users of the test bed itself, each with a token and a kubeconfig of its own. */
const USERS = {
  admin: 'system:masters',
  nodes: 'system:masters',
  'system:kube-controller-manager': '',
  'system:kube-scheduler': '',
}
type User = keyof typeof USERS

export interface ControlPlane {
  readonly server: string
  readonly etcdUrl: string
  readonly certificateAuthority: string
  readonly auditLog: string
  /** The bearer token of the cluster's admin. */
  readonly adminToken: string
  kubeconfig(user: User): string
  /** Starts the API server where it was before, and waits until it is ready. */
  startApiServer(): Promise<void>
  /** Ends the API server as a crash would. */
  stopApiServer(): Promise<void>
  stop(): Promise<void>
}

/** Starts etcd, the API server, the controllers and the scheduler. */
export async function startControlPlane(options: {
  binary: string
  dir: string
  audit: boolean
  featureGates: Readonly<Record<string, boolean>>
  unexpectedEnd: (how: string) => void
}): Promise<ControlPlane> {
  const { binary, dir } = options
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const server = `https://127.0.0.1:${port}`
  const etcdUrl = `http://127.0.0.1:${etcdPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const certificates = join(dir, 'certificates')
  const certificate = join(certificates, 'apiserver.crt')
  const auditLog = join(dir, 'audit.log')
  mkdirSync(certificates)
  const tokens = writeTokens(join(dir, 'tokens.csv'))
  const keys = writeServiceAccountKeys(certificates)

  const children = new Map<string, Child>()
  const start = (name: string, args: readonly string[]): Child => {
    const child = startChild({
      name,
      command: binary,
      args: [name, ...args],
      logFile: join(dir, `${name}.log`),
      unexpectedEnd: options.unexpectedEnd,
    })
    children.set(name, child)
    return child
  }

  const apiServerArgs = [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${certificates}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${keys.publicKey}`,
    `--service-account-signing-key-file=${keys.privateKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--endpoint-reconciler-type=none',
    '--allow-privileged=true',
    ...(options.audit ? auditArgs(join(dir, 'audit-policy.yaml'), auditLog) : []),
    ...featureGateArgs(options.featureGates),
  ]
  const startApiServer = async (): Promise<void> => {
    const child = start('kube-apiserver', apiServerArgs)
    await ready(child, () => {
      if (!existsSync(certificate)) return Promise.resolve('no certificate yet')
      return probe(`${server}/readyz`, readFileSync(certificate, 'utf8'), tokens.admin)
    })
  }
  const stopApiServer = async (): Promise<void> => {
    await children.get('kube-apiserver')?.kill()
  }
  const stop = async (): Promise<void> => {
    // Clients first, so that none of them logs that its server has gone.
    for (const child of [...children.values()].reverse()) await child.kill()
  }

  try {
    const etcd = start('etcd', [
      '--unsafe-no-fsync',
      '--name=test',
      `--data-dir=${join(dir, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=test=${peerUrl}`,
      '--log-level=warn',
    ])
    await ready(etcd, () => probe(`${etcdUrl}/health`))
    await startApiServer()

    const certificateAuthority = readFileSync(certificate, 'utf8')
    const kubeconfig = (user: User): string => {
      const path = join(dir, `${user.replace('system:', '')}.kubeconfig`)
      if (existsSync(path)) return path
      return writeKubeconfig(path, { server, certificateAuthority, user, token: tokens[user] })
    }
    start('kube-controller-manager', [
      `--kubeconfig=${kubeconfig('system:kube-controller-manager')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--use-service-account-credentials',
      `--service-account-private-key-file=${keys.privateKey}`,
      `--root-ca-file=${certificate}`,
      `--controllers=${CONTROLLERS.join(',')}`,
      // No limit of a client's own may slow down what tests wait for.
      '--kube-api-qps=1000',
      '--kube-api-burst=2000',
    ])
    start('kube-scheduler', [
      `--kubeconfig=${kubeconfig('system:kube-scheduler')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=1000',
      '--kube-api-burst=2000',
    ])
    // Without it, admission refuses every pod.
    await waitUntil('the default service account', async () => {
      const url = `${server}/api/v1/namespaces/default/serviceaccounts/default`
      const fault = await probe(url, certificateAuthority, tokens.admin)
      return fault === undefined ? { value: true } : { instead: fault }
    })
    return {
      server,
      etcdUrl,
      certificateAuthority,
      auditLog,
      adminToken: tokens.admin,
      kubeconfig,
      startApiServer,
      stopApiServer,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits until a probe finds no fault, or the child it belongs to has ended. */
async function ready(child: Child, fault: () => Promise<string | undefined>): Promise<void> {
  const probe = async (): Promise<Seen<true>> => {
    const how = child.ended()
    if (how !== undefined) throw new Error(`expected ${child.name} to become ready, it ${how}`)
    const instead = await fault()
    return instead === undefined ? { value: true } : { instead }
  }
  try {
    await waitUntil(`${child.name} to be ready`, probe, { deadline: 60_000 })
  } catch (error) {
    throw new Error(`${child.name} failed; the end of ${child.logFile}:\n${tail(child.logFile)}`, {
      cause: error,
    })
  }
}

/** Asks a URL, and says what is wrong with the answer; undefined if nothing is. */
async function probe(
  url: string,
  certificateAuthority?: string,
  token?: string,
): Promise<string | undefined> {
  const dispatcher = new Agent(
    certificateAuthority === undefined ? {} : { connect: { ca: certificateAuthority } },
  )
  try {
    const headers: Record<string, string> =
      token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(url, { dispatcher, headers, signal: AbortSignal.timeout(2000) })
    const body = await response.text()
    return response.ok ? undefined : `${response.status} ${body.slice(0, 500)}`
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    return String(cause)
  } finally {
    await dispatcher.close()
  }
}

function writeTokens(path: string): Record<User, string> {
  const token = (): string => randomBytes(16).toString('hex')
  const tokens: Record<User, string> = {
    admin: token(),
    nodes: token(),
    'system:kube-controller-manager': token(),
    'system:kube-scheduler': token(),
  }
  const lines = Object.entries(USERS).map(
    ([user, group]) =>
      `${tokens[user as User]},${user},${user}${group === '' ? '' : `,${group}`}\n`,
  )
  writeFileSync(path, lines.join(''), { mode: 0o600 })
  return tokens
}

function writeServiceAccountKeys(dir: string): { publicKey: string; privateKey: string } {
  const keys = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const publicKey = join(dir, 'service-accounts.pub')
  const privateKey = join(dir, 'service-accounts.key')
  writeFileSync(publicKey, keys.publicKey)
  writeFileSync(privateKey, keys.privateKey, { mode: 0o600 })
  return { publicKey, privateKey }
}

function auditArgs(policyFile: string, auditLog: string): string[] {
  // One event a request: a watch is told when it starts, since it may never
  // complete, and everything else when it is done.
  const without = (stage: string): string[] => ['RequestReceived', stage]
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    rules: [
      { level: 'Metadata', verbs: ['watch'], omitStages: without('ResponseComplete') },
      { level: 'Metadata', omitStages: without('ResponseStarted') },
    ],
  }
  writeFileSync(policyFile, stringify(policy))
  return [
    `--audit-policy-file=${policyFile}`,
    `--audit-log-path=${auditLog}`,
    '--audit-log-maxsize=4096', // never rotated, so that a count over the file is complete
  ]
}

function featureGateArgs(gates: Readonly<Record<string, boolean>>): string[] {
  const list = Object.entries(gates).map(([name, on]) => `${name}=${on}`)
  return list.length === 0 ? [] : [`--feature-gates=${list.join(',')}`]
}
