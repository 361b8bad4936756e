// `sluice rbac`: what it prints is enough and not too much, as the API server sees it.
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestCluster } from '../../testbed/cluster.ts'
import { secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import {
  consumerOf,
  dbSecret,
  freshNamespace,
  inState,
  startInstalledCluster,
} from './installed-cluster.ts'
import { QUICK, startOperator } from './operator-process.ts'

let cluster: TestCluster
let shop: string
let sluice: string

beforeAll(async () => {
  cluster = await startInstalledCluster('named')
  sluice = await cluster.kubeconfigFor('sluice-system', 'sluice')
  shop = await freshNamespace(cluster)
  await cluster.apply(
    dbSecret(shop, 'at first'),
    secret({ name: 'mail', namespace: shop, data: { password: 'at first' } }),
    consumerOf('env', { name: 'web', namespace: shop }),
    consumerOf('env', { name: 'mailer', namespace: shop, uses: [{ secret: 'mail', mode: 'env' }] }),
  )
})
afterAll(async () => {
  await cluster.stop()
})

const NAMED = ['--secret-access=named']

test('tells what is missing before anything is granted', async () => {
  expect(await rbac(sluice, ...NAMED, '--check')).toEqual({
    code: 1,
    stdout: `missing: watch secrets db in namespace ${shop}\nmissing: watch secrets mail in namespace ${shop}\n`,
    stderr: '',
  })
})

test('prints roles that kubectl applies without a warning, and that are exactly enough', async () => {
  const { code, stdout } = await rbac(cluster.kubeconfig, ...NAMED)
  expect(code).toBe(0)
  await cluster.kubectl(['apply', '--filename=-', '--warnings-as-errors'], { input: stdout })
  await waitUntil('the rights to be exactly those that are needed', async () => {
    const { code: difference, stdout: told } = await rbac(sluice, ...NAMED, '--check')
    return difference === 0 ? { value: true } : { instead: told }
  })
})

test('prints the roles of one namespace on request', async () => {
  const { stdout } = await rbac(cluster.kubeconfig, ...NAMED, '--namespace=default')
  expect(stdout).toContain('name: sluice-watch')
  expect(stdout).not.toContain(shop)
})

test('tells what is too much, and the operator does in its log', async () => {
  await cluster.kubectl(['delete', 'deployment/mailer', `--namespace=${shop}`, '--wait=true'])
  await cluster.kubectl([
    'wait',
    '--for=delete',
    'pods',
    '--selector=app=mailer',
    `--namespace=${shop}`,
  ])
  const right = `watch secrets mail in namespace ${shop}`
  expect(await rbac(sluice, ...NAMED, '--check')).toEqual({
    code: 1,
    stdout: `superfluous: ${right}\n`,
    stderr: '',
  })

  const operator = await startOperator(cluster, [...QUICK, '--secret-access=named'])
  await inState(cluster, shop, 'web', 'Fresh')
  const line = await waitUntil('the comparison in the log', () => {
    const found = operator.log.find(({ msg }) => msg.includes('more rights than it needs'))
    return Promise.resolve(found ? { value: found } : { instead: `${operator.log.length} lines` })
  })
  // Without the Lease it needs no right to it either.
  expect(line['rights']).toContain(right)
  await operator.end('SIGTERM')
})

test('says what is wrong with its options', async () => {
  expect(await rbac(sluice, '--secret-access=All', '--namespace=Shop')).toMatchObject({
    code: 2,
    stderr:
      '--secret-access: expected cluster, named, or names of Namespaces, separated by commas, found "All"\n' +
      '--namespace: expected names of Namespaces, separated by commas, found "Shop"\n',
  })
})

/** Runs `sluice rbac` with a kubeconfig. */
function rbac(
  kubeconfig: string,
  ...options: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, KUBECONFIG: kubeconfig, NODE_OPTIONS: '' }
    const args = ['src/main.ts', 'rbac', ...options]
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}
