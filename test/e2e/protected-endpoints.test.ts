// /metrics and /status as `manifests/overlays/protected` serves them: over HTTPS, to those alone who may get them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Certificate } from '../../src/report/http/certificate.ts'
import type { TestCluster } from '../../testbed/cluster.ts'
import { waitUntil } from '../../testbed/wait.ts'
import { newCertificate } from '../report/http/new-certificate.ts'
import { startInstalledCluster } from './installed-cluster.ts'
import { startOperator, type OperatorProcess } from './operator-process.ts'

let cluster: TestCluster
let directory: string
let certificate: Certificate
let sluice: OperatorProcess
let trusting: Agent
let reader: string
let stranger: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  certificate = await newCertificate()
  await writeFile(join(directory, 'tls.crt'), certificate.cert)
  await writeFile(join(directory, 'tls.key'), certificate.key)
  cluster = await startInstalledCluster('protected')
  await cluster.kubectl(['create', 'serviceaccount', 'prometheus'])
  await cluster.kubectl(['create', 'serviceaccount', 'stranger'])
  await cluster.kubectl([
    'create',
    'clusterrolebinding',
    'prometheus-sluice',
    '--clusterrole=sluice-endpoints-reader',
    '--serviceaccount=default:prometheus',
  ])
  reader = await cluster.tokenFor('default', 'prometheus')
  stranger = await cluster.tokenFor('default', 'stranger')
  sluice = await startOperator(
    cluster,
    ['--endpoint-access=token', `--tls-directory=${directory}`, '--log-level=debug'],
    { until: 'listening' },
  )
  trusting = new Agent({ connect: { ca: certificate.cert } })
  await waitUntil('Sluice to be ready', async () => {
    const { status, body } = await get('/readyz')
    return status === 200 ? { value: true } : { instead: body }
  })
})
afterAll(async () => {
  await trusting.close()
  await sluice.end('SIGTERM')
  await cluster.stop()
  await rm(directory, { recursive: true })
})

async function get(path: string, token?: string): Promise<{ status: number; body: string }> {
  const { statusCode, body } = await request(sluice.url.replace('http:', 'https:') + path, {
    dispatcher: trusting,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  return { status: statusCode, body: await body.text() }
}

test('whoever is bound to the shipped role reads metrics and the status', async () => {
  expect(await get('/metrics', reader)).toMatchObject({
    status: 200,
    body: expect.stringContaining('sluice_build_info') as string,
  })
  expect(await get('/status', reader)).toMatchObject({
    status: 200,
    body: expect.stringContaining('leadership') as string,
  })
})

test('a known account without the role is refused by name', async () => {
  expect(await get('/metrics', stranger)).toEqual({
    status: 403,
    body: 'system:serviceaccount:default:stranger may not get /metrics\n',
  })
})

test('nobody reads them without a token, or with one that the API server does not know', async () => {
  expect(await get('/status')).toEqual({ status: 401, body: 'expected a bearer token\n' })
  expect(await get('/status', 'hunter2')).toEqual({
    status: 401,
    body: 'the API server does not know this token\n',
  })
})

test('the kubelet needs none for health and readiness', async () => {
  expect((await get('/healthz')).status).toBe(200)
  expect((await get('/readyz')).status).toBe(200)
})

test('nothing is served without encryption', async () => {
  await expect(fetch(`${sluice.url}/healthz`)).rejects.toThrow()
})

test('has exactly the rights that this needs, and no token in its log', async () => {
  const told = await waitUntil('the comparison of rights', () => {
    const line = sluice.log.find(({ msg }) => msg.includes('the service account'))
    return Promise.resolve(line ? { value: line.msg } : { instead: 'nothing yet' })
  })
  expect(told).toBe('the service account has exactly the rights that it needs')
  const text = JSON.stringify(sluice.log) + sluice.complaint
  for (const token of [reader, stranger, 'hunter2']) expect(text).not.toContain(token)
})
