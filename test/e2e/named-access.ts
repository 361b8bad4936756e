/**
 * A test cluster on which Sluice reads Secrets by name alone, and has the right to those that are needed and to no
 * others.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { TestCluster } from '../cluster/cluster.ts'

const run = promisify(execFile)
const byName = new WeakSet<TestCluster>()

/**
 * The same cluster, which grants as its admin would: after Deployments have been applied, the roles that
 * `sluice rbac --mode=named` prints are applied too. Sluice may have been refused by then.
 */
export function grantedByName(cluster: TestCluster): TestCluster {
  const granted: TestCluster = {
    ...cluster,
    async apply(...objects) {
      await cluster.apply(...objects)
      if (!objects.some(({ kind }) => kind === 'Deployment')) return
      const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, NODE_OPTIONS: '' }
      const args = ['src/main.ts', 'rbac', '--mode=named']
      const { stdout: input } = await run(process.execPath, args, { env })
      await cluster.kubectl(['apply', '--server-side', '--filename=-'], { input })
    },
  }
  byName.add(granted)
  return granted
}

/** The flags with which Sluice reads Secrets as it is allowed to on this cluster. */
export function accessFlags(cluster: TestCluster): readonly string[] {
  return byName.has(cluster) ? ['--secret-access=named'] : []
}
