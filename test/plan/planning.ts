/**
 * Plans small pictures and tells what came of it in lines that a test can state. Ten seconds after the change all
 * is quiet and settled, so a workload that waits waits for what the test is about.
 */
import type { Restart } from '../../src/records/consumer.ts'
import type { HaltRecord, HaltSpec } from '../../src/records/halt.ts'
import type { PodRecord } from '../../src/workloads/pod.ts'
import { readSourceSettings } from '../../src/sources/settings.ts'
import type { Use } from '../../src/workloads/uses.ts'
import type { Action } from '../../src/plan/action.ts'
import type { Hold } from '../../src/model/hold.ts'
import { plan } from '../../src/plan/plan.ts'
import type { Policy } from '../../src/plan/policy.ts'
import type { UnmanagedWorkload } from '../../src/plan/snapshot.ts'
import type { Snapshot, ManagedWorkload } from '../../src/plan/snapshot.ts'
import type { SourceRecord } from '../../src/sources/source.ts'
import {
  appliedLedger,
  appUses,
  at,
  consumer,
  deployment,
  pod,
  policy,
  snapshot,
  source,
  workload,
  type PodChange,
  type WorkloadChange,
  type WorkloadOptions,
} from './cluster-builder.ts'

/** Ten seconds after the change: quiet, and settled. */
export const NOW = at(10)

/** A restart that began four seconds ago. */
export const evicting: Restart = {
  id: 'r1',
  strategy: 'evict',
  startedAt: at(6),
  templateHash: 'hash',
  wasUnwell: false,
}
export const rolling: Restart = { ...evicting, strategy: 'rollout', templateHash: undefined }
/** The same after its patch was seen. */
export const rolledOut: Restart = { ...rolling, patched: true }

/** `password` of a Secret, in the environment. */
export function passwordOf(secret: string): Use {
  return { source: `secret/${secret}`, selector: 'password', mode: 'env', optional: false }
}

type Annotations = Readonly<Record<string, string>>

/** The Secret as it was long ago. */
export function calm(name: string, annotations: Annotations = {}): SourceRecord {
  return marked(source(name, { at: at(-7200), data: { password: 'old' } }), annotations)
}

/** The Secret, changed at second 0 and, if given, at later ones. */
export function rotated(
  name: string,
  annotations: Annotations = {},
  ...later: readonly number[]
): SourceRecord {
  const writes = [0, ...later].map((second) => ({
    at: at(second - 0.5),
    data: { password: `as of ${second}` },
  }))
  return marked(source(name, { at: at(-7200), data: { password: 'old' } }, ...writes), annotations)
}

/** The Secret as it was long ago, changed at this second. */
export function changedAt(name: string, second: number): SourceRecord {
  return source(
    name,
    { at: at(-7200), data: { password: 'old' } },
    { at: at(second - 0.5), data: { password: `as of ${second}` } },
  )
}

function marked(record: SourceRecord, annotations: Annotations): SourceRecord {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`sluice.dev/${key}`, value])
  return {
    ...record,
    settings: readSourceSettings(record.ref, Object.fromEntries(prefixed) as Annotations),
  }
}

export interface Told extends Omit<WorkloadChange, 'workload' | 'consumer'> {
  readonly namespace?: string
  readonly of?: WorkloadOptions
}

/** A workload that consumes these sources, and whose Consumer says what changed; nothing is left to record. */
export function told(name: string, change: Told = {}): ManagedWorkload {
  const { namespace = 'shop', of = {}, sources = [rotated('db')], ledger, ...rest } = change
  const uses = of.uses ?? appUses(...sources.map((each) => passwordOf(each.ref.name)))
  const built = deployment(name, { namespace, uses, ...of })
  const old = Array.from({ length: built.replicas }, (_, n) =>
    pod(`${name}-${n + 1}`, { uses: built.uses }),
  )
  const known = appliedLedger(sources, ledger ?? {})
  const picture = { ...rest, workload: built, sources }
  const written = plan(
    snapshot([
      workload({
        ...picture,
        workload: { ...built, observed: true },
        pods: [pod(`${name}-old`, { uses: built.uses })],
        consumer: consumer(built, known),
        pending: {},
      }),
    ]),
    policy,
    at(0.5),
  ).actions.find((action) => action.kind === 'record')
  const status = written?.cause === 'changed' ? written.status : undefined
  return workload({
    ...picture,
    pods: change.pods?.map((each) => ({ ...each, uses: built.uses })) ?? old,
    consumer: consumer(built, status?.ledger ?? known),
  })
}

/** Three pods of `name`, one of them evicted and not back yet. */
export function oneAway(name: string): readonly PodRecord[] {
  return [pod(`${name}-2`), pod(`${name}-3`)]
}

/** A restart by evict under way, with one of three pods away. */
export function restarting(name: string, change: Told = {}): ManagedWorkload {
  return told(name, {
    pods: oneAway(name),
    ...change,
    ledger: { restart: evicting, ...change.ledger },
  })
}

/** A pod that the restart made; starting unless something else is said. */
export function replacement(name: string, change: PodChange = {}): PodRecord {
  return pod(name, { createdAt: at(7), ready: false, ...change })
}

/** A Deployment that did not opt in, with these pods. */
export function bystander(pods: readonly PodRecord[], of: WorkloadOptions = {}): UnmanagedWorkload {
  return { workload: deployment('other', of), pods }
}

export function halt(
  spec: HaltSpec | undefined,
  change: Partial<Omit<HaltRecord, 'spec'>> = {},
): HaltRecord {
  return { namespace: 'shop', name: 'halt', uid: 'uid-of-halt', ...change, spec }
}

/** An action in a line. */
function line(action: Action): string {
  const { namespace, name } = 'workload' in action ? action.workload : action
  const target = `${namespace}/${name}`
  switch (action.kind) {
    case 'record':
      return `record ${target}: ${action.cause}`
    case 'evict':
      return `evict ${target}: ${action.pod.name}`
    case 'patch':
      return `patch ${target}: ${action.restart.id}`
    case 'forget':
      return `forget ${target}: ${action.consumer.name}`
    case 'halt':
      return `halt ${target}: ${action.spec.message}`
    case 'release':
      return `release ${target}`
  }
}

export interface Planned {
  readonly actions: readonly Action[]
  /** What is done, reports aside. */
  readonly lines: readonly string[]
  /** By name of the workload: `Reason: message`. */
  readonly holds: Readonly<Record<string, string>>
  /** By name of the workload: the reason alone. */
  readonly reasons: Readonly<Record<string, string>>
  readonly order: readonly string[]
  readonly groups: Readonly<Record<string, number>>
  readonly wakeAt: number
}

/** What is planned for a picture. */
export function planned(
  workloads: readonly ManagedWorkload[],
  { now = NOW, ...change }: Partial<Policy> & { readonly now?: number } = {},
  rest: Partial<Omit<Snapshot, 'workloads'>> = {},
): Planned {
  const made = plan(snapshot(workloads, rest), { ...policy, ...change }, now)
  const holds = made.workloads.flatMap(({ workload, hold }): [string, Hold][] =>
    hold ? [[workload.name, hold]] : [],
  )
  const isReport = (action: Action) => action.kind === 'record' && action.cause === 'reported'
  return {
    actions: made.actions,
    lines: made.actions.filter((action) => !isReport(action)).map(line),
    holds: Object.fromEntries(
      holds.map(([name, hold]) => [name, `${hold.reason}: ${hold.message}`]),
    ),
    reasons: Object.fromEntries(holds.map(([name, hold]) => [name, hold.reason])),
    order: made.workloads.map(({ workload }) => workload.name),
    groups: Object.fromEntries(
      made.groups.map(({ group, startingPods }) => [
        `${group.kind} ${group.namespace}/${group.name}`,
        startingPods,
      ]),
    ),
    wakeAt: made.wakeAt,
  }
}
