// What a user installs, on a real API server.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { INSTALL_FILE, renderInstall } from '../../tools/manifests.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { deployment } from '../../testbed/fixtures.ts'
import { available, beyondDoubt, dbSecret, inState, restarted } from './installed-cluster.ts'
import { observe } from './observer.ts'
import { startOperator } from './operator-process.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(async () => {
  await cluster.stop()
})

test('install.yaml is what the base renders to', async () => {
  expect(readFileSync(INSTALL_FILE, 'utf8')).toBe(await renderInstall())
})

test('kubectl apply meets no warning, and changes nothing the second time', async () => {
  const apply = async (): Promise<string[]> => {
    const args = ['apply', `--filename=${INSTALL_FILE}`, '--warnings-as-errors']
    return (await cluster.kubectl(args)).trim().split('\n')
  }
  expect((await apply()).filter((line) => !line.endsWith(' created'))).toEqual([])
  expect((await apply()).filter((line) => !line.endsWith(' unchanged'))).toEqual([])
})

test('the kinds of Sluice are established', async () => {
  const definitions = ['consumers', 'halts', 'rotations'].map((kind) => `crd/${kind}.sluice.dev`)
  await cluster.kubectl(['wait', '--for=condition=Established', ...definitions])
  const found = await cluster.kubectl(['api-resources', '--categories=sluice', '--no-headers'])
  const rows = found.trim().split('\n')
  expect(rows.map((row) => row.trim().split(/ +/))).toEqual([
    ['consumers', 'sluice.dev/v1alpha1', 'true', 'Consumer'],
    ['halts', 'sluice.dev/v1alpha1', 'true', 'Halt'],
    ['rotations', 'rot', 'sluice.dev/v1alpha1', 'true', 'Rotation'],
  ])
})

test('one annotation is enough, on the workload or in its pod template: the next change of the Secret restarts it', async () => {
  await cluster.kubectl(fromReadme('apply'))
  // As the README has it.
  const shop = 'shop'
  const uses = [{ secret: 'db', mode: 'env' }] as const
  const optIn = { 'sluice.dev/restart-on-change': 'true' }
  await cluster.kubectl(['create', 'namespace', shop])
  await cluster.apply(
    dbSecret(shop, 'old'),
    deployment({ name: 'web', namespace: shop, replicas: 2, uses }),
    // As from a chart that exposes no other annotations.
    deployment({ name: 'chart', namespace: shop, replicas: 2, uses, podAnnotations: optIn }),
  )
  await available(cluster, shop, 'web', 'chart')
  const observer = await observe(cluster, shop)
  const sluice = await startOperator(cluster)
  try {
    await cluster.kubectl(fromReadme('annotate'))
    for (const name of ['web', 'chart']) await inState(cluster, shop, name, 'Fresh')
    await beyondDoubt()
    observer.reset({ web: 2, chart: 2 })
    await cluster.apply(dbSecret(shop, 'new'))
    for (const name of ['web', 'chart']) {
      await restarted(cluster, shop, name)
      expect(observer.newPods(name)).toHaveLength(2)
    }
  } finally {
    observer.stop()
    await sluice.end('SIGTERM')
  }
  expect(await cluster.kubectl(fromReadme('get sluice'))).toContain(
    'consumer.sluice.dev/deployment-web',
  )
  expect(await cluster.kubectl(fromReadme('get events'))).toContain('RestartFinished')
})

test('Pod Security admits the pod of Sluice, and refuses others in its namespace', async () => {
  const own = '--namespace=sluice-system'
  await cluster.kubectl(['rollout', 'status', 'deployment/sluice', own, '--timeout=60s'])
  await expect(
    cluster.kubectl(['run', 'loose', '--image=registry.example/loose:1', own]),
  ).rejects.toThrow('violates PodSecurity "restricted:latest"')
})

/** The arguments of the one command of kubectl in the README that begins so, as printed. */
function fromReadme(start: string): readonly string[] {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const commands = [...readme.matchAll(/^ {4}kubectl (.+)$/gm)].map(([, command = '']) => command)
  const [command = '', ...more] = commands.filter((each) => each.startsWith(start))
  expect(more).toEqual([])
  expect(command).not.toBe('')
  return command.split(' ')
}
