/**
 * What follows from a write that failed: a hold with its reason, and how long to wait. Pure.
 */
import { MANAGED, RESTART_ID } from '../model/annotations.ts'
import { ApiError } from '../kube/api-error.ts'
import type { Action, EvictAction } from '../plan/action.ts'
import type { Hold } from '../model/hold.ts'

/** Waits between attempts (ms): exponential from the first to the last, each drawn out by up to a half. */
const FIRST_WAIT = 500
const LONGEST_WAIT = 30_000
/** How long to wait where nothing but a person's doing helps (ms). */
const WAIT_FOR_A_PERSON = 60_000

/** The circumstances of a failure. */
export interface Circumstances {
  /** Failures in a row for this workload, this one included. */
  readonly failures: number
  /** API server's clock, milliseconds. */
  readonly now: number
  /** From 0 to 1. */
  readonly random: number
}

/** The server said no before doing anything; otherwise the write may have happened. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return [400, 401, 403, 413, 415, 422, 429].includes(error.status) || hasTwoBudgets(error)
}

/**
 * The server may still be at it: nobody answered, or it was a server in trouble. What it does with the request shows
 * a moment later only.
 */
export function isOpen(error: unknown): boolean {
  if (!(error instanceof ApiError)) return true
  return error.status === 0 || (error.status >= 500 && !hasTwoBudgets(error))
}

/** A plain no to an eviction in the form of a server in trouble. */
function hasTwoBudgets(error: ApiError): boolean {
  return error.status === 500 && error.mentions('more than one PodDisruptionBudget')
}

/** The hold that a failed action leaves behind. */
export function holdFor(error: unknown, action: Action, circumstances: Circumstances): Hold {
  const backOff = (hold: Omit<Hold, 'until'>): Hold => ({
    ...hold,
    until: circumstances.now + wait(error, circumstances),
  })
  if (!(error instanceof ApiError)) {
    return backOff({ reason: 'ServerBusy', message: 'the write failed' })
  }
  const budget = action.kind === 'evict' && budgetHold(error, action)
  if (budget) return backOff(budget)
  if (error.mentions('ValidatingAdmissionPolicy')) {
    return backOff({
      reason: 'Refused',
      message: `${error.message}: ${POLICY} ${hint(error, action)}`,
    })
  }
  if (error.causes().some(({ reason }) => reason === 'NamespaceTerminating')) {
    const { namespace } = 'workload' in action ? action.workload : action
    const message = `namespace ${namespace} is being deleted`
    return { reason: 'Refused', message, until: circumstances.now + WAIT_FOR_A_PERSON }
  }
  const refuser = error.refuser
  if (refuser) return backOff({ reason: 'Refused', message: `${error.message}: ${refuser}` })
  if (error.status === 403 || error.status === 401) {
    return backOff({ reason: 'Forbidden', message: `${error.message}: ${missingRight(action)}` })
  }
  if (isRefusal(error) && error.status !== 429) {
    return {
      reason: 'Refused',
      message: error.message,
      until: circumstances.now + WAIT_FOR_A_PERSON,
    }
  }
  return backOff({ reason: 'ServerBusy', message: error.message })
}

/**
 * A refusal by a PodDisruptionBudget, which is never a reason to delete the pod instead. 429 means "not now"; two
 * budgets on one pod answer 500, a budget in a faulty state 403.
 * Source: kubernetes/pkg/registry/core/pod/storage/eviction.go.
 */
function budgetHold(error: ApiError, action: EvictAction): Omit<Hold, 'until'> | undefined {
  const reason = 'PodDisruptionBudget'
  const causes = error.causes()
  const cause = causes.find((each) => each.reason === 'DisruptionBudget')
  if (error.status === 429 && cause) {
    return { reason, message: refusalOf(cause.message, action) }
  }
  if (hasTwoBudgets(error)) {
    return {
      reason,
      message: 'the pod has more than one PodDisruptionBudget, so it cannot be evicted',
    }
  }
  if (error.status === 403 && error.blamed.kind === 'poddisruptionbudgets') {
    return {
      reason,
      message: `PodDisruptionBudget ${error.blamed.name} is in a faulty state`,
    }
  }
  return undefined
}

/** "Not now" and "never" told apart, from the numbers that the server gives with its refusal. */
function refusalOf(words: string, { ready, desired }: EvictAction): string {
  const found = /disruption budget (\S+)(?: needs (\d+) healthy pods and has (\d+))?/.exec(words)
  const budget = `PodDisruptionBudget ${found?.[1] ?? 'of the pod'}`
  const [needs, has] = [Number(found?.[2]), Number(found?.[3])]
  if (needs >= desired) {
    return `${budget} needs all ${desired} pods and can never allow an eviction; lower it, or choose the strategy rollout`
  }
  if (!ready && has <= needs) {
    return `${budget} needs ${needs} healthy pods and has ${has}: until then it refuses to evict even a pod that is not Ready, unless it says unhealthyPodEvictionPolicy: AlwaysAllow`
  }
  return `${budget} allows no eviction now${found?.[2] ? `: it needs ${needs} healthy pods and has ${has}` : ''}`
}

const POLICY = 'an admission policy (ValidatingAdmissionPolicy) denies it'

/** What the shipped policies (manifests/base, manifests/components/managed-namespaces) ask for; of others nothing is known. */
function hint(error: ApiError, action: Action): string {
  if (action.kind === 'evict' && error.mentions(MANAGED)) {
    return `unless namespace ${action.workload.namespace} has the label ${MANAGED}=true`
  }
  // Sluice sends nothing but that annotation: the rest of the change comes from a mutating webhook.
  return action.kind === 'patch' && error.mentions("ValidatingAdmissionPolicy 'sluice'")
    ? `since more would change than ${RESTART_ID}: let mutating webhooks skip this service account, or use the strategy evict`
    : 'to the service account'
}

/** The exact right that an action needs, as RBAC says it. */
function missingRight(action: Action): string {
  const { namespace } = 'workload' in action ? action.workload : action
  const rights = {
    record: 'create consumers.sluice.dev and update consumers.sluice.dev/status',
    forget: 'delete consumers.sluice.dev',
    evict: 'create pods/eviction',
    patch: 'patch deployments.apps',
    halt: 'create halts.sluice.dev',
    release: 'delete halts.sluice.dev',
  } as const
  return `the service account needs to ${rights[action.kind]} in namespace ${namespace}`
}

function wait(error: unknown, { failures, random }: Circumstances): number {
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
  const grown = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1))
  return Math.max(asked, grown * (1 + random / 2))
}
