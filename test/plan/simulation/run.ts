/**
 * One simulated afternoon: Secrets change, people and bad luck interfere, Sluice is killed now and then, and
 * everything that it may never do is watched for at every step.
 */
import { isDeepStrictEqual } from 'node:util'
import { consumerName } from '../../../src/records/consumer.ts'
import { REASONS, type HoldReason } from '../../../src/model/hold.ts'
import { plan, type Plan } from '../../../src/plan/plan.ts'
import type { Policy } from '../../../src/plan/policy.ts'
import { takesSlot } from '../../../src/plan/step.ts'
import type { Snapshot } from '../../../src/plan/snapshot.ts'
import { ABSENT } from '../../../src/sources/digest.ts'
import { today, type Timeline } from '../../../src/sources/timeline.ts'
import { at } from '../cluster-builder.ts'
import { Claims } from './claims.ts'
import { SimulatedCluster, type InitialSecret } from './cluster.ts'
import type { Incident, Timed } from './incident.ts'
import { SimulatedOperator, type Lags, type Sent } from './operator.ts'
import { livePods, valuesFor, type Pace, type SimulatedWorkload } from './state.ts'
import { Watchdog } from './watchdog.ts'

export interface Scenario {
  readonly secrets: readonly InitialSecret[]
  readonly workloads: readonly SimulatedWorkload[]
  readonly policy: Policy
  readonly pace: Pace
  readonly lags: Lags
  /** How far Sluice's idea of the API server's clock is off (ms). */
  readonly clockOff: number
  readonly incidents: readonly Timed[]
}

export interface Outcome {
  /** What it must never do and did. */
  readonly violations: readonly string[]
  readonly evictions: number
  readonly patches: number
  /** Restarts that began. */
  readonly started: number
  /** Restarts that failed. */
  readonly failed: number
  /** Halts written. */
  readonly halts: number
  readonly steps: number
  readonly endedAt: number
  readonly cluster: SimulatedCluster
  /** How the last plan held each workload, by name. */
  readonly holds: ReadonlyMap<string, HoldReason>
}

export const START = at(0)
const MOST_STEPS = 20_000
/** For so long a budget may hold somebody although nobody is being restarted: a deploy of others has its deadline. */
const IDLE_AT_MOST = 100_000

/** At the end, when nothing happens any more, these would be a deadlock. */
function endsByItself(reason: HoldReason): boolean {
  return ['time', 'turn'].includes(REASONS[reason].endedBy)
}

/** Plays a scenario to its end. */
export function run(scenario: Scenario): Outcome {
  const { secrets, workloads, policy, pace, lags, incidents, clockOff } = scenario
  const cluster = new SimulatedCluster(START, secrets, workloads, pace)
  const uids = [...cluster.state.deployments.keys()]
  const operator = new SimulatedOperator(cluster, lags, policy, clockOff)
  const watchdog = new Watchdog(cluster, comesAndGoes(scenario), {
    margin: policy.margin,
    clockOff,
  })
  const claims = new Claims(cluster, policy)
  const count = { evict: 0, patch: 0, started: 0, failed: 0, halt: 0 }
  const onArrival = (sent: Sent) => {
    watchdog.look()
    watchdog.arrives(sent)
    if (sent.action.kind === 'evict') count.evict++
    if (sent.action.kind === 'patch') count.patch++
    if (sent.action.kind === 'halt') count.halt++
  }
  const kills: Incident[] = []
  for (const { at: time, incident } of incidents) {
    cluster.agenda.at(START + time, () => {
      if (incident.kind === 'kill') kills.push(incident)
      else happen(incident, cluster, uids, scenario, watchdog)
    })
  }
  const wakeUps = new Set<number>([START])
  const watchLags = [lags.secrets, lags.pods, lags.deployments, lags.consumers, lags.halts]
  let seenStates = 0
  let last: Plan | undefined
  let steps = 0
  let idleSince: number | undefined
  for (; ; steps++) {
    const now = Math.min(cluster.agenda.nextAt, operator.nextAt, ...wakeUps)
    if (now === Infinity) break
    if (steps === MOST_STEPS) {
      watchdog.violations.add('it never comes to rest')
      break
    }
    wakeUps.delete(now)
    cluster.advance(now)
    operator.deliver(now, onArrival, (sent) => watchdog.arrived(sent))
    for (const incident of kills.splice(0)) {
      if (incident.kind === 'kill') {
        watchdog.killed()
        operator.kill(now, { ...operator.policy, ...incident.policy }, onArrival, (sent) =>
          watchdog.arrived(sent),
        )
        claims.restarted(now + clockOff)
      }
    }
    watchdog.look()
    const { plan: planned, picture, seen, sources, wakeAt } = operator.act(now)
    const { pods, secrets: secretsSeen } = seen
    claims.look(
      { plan: planned, pods, secrets: secretsSeen, sources },
      now + clockOff,
      lags.secrets,
    )
    last = planned
    for (const action of planned.actions) {
      if (action.kind !== 'record') continue
      if (action.cause === 'started') count.started++
      if (action.cause === 'failed') count.failed++
    }
    if (planned.actions.some(takesSlot)) {
      for (const each of observedOtherwise(picture, operator.policy, now + clockOff))
        watchdog.violations.add(each)
    }
    if (steps % 4 === 0) {
      const again = plan(unknown(picture), operator.policy, now + clockOff)
      if (!isDeepStrictEqual(inShort(again), inShort(planned))) {
        watchdog.violations.add('the same picture gives two plans')
      }
    }
    idleSince = isIdle(planned, watchdog) ? (idleSince ?? now) : undefined
    if (idleSince !== undefined && now - idleSince > IDLE_AT_MOST) {
      watchdog.violations.add(`idle, though ${budgetHolds(planned).join(', ')}`)
    }
    if (wakeAt < Infinity) wakeUps.add(Math.max(wakeAt, now + 1))
    for (; seenStates < cluster.history.length; seenStates++) {
      const since = cluster.history[seenStates]?.since ?? now
      for (const lag of watchLags) if (since + lag > now) wakeUps.add(since + lag)
    }
  }
  for (const each of claims.violations) watchdog.violations.add(each)
  const holds = holdsOf(last)
  for (const each of leftUndone(cluster, holds)) watchdog.violations.add(each)
  if (staysBad(cluster, scenario)) {
    const policies = [
      policy,
      ...incidents.map(({ incident }) => ('policy' in incident ? incident.policy : {})),
    ]
    const most = Math.max(
      ...policies.map((each) =>
        Math.max(each.maxConcurrentPerGroup ?? 1, each.urgentMaxConcurrentRestarts ?? 1),
      ),
    )
    for (const each of watchdog.spread(most)) watchdog.violations.add(each)
  }
  return {
    violations: [...watchdog.violations],
    evictions: count.evict,
    patches: count.patch,
    started: count.started,
    failed: count.failed,
    halts: count.halt,
    steps,
    endedAt: cluster.now,
    cluster,
    holds,
  }
}

/** Mode observe must show what mode act would do: who starts something now, and how each other is held. */
function observedOtherwise(picture: Snapshot, policy: Policy, now: number): readonly string[] {
  const acts = plan(unknown(picture), { ...policy, mode: 'act' }, now)
  const observes = plan(unknown(picture), { ...policy, mode: 'observe' }, now)
  const starting = new Set(
    acts.actions.flatMap((each) =>
      takesSlot(each) && 'workload' in each ? [each.workload.uid] : [],
    ),
  )
  const shown = new Map(observes.workloads.map(({ workload, hold }) => [workload.uid, hold]))
  return acts.workloads.flatMap(({ workload, hold }) => {
    const { uid, name } = workload
    const expected = starting.has(uid) ? 'ObserveOnly' : hold?.reason
    const found = shown.get(uid)?.reason
    return found === expected
      ? []
      : [`observe shows ${name}: ${found ?? 'nothing'}, act does ${expected ?? 'nothing'}`]
  })
}

/** An equal picture of which nothing has been looked at before. */
function unknown(picture: Snapshot): Snapshot {
  return { ...picture, workloads: picture.workloads.map((each) => ({ ...each })) }
}

/** What must be equal in two plans of one picture; workloads that need nothing stand in any order. */
function inShort({ actions, workloads, groups, wakeAt }: Plan) {
  const all = workloads.map(({ workload, counts, availability, hold, wakeAt: next }) => {
    const { uid } = workload
    return [uid, { counts, availability, hold, next }] as const
  })
  const needed = workloads.filter(({ stalePods }) => stalePods > 0)
  const order = needed.map(({ workload }) => workload.uid)
  return { actions, groups, wakeAt, order, all: new Map(all) }
}

function happen(
  incident: Exclude<Incident, { kind: 'kill' }>,
  cluster: SimulatedCluster,
  uids: readonly string[],
  { secrets }: Scenario,
  watchdog: Watchdog,
): void {
  const uid = 'workload' in incident ? (uids[incident.workload % uids.length] ?? '') : ''
  switch (incident.kind) {
    case 'write': {
      const secret = secrets[incident.secret % secrets.length]
      if (secret) cluster.writeSecret(secret.namespace, secret.name, incident.value)
      break
    }
    case 'delete': {
      const secret = secrets[incident.secret % secrets.length]
      if (secret) cluster.deleteSecret(secret.namespace, secret.name)
      break
    }
    case 'drain':
      cluster.drain(uid, incident.pod)
      break
    case 'flap':
      cluster.flap(uid, incident.pod, incident.for)
      break
    case 'scale':
      cluster.scale(uid, incident.replicas)
      watchdog.changed(uid)
      break
    case 'deploy':
      cluster.deploy(uid, incident.image, incident.keepsRestartId)
      watchdog.changed(uid)
      break
    case 'remove':
      cluster.remove(uid)
      break
    case 'limit':
      cluster.annotate(uid, { 'max-unavailable': String(incident.maxUnavailable) })
      break
    case 'pause':
      cluster.annotate(uid, { paused: String(incident.paused) })
      break
    case 'trouble':
      cluster.trouble({ [incident.of]: true })
      cluster.agenda.at(cluster.now + incident.for, () => cluster.trouble({ [incident.of]: false }))
      break
    case 'stuck':
      cluster.stick(uid, incident.by)
      cluster.agenda.at(cluster.now + incident.for, () => cluster.stick(uid, undefined))
      break
    case 'resume':
      for (const { record } of cluster.state.deployments.values()) {
        const { namespace, uid: each } = record.ref
        const known = cluster.state.consumers.get(`${namespace}/${consumerName(record.ref)}`)
        const failure = known?.status?.ledger.failure
        if (failure) cluster.annotate(each, { resume: failure.id })
      }
      break
    case 'release':
      cluster.releaseHalts()
      break
  }
}

/** How long before a kill a write may be unknown to the next process, or not recorded: the watch and the write of the record lag (ms). */
const MISSED_WITHIN = 3000

/** Content came and went around a kill: what the next process found may have been current since the record before. */
function comesAndGoes({ incidents }: Scenario): boolean {
  const kills = incidents.filter(({ incident }) => incident.kind === 'kill')
  const writes = incidents.flatMap(({ at: time, incident }) =>
    incident.kind === 'write' ? [{ time, what: `${incident.secret}=${incident.value}` }] : [],
  )
  const missed = incidents.some(
    ({ at: time, incident: { kind } }) =>
      (kind === 'write' || kind === 'delete') &&
      kills.some((kill) => time <= kill.at && kill.at - time < MISSED_WITHIN),
  )
  const kinds = new Set(writes.map(({ what }) => what))
  return (
    missed && (kinds.size < writes.length || writes.some(({ what }) => what.endsWith('=first')))
  )
}

/** Nobody interferes, and no workload was unwell before: a bad credential stops its groups. */
function staysBad({ history }: SimulatedCluster, { incidents, workloads }: Scenario): boolean {
  // Of two contents that a restart is for either may be the bad one: a change of one gives both another try.
  if (workloads.some(({ secrets }) => secrets.length > 1)) return false
  const others = incidents.some(({ incident: { kind } }) => kind !== 'write' && kind !== 'kill')
  const consumers = new Set(history.flatMap(({ state }) => [...state.consumers.values()]))
  const unwell = [...consumers].some(({ status }) => status?.ledger.failure?.kind === 'CannotStart')
  return !others && !unwell
}

function holdsOf(planned: Plan | undefined): ReadonlyMap<string, HoldReason> {
  return new Map(
    (planned?.workloads ?? []).flatMap(({ workload, hold }) =>
      hold ? [[workload.name, hold.reason] as const] : [],
    ),
  )
}

function budgetHolds(planned: Plan): readonly string[] {
  return planned.workloads.flatMap(({ workload, hold }) =>
    hold?.reason === 'ClusterBudget' || hold?.reason === 'GroupBudget'
      ? [`${workload.name} is held by ${hold.reason}`]
      : [],
  )
}

/** Somebody waits for his turn, yet nobody is being restarted. */
function isIdle(planned: Plan, watchdog: Watchdog): boolean {
  return budgetHolds(planned).length > 0 && watchdog.restarting().length === 0
}

function leftUndone(
  cluster: SimulatedCluster,
  holds: ReadonlyMap<string, HoldReason>,
): readonly string[] {
  const found: string[] = []
  const { state } = cluster
  for (const [uid, of] of state.deployments) {
    if (!of.optedIn) continue
    const { name, namespace } = of.record.ref
    const hold = holds.get(name)
    const values = valuesFor(state, of)
    const live = livePods(state, uid)
    const stale = live.some(({ holds: read }) =>
      // What is not there is no reason.
      [...(read ?? [])].some(
        ([secret, value]) => values.get(secret) && values.get(secret) !== value,
      ),
    )
    if (stale && (!hold || endsByItself(hold))) {
      found.push(`left stale: ${name}, ${hold ?? 'without a reason'}`)
    }
    if (hold && endsByItself(hold)) found.push(`held for ever: ${name}, ${hold}`)
    const { status } =
      state.consumers.get(`${namespace}/${consumerName({ kind: 'Deployment', name })}`) ?? {}
    // What a pod that does not run will hold is not known.
    if (!status || hold || live.some(({ record }) => !record.ready)) continue
    if (status.ledger.restart) found.push(`a restart never ended: ${name}`)
    for (const { timelines } of status.ledger.sources.values()) {
      const isThere = (each: Timeline) => today(each).digest !== ABSENT
      if ([...timelines.values()].some((each) => each.length > 1 && isThere(each))) {
        found.push(`old content is never forgotten: ${name}`)
      }
    }
  }
  return found
}
