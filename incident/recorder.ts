/**
 * One sample a second of everything that the report shows, from outside of Sluice.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PORT, SERVICES, type Login } from '../examples/shop/manifests.ts'
import type { TestCluster } from '../testbed/cluster.ts'
import { failedIn, startLoad, type Outcomes } from './load.ts'
import type { Pods } from './pods.ts'
import type { Postgres } from './postgres.ts'

export interface Sample extends Outcomes {
  /** Seconds since the rotation; the sample tells of the second that begins then. */
  readonly second: number
  /** Logins that PostgreSQL refused in this second. */
  readonly wrongPassword: number
  readonly noSlot: number
  /** Connections of the shop that were open at its end, and that were opened in it. */
  readonly connections: number
  readonly opened: number
  /** The most pods that were starting at one moment of it, and the fewest that were Ready. */
  readonly starting: number
  readonly ready: number
  /** Pods that held another login than the Secret does, at its end. */
  readonly stale: number
}

export interface Recorder {
  /** The rotation happens now: its second is number 0. */
  markRotation(): void
  /** From now on the Secret holds this. */
  secretHolds(login: Login): void
  /** The newest sample, once there is one that knows what the Secret holds. */
  readonly last: Omit<Sample, 'second'> | undefined
  /** Requests that failed so far, and logins that were refused. */
  readonly troubles: number
  /** Seconds since the rotation; negative before. */
  readonly second: number
  /** Ends the load; may be called again. */
  stop(): Promise<readonly Sample[]>
}

/** Starts the load and the samples. `rate` is in requests a second. */
export function startRecorder(options: {
  cluster: TestCluster
  namespace: string
  postgres: Postgres
  pods: Pods
  rate: number
  login: Login
}): Recorder {
  const { cluster, namespace, postgres, pods, rate } = options
  const load = startLoad({
    rate,
    services: SERVICES.filter((service) => pods.endpoints(service).length > 0),
    endpoints: (service) => pods.endpoints(service),
    port: PORT,
  })
  const from = performance.now()
  const samples: Omit<Sample, 'second' | keyof Outcomes>[] = []
  let before = { ...postgres.log }
  let rotation = 0
  let login = options.login
  let known = 0
  pods.takeExtremes()

  const stale = async () => {
    const user = sha256(login.user)
    const password = sha256(login.password)
    const held = (await cluster.heldContent()).filter((pod) => pod.namespace === namespace)
    const isStale = (env: Record<string, string>) =>
      env['DB_USER'] !== user || env['DB_PASSWORD'] !== password
    return held.filter(
      ({ uid, containers }) =>
        pods.all.get(uid)?.terminating === false && containers.some(({ env }) => isStale(env)),
    ).length
  }
  const sample = async () => {
    const now = { ...postgres.log }
    const [connections, staleNow] = await Promise.all([postgres.openConnections(), stale()])
    samples.push({
      wrongPassword: now.wrongPassword - before.wrongPassword,
      noSlot: now.noSlot - before.noSlot,
      opened: now.opened - before.opened,
      connections,
      stale: staleNow,
      ...pods.takeExtremes(),
    })
    before = now
  }
  let ended: Promise<readonly Sample[]> | undefined
  const stopping = new AbortController()
  const sampling = (async () => {
    for (let next = 1; !stopping.signal.aborted; next++) {
      await sleep(Math.max(0, from + next * 1000 - performance.now()))
      await sample()
    }
  })()

  return {
    markRotation() {
      rotation = (performance.now() - from) / 1000
    },
    secretHolds(changed) {
      login = changed
      // One sample may have asked before it knew.
      known = samples.length + 1
    },
    get last() {
      const at = samples.length - 1
      const newest = samples[at]
      return newest && at >= known ? { ...newest, ...load.sentIn(at) } : undefined
    },
    get troubles() {
      return samples
        .map((each, at) => each.wrongPassword + each.noSlot + failedIn(load.sentIn(at)))
        .reduce((sum, some) => sum + some, 0)
    },
    get second() {
      return (performance.now() - from) / 1000 - rotation
    },
    stop() {
      return (ended ??= end())
    },
  }

  async function end(): Promise<readonly Sample[]> {
    stopping.abort()
    await sampling
    await load.stop()
    return samples.map((each, at) => ({
      second: at - Math.floor(rotation),
      ...load.sentIn(at),
      ...each,
    }))
  }
}

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
