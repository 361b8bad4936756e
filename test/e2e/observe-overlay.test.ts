// The overlay for those who want to see first what Sluice would do.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { render } from '../../tools/manifests.ts'
import { objectsIn } from '../build/rendering.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { startOperator } from './operator-process.ts'

let cluster: TestCluster
let yaml: string

beforeAll(async () => {
  cluster = await startCluster()
  yaml = await render('overlays/observe')
  await cluster.kubectl(['apply', '--filename=-', '--warnings-as-errors'], { input: yaml })
})
afterAll(async () => {
  await cluster.stop()
})

test('starts Sluice as an observer', () => {
  const [deployment] = objectsIn(yaml, 'Deployment')
  expect(deployment?.spec?.template.spec?.containers[0]?.args).toEqual([
    'run',
    '--config=/etc/sluice/config.yaml',
    '--mode=observe',
  ])
})

test('gives no right to change anything', () => {
  const roles = [...objectsIn(yaml, 'ClusterRole'), ...objectsIn(yaml, 'Role')]
  const verbs = roles.flatMap(({ rules }) => rules?.flatMap((rule) => rule.verbs) ?? [])
  expect([...new Set(verbs)].sort()).toEqual(['list', 'watch'])
})

test('gives all the rights that an observer needs', async () => {
  const sluice = await startOperator(cluster, ['--mode=observe'])
  await waitUntil('the observer to be ready', async () => {
    const { status, body } = await sluice.get('/readyz')
    return status === 200 ? { value: true } : { instead: body }
  })
  expect(await sluice.end('SIGTERM')).toBe(0)
})
