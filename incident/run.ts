/**
 * One run of the script: a new shop, undisturbed for a while, a rotation, what is done about it, and the record.
 */
import {
  SECRET,
  SERVICES,
  loginSecret,
  serviceDeployment,
  type Login,
} from '../examples/shop/manifests.ts'
import type { TestCluster } from '../testbed/cluster.ts'
import { waitUntil } from '../testbed/wait.ts'
import {
  available,
  beyondDoubt,
  freshNamespace,
  removeNamespace,
} from '../test/e2e/installed-cluster.ts'
import { startOperator, type OperatorProcess } from '../test/e2e/operator-process.ts'
import { watchPods } from './pods.ts'
import type { Postgres } from './postgres.ts'
import { startRecorder, type Recorder, type Sample } from './recorder.ts'
import { nameOf, type Conditions, type Scenario } from './scenario.ts'

/** What happened when (s since the rotation). */
export interface Moment {
  readonly second: number
  readonly what: string
}

export interface Run {
  readonly scenario: Scenario
  readonly samples: readonly Sample[]
  readonly moments: readonly Moment[]
  /** Seconds from the rotation until every pod held the new login and was Ready; undefined if that never came. */
  readonly finished: number | undefined
  /** What Sluice said of the failed restart. */
  readonly halted: string | undefined
}

const OLD: Login = { user: 'shop_blue', password: 'correct horse' }
const CHANGED: Login = { user: 'shop_blue', password: 'battery staple' }
const SECOND: Login = { user: 'shop_green', password: 'hunter2 hunter2' }
const MISTYPED: Login = { user: 'shop_green', password: 'hunter2 hunter3' }

export interface Bed {
  readonly cluster: TestCluster
  readonly postgres: Postgres
  readonly conditions: Conditions
  readonly program: string
  readonly say: (line: string) => void
}

export async function run(scenario: Scenario, bed: Bed): Promise<Run> {
  const { cluster, postgres, conditions, say } = bed
  const services = SERVICES.slice(0, conditions.services)
  const pods = services.length * conditions.replicas
  const urgent = scenario.rotation === 'cut-over'
  await postgres.setPassword(OLD)
  await postgres.setPassword({ user: SECOND.user, password: null })
  const namespace = await freshNamespace(cluster)
  const write = (login: Login) => cluster.apply(loginSecret(namespace, login, urgent))
  await write(OLD)
  await beyondDoubt(3_000)

  const operator =
    scenario.response === 'sluice'
      ? await startOperator(cluster, [...conditions.sluiceFlags], { program: bed.program })
      : undefined
  const watched = await watchPods(cluster, namespace)
  let recorder: Recorder | undefined
  try {
    // One after the other, as they came to be: nothing is measured of how the shop opens.
    for (const service of services) {
      await cluster.apply(
        serviceDeployment(service, namespace, conditions.replicas, postgres.address),
      )
      await available(cluster, namespace, service)
    }
    if (operator) await baseline(operator, namespace, pods)
    say(`${nameOf(scenario)}: ${pods} pods are Ready; load and record start`)
    recorder = startRecorder({
      cluster,
      namespace,
      postgres,
      pods: watched,
      rate: conditions.rate,
      login: OLD,
    })
    const record = recorder
    const moments: Moment[] = []
    const moment = (what: string) => {
      moments.push({ second: record.second, what })
      say(`${nameOf(scenario)}: ${record.second.toFixed(1).padStart(6)} s  ${what}`)
    }
    const pause = (seconds: number) => reach(record, record.second + seconds)
    const everything = () =>
      until(
        record,
        conditions.patience,
        `all ${pods} pods to hold the new login`,
        (last) =>
          last.stale === 0 &&
          last.ready === pods &&
          last.starting === 0 &&
          watched.all.size === pods,
      )

    await pause(conditions.before)
    if (record.troubles > 0) {
      throw new Error(
        `expected no failure in the ${conditions.before} s before the rotation, found ${record.troubles}: this machine is too busy to tell what a rotation does`,
      )
    }
    record.markRotation()
    const after = await rotate(scenario, postgres, write, record, moment)
    if (scenario.response === 'all-at-once') {
      await cluster.kubectl(['rollout', 'restart', 'deployment', `--namespace=${namespace}`])
      moment('kubectl rollout restart deployment')
    }
    let halted: string | undefined
    if (scenario.rotation === 'bad-password') {
      await reach(record, conditions.correction)
      halted = operator && (await failure(operator, namespace))
      await write(SECOND)
      record.secretHolds(SECOND)
      moment('the right password is written to the Secret')
    }
    let finished: number | undefined
    if (scenario.response === 'nobody') await reach(record, conditions.neglected)
    else finished = await everything()
    if (finished !== undefined) {
      moment('every pod holds the new login')
      await after()
    }
    await pause(conditions.after)
    return { scenario, samples: await record.stop(), moments, finished, halted }
  } finally {
    await recorder?.stop()
    watched.stop()
    await operator?.end('SIGTERM')
    await removeNamespace(cluster, namespace)
    await waitUntil('the pods to be gone', async () => {
      const left = (await cluster.heldContent()).filter((pod) => pod.namespace === namespace)
      return left.length === 0 ? { value: true } : { instead: `${left.length} left` }
    })
  }
}

/** Changes the login; resolves to what remains to be done when no pod holds the old one any more. */
async function rotate(
  { rotation }: Scenario,
  postgres: Postgres,
  write: (login: Login) => Promise<void>,
  record: Recorder,
  moment: (what: string) => void,
): Promise<() => Promise<void>> {
  switch (rotation) {
    case 'cut-over':
      await postgres.setPassword(CHANGED)
      moment(`ALTER ROLE ${CHANGED.user} PASSWORD …`)
      await write(CHANGED)
      record.secretHolds(CHANGED)
      moment(`the Secret ${SECRET} gets the new password`)
      return () => Promise.resolve()
    case 'two-users':
    case 'bad-password': {
      const written = rotation === 'two-users' ? SECOND : MISTYPED
      await postgres.setPassword(SECOND)
      moment(`ALTER ROLE ${SECOND.user} PASSWORD …`)
      await write(written)
      record.secretHolds(written)
      moment(
        `the Secret ${SECRET} gets ${rotation === 'two-users' ? 'the other login' : 'a wrong password'}`,
      )
      return async () => {
        await postgres.setPassword({ user: OLD.user, password: null })
        moment(`ALTER ROLE ${OLD.user} PASSWORD NULL`)
      }
    }
  }
}

/** Waits until Sluice knows every pod as fresh. */
async function baseline(operator: OperatorProcess, namespace: string, pods: number): Promise<void> {
  await waitUntil('Sluice to know every pod as fresh', async () => {
    const rows = (await operator.status()).filter((row) => row.namespace === namespace)
    const fresh = rows.reduce((sum, { freshPods }) => sum + freshPods, 0)
    return fresh === pods ? { value: true } : { instead: JSON.stringify(rows) }
  })
}

/** What Sluice says of the restart that failed; a crash takes a busy machine a while. */
async function failure(operator: OperatorProcess, namespace: string): Promise<string> {
  return waitUntil(
    'Sluice to tell of the failed restart',
    async () => {
      const rows = (await operator.status()).filter((row) => row.namespace === namespace)
      const message = rows.find(({ hold }) => hold?.reason === 'RestartFailed')?.hold?.message
      return message === undefined ? { instead: JSON.stringify(rows) } : { value: message }
    },
    { deadline: 60_000 },
  )
}

/** Waits for a second of the record. */
async function reach(record: Recorder, second: number): Promise<void> {
  await waitUntil(
    `second ${second}`,
    () => Promise.resolve(record.second >= second ? { value: true } : { instead: '' }),
    { deadline: 3_600_000, every: 50 },
  )
}

/** Waits until a sample is as wanted; resolves to its second, or undefined when nobody had the patience. */
async function until(
  record: Recorder,
  patience: number,
  what: string,
  wanted: (last: NonNullable<Recorder['last']>) => boolean,
): Promise<number | undefined> {
  return waitUntil(
    what,
    () => {
      const { last, second } = record
      if (last && wanted(last)) return Promise.resolve({ value: second })
      if (second > patience) return Promise.resolve({ value: undefined })
      return Promise.resolve({ instead: '' })
    },
    { deadline: 3_600_000, every: 50 },
  )
}
