import { expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { EvictAction } from '../../src/plan/action.ts'
import { Executor } from '../../src/restart/executor.ts'
import { createMemoryWrites } from '../../src/restart/memory-writes.ts'
import type { ClusterState } from '../../src/restart/cluster-state.ts'

const picture: ClusterState = {
  pod: () => undefined,
  updateWorkload: () => {},
  records: {
    applyConsumer: () => {},
    removeConsumer: () => {},
    applyHalt: () => {},
    removeHalt: () => {},
  },
}
const evict: EvictAction = {
  kind: 'evict',
  workload: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: 'web-uid',
  },
  pod: { namespace: 'shop', name: 'web-1', uid: 'pod-uid' },
  ready: true,
  desired: 3,
}

/** How every failure ends. */
const AGAIN = ['wait 500', 'plan again']

/** What happens, in its order, when an eviction fails with a status and the pod is still there. */
async function storyOf(status: number): Promise<string[]> {
  const story: string[] = []
  const call = { verb: 'create', group: '', version: 'v1', resource: 'pods' } as const
  const executor = new Executor({
    writes: {
      ...createMemoryWrites(picture),
      evict: () => Promise.reject(new ApiError(call, { status })),
      settle() {
        story.push('read')
        return Promise.resolve(false)
      },
    },
    picture,
    now: () => 0,
    random: () => 0,
    sleep(ms) {
      story.push(`wait ${ms}`)
      return Promise.resolve()
    },
    signal: new AbortController().signal,
    onStart: () => {},
    onDone: () => story.push('done'),
    planAgain: () => story.push('plan again'),
    onDefect(error) {
      throw error
    },
  })
  executor.start([evict])
  await executor.idle()
  return story
}

test.for([
  { status: 0, what: 'without an answer' },
  { status: 500, what: 'by a server in trouble' },
  { status: 504, what: 'by a server that gave up waiting' },
])('a read must not overtake an eviction that failed $what', async ({ status }) => {
  expect(await storyOf(status)).toEqual(['wait 500', 'read', 'done', ...AGAIN])
})

test('a conflict is an answer: what is so can be read at once', async () => {
  expect(await storyOf(409)).toEqual(['read', 'done', ...AGAIN])
})

test('after a refusal there is nothing to read', async () => {
  expect(await storyOf(429)).toEqual(['done', ...AGAIN])
})
