import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ApiError, isConflict, isGone, isNotFound } from '../../src/kube/api-error.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'

const patch: ApiCall = {
  verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  namespace: 'shop',
  name: 'web',
  body: { secret: 'hunter2' },
}
const eviction: ApiCall = {
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: 'eviction',
  namespace: 'shop',
  name: 'web-1',
}

test.each([
  [
    patch,
    { status: 409, body: { reason: 'Conflict' } },
    'patch deployments.apps shop/web: 409 Conflict',
  ],
  [eviction, { status: 429 }, 'create pods/eviction shop/web-1: 429 Too Many Requests'],
  [patch, { status: 0, reason: 'ECONNREFUSED' }, 'patch deployments.apps shop/web: ECONNREFUSED'],
  [patch, { status: 0 }, 'patch deployments.apps shop/web: no answer'],
  [
    { verb: 'list', group: '', version: 'v1', resource: 'secrets' } as const,
    { status: 500, body: { reason: 'not a word: hunter2' } },
    'list secrets: 500 Internal Server Error',
  ],
])('says which call failed and how, in a line', (call, failure, message) => {
  expect(new ApiError(call, failure).message).toBe(message)
})

test('shows nothing of the answer or the request, however it is looked at', () => {
  const secret = 'aHVudGVyMg=='
  const body = {
    reason: `Invalid ${secret}`,
    message: `Secret is invalid: ${secret}`,
    details: {
      name: `web ${secret}`,
      kind: `x ${secret}`,
      causes: [{ reason: `y ${secret}`, message: secret, field: secret }],
    },
  }
  const error = new ApiError({ ...patch, body: { data: secret } }, { status: 422, body })
  const looks = [
    error.message,
    String(error),
    error.stack,
    error.reason,
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    JSON.stringify(error.blamed),
    inspect(error, { showHidden: true, depth: 10 }),
    inspect(Object.getOwnPropertyDescriptors(error), { depth: 10 }),
    inspect(Object.assign({}, error)),
  ]
  for (const look of looks) expect(look).not.toContain(secret)
})

test('gives the causes to those who ask', () => {
  const causes = [
    { reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods' },
  ]
  const error = new ApiError(eviction, {
    status: 429,
    body: { message: 'Cannot evict', details: { causes, kind: 'pods', name: 'web-1' } },
  })
  expect(error.causes()).toEqual(causes)
  expect(error.mentions('evict')).toBe(true)
  expect(error.mentions('delete')).toBe(false)
  expect(error.blamed).toEqual({ kind: 'pods', name: 'web-1' })
})

test('takes any answer for one, so that no error hides another', () => {
  fc.assert(
    fc.property(fc.anything(), fc.integer({ min: 400, max: 599 }), (body, status) => {
      const error = new ApiError(patch, { status, body: { details: body } })
      expect(error.causes()).toBeInstanceOf(Array)
      expect(typeof error.mentions('x')).toBe('boolean')
      expect(new ApiError(patch, { status, body }).status).toBe(status)
    }),
  )
})

test('knows how long the server asks to wait, from the header or from the answer', () => {
  const body = { details: { retryAfterSeconds: 3 } }
  expect(new ApiError(patch, { status: 429, retryAfterMs: 7_000, body }).retryAfterMs).toBe(7_000)
  expect(new ApiError(patch, { status: 429, body }).retryAfterMs).toBe(3_000)
  expect(new ApiError(patch, { status: 429 }).retryAfterMs).toBeUndefined()
})

test('is told apart by its status', () => {
  const of = (status: number) => new ApiError(patch, { status })
  expect([404, 409, 410].map((status) => isNotFound(of(status)))).toEqual([true, false, false])
  expect([404, 409, 410].map((status) => isConflict(of(status)))).toEqual([false, true, false])
  expect([404, 409, 410].map((status) => isGone(of(status)))).toEqual([false, false, true])
  expect(isNotFound(new Error('404'))).toBe(false)
})
