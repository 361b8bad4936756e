// A record that fails is written again no sooner than the server asks for, whatever happens meanwhile.
import { expect, test } from 'vitest'
import { ApiError } from '../../src/kube/api-error.ts'
import type { ForgetAction } from '../../src/plan/action.ts'
import { Executor } from '../../src/restart/executor.ts'
import { createMemoryWrites } from '../../src/restart/memory-writes.ts'
import type { Picture } from '../../src/restart/picture.ts'

const picture = {} as unknown as Picture
const action = {
  kind: 'forget',
  workload: { kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'uid-web' },
  consumer: { namespace: 'shop', name: 'deployment-web', uid: 'uid-consumer' },
} as unknown as ForgetAction

/** An executor whose every record fails with a status. */
function start(status: number, retryAfterMs?: number) {
  const world = { now: 0, started: 0, written: 0, looks: 0 }
  const rests: PromiseWithResolvers<undefined>[] = []
  const call = { verb: 'delete', group: 'sluice.dev', version: 'v1alpha1', resource: 'consumers' }
  const executor = new Executor({
    writes: {
      ...createMemoryWrites(picture),
      forget() {
        world.written++
        return Promise.reject(new ApiError({ ...call, verb: 'delete' }, { status, retryAfterMs }))
      },
    },
    picture,
    now: () => world.now,
    random: () => 0,
    sleep: () => {
      const rest = Promise.withResolvers<undefined>()
      rests.push(rest)
      return rest.promise
    },
    signal: new AbortController().signal,
    onStart: () => world.started++,
    onDone: () => world.looks++,
    onWithheld: () => world.looks++,
    onDefect(error) {
      throw error
    },
  })
  /** Plans again, as every event makes Sluice do. */
  const plan = async () => {
    executor.start([action])
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { world, rests, plan }
}

test.for([
  { status: 403, retryAfterMs: undefined, wait: 500 },
  { status: 409, retryAfterMs: undefined, wait: 500 },
  { status: 429, retryAfterMs: 7_000, wait: 7_000 },
])(
  'after a $status the next comes, and is told of, $wait ms later',
  async ({ status, retryAfterMs, wait }) => {
    const { world, rests, plan } = start(status, retryAfterMs)
    await plan()
    await plan()
    world.now = wait - 1
    await plan()
    expect(world).toMatchObject({ started: 1, written: 1, looks: 1 })
    world.now = wait
    rests.at(-1)?.resolve(undefined)
    await new Promise((resolve) => setImmediate(resolve))
    expect(world.looks).toBe(2)
    await plan()
    expect(world.written).toBe(2)
  },
)
