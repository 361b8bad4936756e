/**
 * Open-loop load: requests are sent as customers come, at random times and a constant rate, whether or not earlier
 * ones have been answered.
 */
import { Agent, request } from 'undici'

/** How a request ended. */
type Outcome = 'ok' | 'error' | 'timeout' | 'refused' | 'noEndpoint'

/** How many requests ended how. */
export type Outcomes = Readonly<Record<Outcome, number>>

/** Those that failed, in whatever way. */
export function failedIn({ error, timeout, refused, noEndpoint }: Outcomes): number {
  return error + timeout + refused + noEndpoint
}

/** How long a customer waits (ms). */
const PATIENCE = 5_000
/** How often it is looked how many requests are due (ms). */
const TICK = 10

export interface Load {
  /** What became of the requests that were sent in a second, counted from the start; complete once PATIENCE is over. */
  sentIn(second: number): Outcomes
  /** Sends no more; resolves when every request has ended. */
  stop(): Promise<void>
}

/** Sends `rate` requests a second on average, each to any pod of any service, as kube-proxy chooses. */
export function startLoad(options: {
  rate: number
  services: readonly string[]
  endpoints: (service: string) => readonly string[]
  port: number
}): Load {
  const { rate, services, endpoints, port } = options
  const agent = new Agent({ connections: 64, keepAliveTimeout: 10_000 })
  const seconds: Record<Outcome, number>[] = []
  const open = new Set<Promise<void>>()
  const from = performance.now()
  // Customers know nothing of one another: the pauses between them are exponential (ms).
  const pause = () => (-Math.log(1 - Math.random()) * 1000) / rate

  const second = (index: number) =>
    (seconds[index] ??= { ok: 0, error: 0, timeout: 0, refused: 0, noEndpoint: 0 })
  const send = async (): Promise<void> => {
    const counted = second(Math.floor((performance.now() - from) / 1000))
    const ip = any(endpoints(any(services) ?? ''))
    counted[ip === undefined ? 'noEndpoint' : await post(agent, `http://${ip}:${port}/orders`)]++
  }
  let due = 0
  const timer = setInterval(() => {
    for (const now = performance.now() - from; due <= now; due += pause()) {
      const one: Promise<void> = send().finally(() => open.delete(one))
      open.add(one)
    }
  }, TICK)

  return {
    sentIn: (index) => ({ ...second(index) }),
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      await agent.close()
    },
  }
}

function any<T>(from: readonly T[]): T | undefined {
  return from[Math.floor(Math.random() * from.length)]
}

async function post(agent: Agent, url: string): Promise<Outcome> {
  try {
    const { statusCode, body } = await request(url, {
      method: 'POST',
      dispatcher: agent,
      signal: AbortSignal.timeout(PATIENCE),
    })
    await body.dump()
    return statusCode < 400 ? 'ok' : 'error'
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'refused'
  }
}
