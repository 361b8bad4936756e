/**
 * Urgent restarts that wait for room: others leave it to them. Pure.
 */
import { groupKey } from '../../model/group.ts'
import type { Claim } from './budget.ts'
import { endedBy, type Hold } from '../../model/hold.ts'

export class Precedence {
  #inCluster = false
  readonly #inGroups = new Set<string>()

  /** A restart is held. */
  heldBack(claim: Claim, hold: Hold): void {
    if (!claim.urgent || endedBy(hold) !== 'turn') return
    if (hold.reason === 'ClusterBudget') this.#inCluster = true
    for (const group of claim.groups) this.#inGroups.add(groupKey(group))
  }

  /** Why a restart leaves the room to an urgent one, if so: not where it would use up none of what that waits for. */
  holdFor({ groups, urgent }: Claim): Hold | undefined {
    if (urgent) return undefined
    const yields = this.#inCluster || groups.some((group) => this.#inGroups.has(groupKey(group)))
    return yields
      ? { reason: 'WaitingForUrgent', message: 'an urgent restart waits for room' }
      : undefined
  }
}
