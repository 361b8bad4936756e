/**
 * Urgent restarts that wait for room: others leave it to them. Pure.
 */
import { groupKey } from './groups.ts'
import type { Claim } from './budget.ts'
import type { Hold } from './hold.ts'

/** What an urgent restart can wait for that others would use up. */
const WAITS_FOR_ROOM = new Set<Hold['reason']>(['ClusterBudget', 'GroupBudget', 'StartingPods'])

export class Precedence {
  readonly #waiting: { readonly claim: Claim; readonly hold: Hold }[] = []

  /** A restart is held. */
  heldBack(claim: Claim, hold: Hold): void {
    if (claim.urgent && WAITS_FOR_ROOM.has(hold.reason)) this.#waiting.push({ claim, hold })
  }

  /** Why a restart leaves the room to an urgent one, if so: not where it would use up none of what that waits for. */
  holdFor(claim: Claim): Hold | undefined {
    if (claim.urgent) return undefined
    const keys = new Set(claim.groups.map(groupKey))
    const before = this.#waiting.find(
      (urgent) =>
        urgent.hold.reason === 'ClusterBudget' ||
        urgent.claim.groups.some((group) => keys.has(groupKey(group))),
    )
    return before && { reason: 'YieldsToUrgent', message: 'an urgent restart waits for room' }
  }
}
