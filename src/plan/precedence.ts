/**
 * Urgent restarts that wait for room: others leave it to them. Pure.
 */
import { groupKey } from './groups.ts'
import type { Claim } from './budget.ts'
import { endedBy, type Hold } from './hold.ts'

export class Precedence {
  readonly #waiting: { readonly claim: Claim; readonly hold: Hold }[] = []

  /** A restart is held. */
  heldBack(claim: Claim, hold: Hold): void {
    if (claim.urgent && endedBy(hold) === 'turn') this.#waiting.push({ claim, hold })
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
