import { describe, expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { Action } from '../../src/plan/action.ts'
import { holdFor } from '../../src/restart/refusal.ts'

const workload = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'web-uid',
} as const
const evict: Action = {
  kind: 'evict',
  workload,
  pod: { namespace: 'shop', name: 'web-1', uid: 'pod-uid' },
  ready: true,
  desired: 3,
}
const call = {
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: 'eviction',
  namespace: 'shop',
  name: 'web-1',
} as const

/** The hold after the first failure at time 0, without jitter. */
function hold(error: unknown, action: Action = evict, failures = 1) {
  return holdFor(error, action, { failures, now: 0, random: 0 })
}

const answer = (status: number, body: object = {}, retryAfterMs?: number) =>
  new ApiError(call, { status, body, retryAfterMs })

describe('an eviction that is refused', () => {
  test('by a PodDisruptionBudget names the budget', () => {
    const message = 'The disruption budget web-pdb needs 2 healthy pods and has 2 currently'
    const body = {
      reason: 'TooManyRequests',
      details: { causes: [{ reason: 'DisruptionBudget', message }] },
    }
    expect(hold(answer(429, body))).toMatchObject({
      reason: 'PodDisruptionBudget',
      message: expect.stringContaining('web-pdb') as string,
    })
  })

  test.each([
    ['not now', evict, 2, 2, /needs 2 healthy pods and has 2/],
    ['never, as it needs all there are', evict, 3, 3, /needs all 3 pods .* can never allow/],
    ['a pod that is not Ready', { ...evict, ready: false }, 2, 1, /AlwaysAllow/],
  ] as const)('by a budget is told apart: %s', (_, action, needs, has, message) => {
    const words = `The disruption budget web-pdb needs ${needs} healthy pods and has ${has} currently`
    const body = { details: { causes: [{ reason: 'DisruptionBudget', message: words }] } }
    expect(hold(answer(429, body), action).message).toMatch(message)
  })

  test('by two budgets on one pod says so', () => {
    const message =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
    expect(hold(answer(500, { message }))).toMatchObject({
      reason: 'PodDisruptionBudget',
      message: expect.stringContaining('more than one') as string,
    })
  })

  test('for lack of a right names exactly that right', () => {
    expect(hold(answer(403, { reason: 'Forbidden', details: { kind: 'pods' } }))).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining('create pods/eviction in namespace shop') as string,
    })
  })

  const refused = (policy: string, words: string, action: Action = evict) => {
    const message = `pods is forbidden: ValidatingAdmissionPolicy '${policy}' denied request: hunter2 ${words}`
    return hold(answer(403, { reason: 'Forbidden', message }), action)
  }
  const DENIES =
    'create pods/eviction shop/web-1: 403 Forbidden: an admission policy (ValidatingAdmissionPolicy) denies it'

  test('by the admission policy that asks for managed namespaces names the label', () => {
    const label = 'sluice.dev/managed=true'
    expect(refused('sluice', `only in namespaces with the label ${label}`)).toMatchObject({
      reason: 'Refused',
      message: `${DENIES} unless namespace shop has the label ${label}`,
    })
  })

  test('by any other admission policy says no more than that', () => {
    expect(refused('no-evictions', '').message).toBe(`${DENIES} to the service account`)
    expect(refused('sluice', '').message).toBe(`${DENIES} to the service account`)
  })

  test('as a patch that a webhook made more of says what to do about that webhook', () => {
    const patch: Action = {
      kind: 'patch',
      workload,
      restart: { id: 'r', strategy: 'rollout', startedAt: 0 },
      resourceVersion: '1',
    }
    expect(refused('sluice', 'changes no metadata', patch).message).toContain(
      'since more would change than sluice.dev/restart-id: let mutating webhooks skip',
    )
    expect(refused('labels', '', patch).message).toBe(`${DENIES} to the service account`)
  })

  test('by a busy server waits as long as the server asks', () => {
    expect(hold(answer(429, {}, 7_000))).toMatchObject({ reason: 'ServerBusy', until: 7_000 })
  })
})

test('waits grow from failure to failure, and not beyond half a minute', () => {
  const waits = [1, 2, 3, 10, 100].map((failures) => hold(answer(503), evict, failures).until)
  expect(waits).toEqual([500, 1_000, 2_000, 30_000, 30_000])
})

test.each<[string, Action]>([
  [
    'patch deployments.apps',
    {
      kind: 'patch',
      workload,
      restart: { id: 'r', strategy: 'rollout', startedAt: 0 },
      resourceVersion: '1',
    },
  ],
  [
    'create halts.sluice.dev',
    {
      kind: 'halt',
      namespace: 'shop',
      name: 'h',
      spec: { reason: 'RestartFailed', group: { kind: 'Secret', name: 'db' }, message: '' },
    },
  ],
  ['delete halts.sluice.dev', { kind: 'release', namespace: 'shop', name: 'h', uid: 'u' }],
])('the missing right %s is named', (right, action) => {
  expect(hold(answer(403), action).message).toContain(`${right} in namespace shop`)
})

test('what the server refuses for good is held for a while, without its words', () => {
  const found = hold(answer(422, { message: 'password: hunter2' }))
  expect(found).toMatchObject({ reason: 'Refused', until: 60_000 })
  expect(found.message).not.toContain('hunter2')
})

describe('a write that somebody refuses is told by who that is, never as a missing right', () => {
  const record: Action = { kind: 'forget', workload, consumer: { ...workload, name: 'consumer' } }

  test.each([
    [
      'a quota',
      403,
      'consumers.sluice.dev "deployment-web" is forbidden: exceeded quota: objects, requested: count/consumers.sluice.dev=1',
      'ResourceQuota objects refuses it',
    ],
    [
      'a webhook',
      403,
      'admission webhook "policy.example" denied the request: hunter2',
      'webhook policy.example refuses it',
    ],
    [
      'a webhook that does not answer',
      500,
      'Internal error occurred: failed calling webhook "policy.example": EOF',
      'webhook policy.example refuses it',
    ],
  ])('%s', (_, status, message, who) => {
    const found = hold(answer(status, { message }), record)
    expect(found).toMatchObject({
      reason: 'Refused',
      message: expect.stringContaining(who) as string,
    })
    expect(found.message).not.toContain('hunter2')
  })

  test('a namespace that is being deleted', () => {
    const causes = [
      { reason: 'NamespaceTerminating', message: 'namespace shop is being terminated' },
    ]
    const found = hold(answer(403, { reason: 'Forbidden', details: { causes } }), record)
    expect(found).toMatchObject({ reason: 'Refused', message: 'namespace shop is being deleted' })
  })
})
