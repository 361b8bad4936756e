import { parseArgs } from 'node:util'
import { build } from './build.ts'
import { startCluster } from './cluster.ts'

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '1' } } })
const say = (line: string): void => console.error(line)
const cluster = await startCluster({ nodes: Number(values.nodes), log: say })

console.log(`export KUBECONFIG=${cluster.kubeconfig}`)
console.log(`alias kubectl='${await build('controlplane', say)} kubectl'`)
say(`nodes: ${cluster.nodesUrl}  logs: ${cluster.dir}  Ctrl-C stops the cluster`)

// The cluster does not keep this process alive, waiting for a signal does.
const alive = setInterval(() => {}, 2 ** 30)
const stop = (): void => {
  clearInterval(alive)
  void cluster.stop()
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
