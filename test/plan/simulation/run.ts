/**
 * One simulated afternoon: a Secret changes now and then, Sluice is killed now and then, and everything that it may
 * never do is watched for at every step.
 */
import { settings as readAnnotations, at, policy } from '../cluster-builder.ts'
import { SimulatedCluster, type Pace, type SimulatedWorkload } from './cluster.ts'
import { SimulatedOperator, type Lags } from './operator.ts'

export interface Scenario {
  readonly workloads: readonly SimulatedWorkload[]
  readonly strategy: 'auto' | 'evict' | 'rollout'
  readonly maxUnavailable: number
  readonly pace: Pace
  readonly lags: Lags
  /** Milliseconds after the start. */
  readonly changes: readonly { readonly at: number; readonly password: string }[]
  readonly kills: readonly number[]
}

export interface Outcome {
  /** What it must never do and did. */
  readonly violations: readonly string[]
  readonly evictions: number
  readonly patches: number
  /** Restarts that began. */
  readonly started: number
  readonly cluster: SimulatedCluster
}

const START = at(0)
/** Long enough for every rotation to end. */
const MOST_STEPS = 4000

export function run(scenario: Scenario): Outcome {
  const { workloads, pace, lags, strategy, maxUnavailable, changes, kills } = scenario
  const cluster = new SimulatedCluster(START, workloads, pace)
  const settings = readAnnotations({
    strategy,
    'max-unavailable': String(maxUnavailable),
    'min-interval': '10s',
    settle: '2s',
    unproven: 'restart',
  })
  const operator = new SimulatedOperator(cluster, lags, settings, policy)
  const wakeUps = new Set<number>([START])
  for (const change of changes) cluster.schedulePassword(START + change.at, change.password)
  const killsAt = kills.map((each) => START + each)
  for (const kill of killsAt) wakeUps.add(kill)

  // Killed while content came and went: what it found may have been current for long, so it must replace more.
  const passwords = ['first', ...changes.map(({ password }) => password)]
  const mayHaveMissed = kills.length > 0 && new Set(passwords).size < passwords.length
  const violations = new Set<string>()
  const count = { evict: 0, patch: 0, started: 0 }
  const watchLags = [lags.secrets, lags.pods, lags.deployments, lags.consumers]
  let seenStates = 0
  for (let step = 0; ; step++) {
    const now = Math.min(cluster.nextAt, operator.nextAt, ...wakeUps)
    if (now === Infinity) break
    if (step === MOST_STEPS) {
      violations.add('a rotation never ends')
      break
    }
    wakeUps.delete(now)
    cluster.advance(now)
    operator.deliver(now)
    if (killsAt.includes(now)) operator.kill(now)
    const before = cluster.state
    const planned = operator.act(now)
    for (const action of planned.actions) {
      if (action.kind === 'record' && action.cause === 'started') count.started++
      if (action.kind === 'patch') count.patch++
      if (action.kind !== 'evict') continue
      count.evict++
      const pod = before.pods.get(action.pod.uid)
      const shown = cluster.stateAt(now - lags.secrets)
      if (
        !mayHaveMissed &&
        pod &&
        pod.holds !== undefined &&
        pod.holds === shown.password &&
        !isDoubtful(pod.record.createdAt, changes)
      ) {
        violations.add(`a fresh pod was evicted: ${action.pod.name}`)
      }
    }
    if (planned.wakeAt < Infinity) wakeUps.add(planned.wakeAt)
    for (; seenStates < cluster.history.length; seenStates++) {
      const since = cluster.history[seenStates]?.since ?? now
      for (const lag of watchLags) if (since + lag > now) wakeUps.add(since + lag)
    }
    const restarting = workloads.filter(({ name }) => isRestarting(cluster, name))
    if (restarting.length > 1) {
      violations.add(`restarted at once: ${restarting.map(({ name }) => name).join(', ')}`)
    }
    for (const { name, replicas } of workloads) {
      const ready = podsOf(cluster, name).filter(
        ({ record }) => record.ready && !record.terminating,
      )
      if (replicas - ready.length > maxUnavailable) violations.add(`too many pods away: ${name}`)
    }
  }
  const { pods, password, consumers } = cluster.state
  for (const { holds, record } of pods.values()) {
    if (holds !== password) violations.add(`left stale: ${record.ref.name}`)
  }
  for (const { name, status } of consumers.values()) {
    if (status?.ledger.restart) violations.add(`a restart never ended: ${name}`)
    for (const { timelines } of status?.ledger.sources.values() ?? []) {
      if ([...timelines.values()].some((timeline) => timeline.length > 1)) {
        violations.add(`old content is never forgotten: ${name}`)
      }
    }
  }
  return {
    violations: [...violations],
    evictions: count.evict,
    patches: count.patch,
    started: count.started,
    cluster,
  }
}

/** Created so close to a change that nobody can tell, which `unproven: restart` takes for stale. */
function isDoubtful(createdAt: number, changes: Scenario['changes']): boolean {
  return changes.some((change) => Math.abs(START + change.at - createdAt) <= policy.margin + 1000)
}

function podsOf(cluster: SimulatedCluster, workload: string) {
  return [...cluster.state.pods.values()].filter((each) => each.workload === workload)
}

/** Pods are away, or a rollout is under way. Nobody but Sluice does either here. */
function isRestarting(cluster: SimulatedCluster, name: string): boolean {
  const of = cluster.state.deployments.get(name)
  const live = podsOf(cluster, name).filter(({ record }) => !record.terminating)
  const ready = live.filter(({ record }) => record.ready).length
  const old = live.filter(({ record }) => record.restartId !== of?.restartId).length
  return of !== undefined && (ready < of.replicas || old > 0)
}
