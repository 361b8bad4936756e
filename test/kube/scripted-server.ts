/**
 * An API server that plays a script: one step answers one call. At its end it stops the loop under test, so that a
 * test waits for nothing; time passes only in a step or in a sleep.
 */
import { ApiError } from '../../src/kube/api-error.ts'
import type { KubeClient, StreamOptions } from '../../src/kube/client.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import { ListWatch, type ListWatchOptions, type RawObject } from '../../src/kube/list-watch.ts'

/** What a step may do besides its answer. */
interface World {
  /** The loop under test, to be told something meanwhile. */
  readonly loop: ListWatch
  /** Lets time pass (ms). */
  readonly pass: (ms: number) => void
  /** The time (ms). */
  readonly now: () => number
  /** Stops the loop. */
  readonly stop: () => void
}

/** What the server does with one call. */
export type Step = (call: ApiCall, world: World) => unknown

/** A Secret as the loop sees it. */
export function secret(name: string, version: number, uid = `uid-${name}`): RawObject {
  return { metadata: { namespace: 'shop', name, uid, resourceVersion: String(version) } }
}

/** A line of a watch. */
export function event(type: string, object: unknown): unknown {
  return { type, object }
}

/** A bookmark; `end` ends the initial list. */
export function bookmark(version: number, end?: 'end'): unknown {
  const annotations = end && { 'k8s.io/initial-events-end': 'true' }
  return event('BOOKMARK', { metadata: { resourceVersion: String(version), annotations } })
}

/** A stream of some events, which then ends, after some milliseconds, of itself or by an error. */
export function stream(
  events: readonly unknown[],
  { lasts = 0, error }: { lasts?: number; error?: string } = {},
): Step {
  return async function* (call, { pass }) {
    for (const each of events) yield await Promise.resolve(each)
    pass(lasts)
    if (error !== undefined) throw new ApiError(call, { status: 0, reason: error })
  }
}

/** One page of a list. */
export function page(items: readonly unknown[], version: number, token?: string): Step {
  return () => ({ metadata: { resourceVersion: String(version), continue: token }, items })
}

/** A refusal. */
export function refuse(status: number, retryAfterMs?: number): Step {
  return (call) => {
    throw new ApiError(call, { status, ...(retryAfterMs && { retryAfterMs }) })
  }
}

/** Plays the script against a loop, and tells all that happened. */
export async function play(
  script: readonly Step[],
  options: Partial<ListWatchOptions> & { readonly poison?: string } = {},
) {
  const steps = [...script]
  const end = new AbortController()
  const calls: ApiCall[] = []
  const silences: number[] = []
  const sleeps: number[] = []
  const seen: string[] = []
  const errors: string[] = []
  const states: ReturnType<typeof stateOf>[] = []
  let time = 1_000

  const answer = (call: ApiCall): unknown => {
    calls.push(call)
    states.push(stateOf(loop))
    const step = steps.shift()
    if (step)
      return step(call, {
        loop,
        pass: (ms) => (time += ms),
        now: () => time,
        stop: () => end.abort(),
      })
    end.abort()
    throw new ApiError(call, { status: 0, reason: 'AbortError' })
  }
  const client: KubeClient = {
    request: <T>(call: ApiCall) => promised(() => answer(call) as T),
    stream: (call: ApiCall, { silence }: StreamOptions) => {
      silences.push(silence)
      return promised(() => answer(call) as AsyncIterable<unknown>)
    },
    list: async <T>(call: ApiCall, take: (item: unknown) => void) => {
      const list = await promised(() => answer(call) as { items: unknown[] | null })
      for (const item of list.items ?? []) take(item)
      return list as T
    },
    serverVersion: () => Promise.reject(new Error('not asked for in this script')),
    close: () => Promise.resolve(),
  }
  const loop = new ListWatch({
    client,
    target: { group: '', version: 'v1', resource: 'secrets' },
    sink: {
      apply({ metadata: { name, resourceVersion } }) {
        if (name === options.poison) throw new Error('indigestible')
        seen.push(`apply ${name} ${resourceVersion}`)
      },
      remove: ({ name, uid }) => seen.push(`remove ${name} ${uid}`),
      synced: (version) => seen.push(`synced ${version}`),
    },
    now: () => time,
    sleep(ms) {
      sleeps.push(ms)
      time += ms
      return Promise.resolve()
    },
    random: () => 1,
    onMalformed: ({ name }, error) => errors.push(`${name}: ${(error as Error).message}`),
    onError: (error) => errors.push((error as Error).message),
    ...options,
  })
  await loop.run(end.signal)
  return { loop, calls, silences, sleeps, seen, errors, states, queries: calls.map(queryOf) }
}

function stateOf({ synced, resourceVersion, sight }: ListWatch) {
  const { restarts, lastEventAt, lastError } = sight
  return { synced, restarts, resourceVersion, lastEventAt, lastError: lastError?.message }
}

/** In a word or two: what kind of list or watch a call asked for. */
function queryOf({ verb, query = {} }: ApiCall): string {
  if (verb === 'list') return ['list', query['continue']].filter((word) => word).join(' ')
  return query['sendInitialEvents'] ? 'list as stream' : `watch ${query['resourceVersion'] ?? ''}`
}

async function promised<T>(work: () => T): Promise<T> {
  await Promise.resolve()
  return work()
}
