// While Sluice cannot see, it takes no step; when it sees again, it goes on.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { waitUntil } from '../../testbed/wait.ts'
import type { ConsumerView } from '../e2e/installed-cluster.ts'
import { NO_FAULTS, faultRules } from './fault-rules.ts'
import { ALL_REPLACED, FaultyCluster } from './faulty-cluster.ts'

const bed = new FaultyCluster()

/** By name, why each workload is not being restarted. */
async function reasons(): Promise<readonly string[]> {
  const path = `/apis/sluice.dev/v1alpha1/namespaces/${bed.shop.namespace}/consumers`
  const list = await bed.cluster.read<{ items: ConsumerView[] }>(path)
  return list?.items.map(({ status }) => status?.reason ?? '') ?? []
}

/** The state of each of the supervised process's probes. */
async function probe(path: string): Promise<number> {
  const lines = readFileSync(bed.sluice.logFile, 'utf8').trim().split('\n')
  const listening = lines.map((line) => JSON.parse(line) as { msg: string; address?: string })
  const { address = '' } = listening.findLast(({ msg }) => msg === 'listening') ?? {}
  return (await fetch(`http://${address}${path}`)).status
}

async function untilReady(code: number): Promise<void> {
  await waitUntil(`/readyz to answer ${code}`, async () => {
    const found = await probe('/readyz')
    return found === code ? { value: true } : { instead: String(found) }
  })
}

test('a watch that is forbidden holds every restart, by name, until it is allowed again', async () => {
  const on = { verb: 'watch', resource: 'pods' } as const
  bed.proxy.use(faultRules({ on, fault: { kind: 'watch forbidden' }, times: Infinity }))
  bed.proxy.cutWatches()
  await bed.shop.change()
  await waitUntil('every workload to be held', async () => {
    const found = await reasons()
    const held = found.length === 3 && found.every((reason) => reason === 'NotWatching')
    return held ? { value: true } : { instead: found.join(', ') }
  })
  expect(bed.shop.history.busiest).toEqual([])
  expect(await probe('/healthz')).toBe(200)
  expect(await probe('/readyz')).toBe(503)
  bed.proxy.use(NO_FAULTS)
  expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
})

test('an API server that is away ends no process, and the rotation goes on when it is back', async () => {
  await bed.shop.change()
  await waitUntil('the first pod to go', () =>
    Promise.resolve(
      bed.shop.history.busiest.length > 0 ? { value: true } : { instead: 'nothing is away' },
    ),
  )
  await bed.cluster.stopApiServer()
  await untilReady(503)
  expect(await probe('/healthz')).toBe(200)
  await bed.cluster.startApiServer()
  await untilReady(200)
  expect(await bed.shop.verdict()).toEqual(ALL_REPLACED)
})
