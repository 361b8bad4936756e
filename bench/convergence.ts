/**
 * How long a rotation takes that nothing but the starting pods bind, in virtual time: beside the least time that this
 * many pods need when so many may start at once.
 */
import type { Policy } from '../src/plan/policy.ts'
import { at, policy } from '../test/plan/cluster-builder.ts'
import { SimulatedCluster } from '../test/plan/simulation/cluster.ts'
import { SimulatedOperator } from '../test/plan/simulation/operator.ts'
import type { SimulatedWorkload } from '../test/plan/simulation/state.ts'
import type { Chapter, Figure } from './figure.ts'

const WORKLOADS = 200
const PODS_EACH = 5
/** From the creation of a pod until it is Ready (ms). */
const TO_START = 2000
const BUDGETS = [1, 5, 25]
/** At most so much longer than the least time. */
const TARGET = 1.05

const CHANGED_AT = at(1)
const PACE = { controller: 1, start: 1000, ready: TO_START - 1000, termination: 1 }
const LAGS = { secrets: 0, pods: 0, deployments: 0, consumers: 0, halts: 0, writes: 1 }

/** Rotates one Secret of a fleet under each of the budgets. */
export function measureConvergence(): Chapter {
  const figures = BUDGETS.map((budget): Figure => {
    const least = Math.ceil((WORKLOADS * PODS_EACH) / budget) * TO_START
    return {
      what: `${budget} starting ${budget === 1 ? 'pod' : 'pods'} at once`,
      value: timeToFresh(budget),
      unit: 'ms',
      baseline: { what: 'the least time', value: least },
      target: least * TARGET,
    }
  })
  return {
    title: `Time until ${WORKLOADS} Deployments of ${PODS_EACH} pods are fresh`,
    figures,
    remarks: [
      `In virtual time, from the first eviction to the last pod; a pod takes ${TO_START / 1000} s to start, \`settle\` is 0.`,
    ],
  }
}

function timeToFresh(maxStartingPods: number): number {
  const workloads = Array.from({ length: WORKLOADS }, (_, n): SimulatedWorkload => ({
    namespace: 'shop',
    name: `web-${n}`,
    replicas: PODS_EACH,
    secrets: ['db'],
    reads: 'key',
    optedIn: true,
    annotations: { 'max-unavailable': '100%', settle: '0s' },
    record: {},
  }))
  const limits: Policy = {
    ...policy,
    maxConcurrentRestarts: WORKLOADS,
    maxConcurrentPerGroup: WORKLOADS,
    maxStartingPods,
  }
  const secret = { namespace: 'shop', name: 'db', annotations: {} }
  const cluster = new SimulatedCluster(at(0), [secret], workloads, PACE, 0)
  cluster.agenda.at(CHANGED_AT, () => cluster.writeSecret('shop', 'db', 'second'))
  const operator = new SimulatedOperator(cluster, LAGS, limits)
  let firstEviction = Infinity
  let wakeAt = at(0)
  for (;;) {
    const now = Math.min(cluster.agenda.nextAt, operator.nextAt, wakeAt)
    if (now === Infinity) break
    cluster.advance(now)
    operator.deliver(
      now,
      ({ action }) => {
        if (action.kind === 'evict') firstEviction = Math.min(firstEviction, now)
      },
      () => {},
    )
    wakeAt = operator.act(now).wakeAt
  }
  const pods = [...cluster.state.pods.values()]
  if (pods.some(({ holds }) => holds?.get('db') !== 'second'))
    throw new Error('some are left stale')
  return Math.max(...pods.map(({ record }) => record.readyAt ?? Infinity)) - firstEviction
}
