/**
 * A shop to rehearse a rotation by hand: a cluster, a PostgreSQL, three services, and Sluice, until Ctrl-C.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICES, loginSecret, serviceDeployment } from '../examples/shop/manifests.ts'
import { build } from '../testbed/build.ts'
import { namespace } from '../testbed/fixtures.ts'
import { available, beyondDoubt, startInstalledCluster } from '../test/e2e/installed-cluster.ts'
import { startOperator } from '../test/e2e/operator-process.ts'
import { startPostgres } from './postgres.ts'

const SHOP = 'shop'
const login = { user: 'shop_blue', password: 'correct horse' }

const say = (line: string): void => console.error(line)
say('Starting a cluster, a PostgreSQL and a shop on this machine …')
const dir = mkdtempSync(join(tmpdir(), 'sluice-rehearsal-'))
const cluster = await startInstalledCluster()
const postgres = await startPostgres(dir, 40)
await postgres.setPassword(login)
await cluster.apply(namespace({ name: SHOP }))
await cluster.apply(loginSecret(SHOP, login, false))
await beyondDoubt(3_000)
for (const service of SERVICES.slice(0, 3)) {
  await cluster.apply(serviceDeployment(service, SHOP, 2, postgres.address))
  await available(cluster, SHOP, service)
}
const operator = await startOperator(cluster, [], { program: 'dist/sluice.mjs' })
await cluster.kubectl(['config', 'set-context', '--current', `--namespace=${SHOP}`])

console.log(`export KUBECONFIG=${cluster.kubeconfig}`)
console.log(`alias kubectl='${await build('controlplane', say)} kubectl'`)
for (const [name, value] of Object.entries(postgres.adminEnvironment))
  console.log(`export ${name}='${value}'`)
say(
  `The status of Sluice: ${operator.url}/status   The services' output: ${cluster.dir}/nodes/logs`,
)
say('Paste the lines above into another terminal. Ctrl-C ends everything.')

const alive = setInterval(() => {}, 2 ** 30)
const stop = async (): Promise<void> => {
  clearInterval(alive)
  await operator.end('SIGTERM')
  await postgres.stop()
  await cluster.stop()
  rmSync(dir, { recursive: true, force: true })
}
process.once('SIGINT', () => void stop())
process.once('SIGTERM', () => void stop())
