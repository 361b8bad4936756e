/**
 * Compares the rights that Sluice has with those that it needs, as the API server sees them.
 */
import PQueue from 'p-queue'
import { leastGrants, type Need } from './grants.ts'
import {
  covers,
  describeRight,
  rightsIn,
  rightsOf,
  superfluousRights,
  type Right,
} from './rights.ts'
import type { KubeClient } from '../kube/client.ts'
import { isAllowed, ownRules } from './own-rights.ts'
import type { Logger } from '../model/logger.ts'

/** Questions under way at once. */
const AT_ONCE = 8

/** How the rights differ from the least that is needed. */
export interface RightsDifference {
  readonly missing: readonly Right[]
  readonly superfluous: readonly Right[]
}

/**
 * Asks for the rights of whoever the client is, in all these namespaces. What is granted for single namespaces comes
 * from their rules; what must hold for all is asked one by one. @throws ApiError
 */
export async function checkRights(
  client: KubeClient,
  need: Need,
  namespaces: readonly string[],
): Promise<RightsDifference> {
  const queue = new PQueue({ concurrency: AT_ONCE })
  const needed = rightsIn(leastGrants(need))
  const looked = new Set([...namespaces, ...needed.flatMap(({ namespace }) => namespace ?? [])])
  const granted = new Map(
    await queue.addAll(
      [...looked].sort().map((each) => async () => [each, await ownRules(client, each)] as const),
    ),
  )
  const isGranted = (right: Right) =>
    right.namespace !== undefined &&
    granted
      .get(right.namespace)
      ?.flatMap((rule) => rightsOf(rule, right.namespace))
      .some((each) => covers(each, right))
  const asked = await queue.addAll(
    needed
      .filter((right) => !isGranted(right))
      .map((right) => async () => ({ right, allowed: await isAllowed(client, right) })),
  )
  return {
    missing: asked.filter(({ allowed }) => !allowed).map(({ right }) => right),
    superfluous: superfluousRights(granted, needed),
  }
}

/** How long until it is tried again where it could not be (ms). */
const RETRY_AFTER = 60_000
/** How soon it is looked whether the picture is complete (ms). */
const LOOK_AGAIN_AFTER = 1_000
/** Rights in one line of the log. */
const MOST_TOLD = 20

export interface RightsCheck {
  readonly client: KubeClient
  readonly log: Logger
  /** What is needed now, and in which namespaces to look; undefined while the picture is not complete. */
  readonly need: () => { need: Need; namespaces: readonly string[] } | undefined
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Compares once, as soon as the picture is complete, and writes the difference to the log: `sluice rbac --check` compares
 * at any later time. Ends when that is done, or when `signal` aborts.
 */
export async function checkRightsAtStart(
  { client, log, need, sleep }: RightsCheck,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const now = need()
    if (!now) {
      await sleep(LOOK_AGAIN_AFTER, signal)
      continue
    }
    try {
      tell(log, await checkRights(client, now.need, now.namespaces))
      return
    } catch (error) {
      log.warn(
        { err: error },
        'cannot compare the rights of the service account with those needed, trying again',
      )
      await sleep(RETRY_AFTER, signal)
    }
  }
}

function tell(log: Logger, { missing, superfluous }: RightsDifference): void {
  const few = (rights: readonly Right[]) => rights.slice(0, MOST_TOLD).map(describeRight)
  if (missing.length > 0) {
    const count = missing.length
    log.warn({ count, rights: few(missing) }, 'the service account lacks rights')
  }
  if (superfluous.length > 0) {
    const count = superfluous.length
    log.warn(
      { count, rights: few(superfluous) },
      'the service account has more rights than it needs',
    )
  }
  if (missing.length + superfluous.length === 0) {
    log.info('the service account has exactly the rights that it needs')
  }
}
