/**
 * A test cluster on which Sluice reads Secrets by name alone, and has the right to those that are needed and to no
 * others.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { TestCluster } from '../../testbed/cluster.ts'

const run = promisify(execFile)
const byName = new WeakSet<TestCluster>()
/** What may change which Secrets are needed. */
const WRITES = new Set([
  'annotate',
  'apply',
  'create',
  'label',
  'patch',
  'replace',
  'rollout',
  'set',
])

/**
 * The same cluster, which grants as its admin would: after each write the roles on Secrets that
 * `sluice rbac --secret-access=named` prints are applied, where they are others than before. Sluice may have been refused by then.
 */
export function grantedByName(cluster: TestCluster): TestCluster {
  let granted = ''
  const grant = async () => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, NODE_OPTIONS: '' }
    const args = ['src/main.ts', 'rbac', '--secret-access=named']
    const { stdout } = await run(process.execPath, args, { env })
    const roles = stdout.split('---\n').filter((role) => role.includes('name: sluice-secrets'))
    const input = roles.join('---\n')
    if (input === '' || input === granted) return
    await cluster.kubectl(['apply', '--server-side', '--filename=-'], { input })
    granted = input
  }
  const granting: TestCluster = {
    ...cluster,
    async apply(...objects) {
      await cluster.apply(...objects)
      // What a Secret holds changes no rights, and tests change it fast.
      if (objects.some(({ kind }) => kind !== 'Secret')) await grant()
    },
    async kubectl(args, options) {
      const output = await cluster.kubectl(args, options)
      if (WRITES.has(args[0] ?? '')) await grant()
      return output
    },
  }
  byName.add(granting)
  return granting
}

/** The flags with which Sluice reads Secrets as it is allowed to on this cluster. */
export function accessFlags(cluster: TestCluster): readonly string[] {
  return byName.has(cluster) ? ['--secret-access=named'] : []
}
