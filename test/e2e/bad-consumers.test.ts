// A Consumer is a record that only Sluice writes. What an administrator writes there instead must not pass for one.
import { afterEach, expect, test } from 'vitest'
import { waitUntil } from '../../testbed/wait.ts'
import { auditPosition, requestsBy, SLUICE } from './audit.ts'
import { beyondDoubt, consumerOf, dbSecret, type ConsumerView } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator()

const A = '0123456789abcdef0123456789abcdef'
const B = 'fedcba9876543210fedcba9876543210'

test('the API server refuses what the schema does not know, and names the field', async () => {
  await deployed()
  const wrong = timelineOf([{ digest: 'not a digest' }])
  await expect(tamper(wrong)).rejects.toThrow(
    /status\.sources\[0\]\.contents\[0\]\.timeline\[0\]\.digest/,
  )
  await expect(tamper({ state: 'Splendid' })).rejects.toThrow(/status\.state/)
  await expect(tamper({ keyFingerprint: null })).rejects.toThrow(/status\.keyFingerprint/)
})

test('times that go backwards hold, and nothing is written into the Consumer until it is deleted', async () => {
  await deployed()
  const later = { digest: A, since: '2026-01-02T00:00:00.000Z' }
  const earlier = { digest: B, since: '2026-01-01T00:00:00.000Z' }
  const broken = await tamper(timelineOf([later, earlier]))
  const hold = await waitUntil('the reason in /status', async () => {
    const [row] = (await bed.operator.status()).filter(({ namespace }) => namespace === bed.shop)
    return row?.hold?.reason === 'MalformedConsumer'
      ? { value: row.hold }
      : { instead: JSON.stringify(row) }
  })
  expect(hold.message).toBe(
    'Consumer deployment-orders cannot be read (status.sources.0.contents.0.timeline: expected times that do not go backwards, found 2026-01-01T00:00:00.000Z after 2026-01-02T00:00:00.000Z); ' +
      'delete it to begin a new record with what Sluice has seen since it started',
  )
  await bed.rotate('new')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
  expect((await bed.consumer('orders'))?.metadata.resourceVersion).toBe(
    broken.metadata.resourceVersion,
  )

  await bed.kubectl('delete', 'consumer/deployment-orders')
  // The change was seen, whatever the record said.
  const first = await bed.finished('orders')
  expect(newPods()).toBe(2)
  await beyondDoubt()
  await bed.rotate('newer')
  await bed.finished('orders', { after: first })
  expect(newPods()).toBe(4)
})

test.each([
  [
    'lastRestart.finishedAt',
    { lastRestart: { id: 'forged', finishedAt: '2099-01-01T00:00:00.000Z' } },
  ],
  [
    'timeline of secret/db/password',
    timelineOf([{ digest: A, since: '2099-01-01T00:00:00.000Z' }]),
  ],
])(
  'a time to come (%s) is no record, and does not hold until it has come',
  async (where, status) => {
    await deployed()
    await tamper(status)
    const { message } = (await bed.inState('orders', 'Held', 'MalformedConsumer')).status ?? {}
    expect(message).toContain(
      `status: ${where}: expected a time that has come, found 2099-01-01T00:00:00.000Z`,
    )
    await bed.rotate('new')
    await bed.neighbourIsRestarted()
    expect(newPods()).toBe(0)
    await bed.kubectl('delete', 'consumer/deployment-orders')
    await bed.inState('orders', 'Fresh')
  },
)

test('a record that lacks its sources is taken anew, and nothing is restarted for it', async () => {
  await deployed()
  await tamper({ sources: null })
  await waitUntil('the sources to be recorded again', async () => {
    const sources = (await bed.consumer('orders'))?.status?.sources
    return sources?.length === 1 ? { value: true } : { instead: JSON.stringify(sources) }
  })
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
})

test('a restart that is forged ends without a pod replaced', async () => {
  await deployed()
  const restart = { id: 'forged', strategy: 'rollout', startedAt: new Date().toISOString() }
  await tamper({ state: 'Restarting', restart })
  expect(await bed.finished('orders')).toBe('forged')
  await bed.neighbourIsRestarted()
  expect(newPods()).toBe(0)
})

test('a status as large as the API server takes is read, and Sluice goes on', async () => {
  await deployed()
  const timeline = Array.from({ length: 8_000 }, (_, i) => ({
    digest: i % 2 === 0 ? A : B,
    since: new Date(Date.UTC(2020, 0, 1) + i * 1000).toISOString(),
  }))
  await tamper({ message: 'x'.repeat(32_768), ...timelineOf(timeline) })
  await bed.neighbourIsRestarted()
  await bed.kubectl('delete', 'consumer/deployment-orders')
  await bed.inState('orders', 'Fresh')
})

test('without the right to write Consumers nothing is restarted, and the API server is not stormed', async () => {
  await deployed()
  const role = 'clusterrole/sluice-restart'
  const text = await bed.cluster.kubectl(['get', role, '--output=json'])
  const { rules } = JSON.parse(text) as { rules: { resources: string[] }[] }
  const patchRules = (left: object[]) =>
    bed.cluster.kubectl([
      'patch',
      role,
      '--type=merge',
      `--patch=${JSON.stringify({ rules: left })}`,
    ])
  restore = async () => {
    await patchRules(rules)
  }
  await patchRules(rules.filter(({ resources }) => !resources.includes('consumers/status')))
  const from = auditPosition(bed.cluster)
  await bed.rotate('new')
  await waitUntil('the reason in /status', async () => {
    const [row] = (await bed.operator.status()).filter(({ namespace }) => namespace === bed.shop)
    return row?.hold?.reason === 'Forbidden' &&
      row.hold.message.includes('consumers.sluice.dev/status')
      ? { value: row }
      : { instead: JSON.stringify(row) }
  })
  await beyondDoubt(5_000)
  const refused = requestsBy(bed.cluster, SLUICE, from).filter(({ code }) => code === 403)
  // Half a second, one, two, four: not twenty a second.
  expect(refused.length).toBeLessThan(10)
  expect(newPods()).toBe(0)
  await patchRules(rules)
  await bed.finished('orders')
  expect(newPods()).toBe(2)
})

let restore: (() => Promise<void>) | undefined
afterEach(async () => {
  await restore?.()
  restore = undefined
})

async function deployed(): Promise<void> {
  await bed.deployed(
    dbSecret(bed.shop, 'old'),
    consumerOf('env', { name: 'orders', namespace: bed.shop, replicas: 2 }),
  )
  await bed.inState('orders', 'Fresh')
}

/** Part of a status: what the consumed key is said to have been. */
function timelineOf(timeline: object[]): { readonly sources: object[] } {
  const contents = [{ key: 'password', timeline }]
  return { sources: [{ kind: 'Secret', name: 'db', uid: '', resourceVersion: '', contents }] }
}

/** Writes over parts of the status, as an administrator who may. */
async function tamper(status: object): Promise<ConsumerView> {
  const seen = await bed.consumer('orders')
  const merged: [string, unknown][] = Object.entries({ ...seen?.status, ...status })
  const { metadata } = seen ?? {}
  const input = JSON.stringify({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Consumer',
    metadata: { name: metadata?.name, namespace: bed.shop },
    status: Object.fromEntries(merged.filter(([, value]) => value !== null)),
  })
  const args = ['replace', '--subresource=status', '--filename=-', '--output=json']
  return JSON.parse(await bed.cluster.kubectl(args, { input })) as ConsumerView
}

function newPods(): number {
  return bed.observer.newPods('orders').length
}
