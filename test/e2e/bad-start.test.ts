import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { DIGEST_KEY_SECRET } from '../../src/kube/digest-key.ts'
import { startCluster, type TestCluster } from '../../testbed/cluster.ts'
import { secret } from '../../testbed/fixtures.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { QUICK, startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let kubeconfig: string
let operator: OperatorProcess | undefined

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.kubectl(['apply', '--server-side', `--filename=${INSTALL_FILE}`])
  await cluster.kubectl(['scale', 'deployment/sluice', '--namespace=sluice-system', '--replicas=0'])
  kubeconfig = await cluster.kubeconfigFor('sluice-system', 'sluice')
})
afterAll(() => cluster.stop())
afterEach(async () => {
  if (operator) expect(await operator.end('SIGTERM')).toBe(0)
  operator = undefined
})

test('faults of the configuration end the start with code 2, all of them told', async () => {
  const run = promisify(execFile)(process.execPath, [
    'src/main.ts',
    'run',
    '--quiet-period=abc',
    '--strategy=foo',
  ])
  const ended: { code?: number; stderr: string; stdout: string } = await run.catch(
    (error: unknown) => error as { code: number; stderr: string; stdout: string },
  )
  const { code, stderr, stdout } = ended
  expect(code).toBe(2)
  expect(stderr).toMatch(/^--quiet-period: expected a duration such as 5s.*, found "abc"$/m)
  expect(stderr).toMatch(
    /^--strategy: expected one of auto, evict, rollout, evict-only, found "foo"$/m,
  )
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(stdout).toBe('')
})

test('an API server that cannot be reached at the start is told, and is awaited', async () => {
  await cluster.stopApiServer()
  const started = await start()
  await notReady(started, /digest key cannot be read: .*ECONNREFUSED/)
  expect(complaints(started)).toContainEqual(expect.stringMatching(/digest key cannot be read/))
  await cluster.startApiServer()
  await isReady(started)
})

test('SIGTERM ends a start that has not reached the API server', async () => {
  await cluster.stopApiServer()
  const started = await start()
  await notReady(started, /ECONNREFUSED/)
  expect(await started.end('SIGTERM')).toBe(0)
  operator = undefined
  await cluster.startApiServer()
})

test('a missing CustomResourceDefinition is told, and is awaited', async () => {
  const file = await cluster.kubectl(['get', 'crd/consumers.sluice.dev', '--output=json'])
  const { apiVersion, kind, metadata, spec } = JSON.parse(file) as Record<string, object>
  await cluster.kubectl(['delete', 'crd/consumers.sluice.dev'])
  const started = await start()
  await notReady(
    started,
    /^not synced yet: consumers \(.*404.*are all manifests of Sluice installed/m,
  )
  expect(complaints(started)).toContainEqual(expect.stringMatching(/a watch broke.*consumers.*404/))
  const crd = { apiVersion, kind, metadata: { name: (metadata as { name: string }).name }, spec }
  await cluster.kubectl(['create', '--filename=-'], { input: JSON.stringify(crd) })
  await isReady(started)
})

test('a digest key of the wrong length is told with the way out, and is never replaced', async () => {
  const wrong = secret({
    name: DIGEST_KEY_SECRET,
    namespace: 'sluice-system',
    data: { key: 'too short' },
  })
  await cluster.kubectl(['delete', `secret/${DIGEST_KEY_SECRET}`, '--namespace=sluice-system'])
  await cluster.apply(wrong)
  const started = await start()
  await notReady(
    started,
    /Secret sluice-system\/sluice-digest-key, field key: expected 32 bytes, found 9; delete the Secret/,
  )
  const kept = await cluster.kubectl([
    'get',
    `secret/${DIGEST_KEY_SECRET}`,
    '--namespace=sluice-system',
    '--output=jsonpath={.data.key}',
  ])
  expect(Buffer.from(kept, 'base64').toString()).toBe('too short')
  expect(started.log.map((line) => JSON.stringify(line)).join()).not.toContain('too short')
  await cluster.kubectl(['delete', `secret/${DIGEST_KEY_SECRET}`, '--namespace=sluice-system'])
  await isReady(started)
})

async function start(): Promise<OperatorProcess> {
  operator = await startOperator(cluster, QUICK, { kubeconfig, until: 'listening' })
  return operator
}

async function notReady(started: OperatorProcess, reason: RegExp): Promise<void> {
  await waitUntil(`/readyz to say ${String(reason)}`, async () => {
    const { status, body } = await started.get('/readyz')
    return status === 503 && reason.test(body) ? { value: true } : { instead: `${status} ${body}` }
  })
}

async function isReady(started: OperatorProcess): Promise<void> {
  await waitUntil(
    '/readyz to be ok',
    async () => {
      const { status, body } = await started.get('/readyz')
      return status === 200 ? { value: true } : { instead: body }
    },
    // The longest wait between two attempts.
    { deadline: 60_000 },
  )
}

/** The messages of warnings and errors. */
function complaints({ log }: OperatorProcess): string[] {
  return log.filter(({ level }) => level === 'warn' || level === 'error').map(({ msg }) => msg)
}
