/**
 * Conditions in the status of an object. Pure.
 */

/** The part of a condition that is read. */
export interface Condition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime?: string
  readonly lastUpdateTime?: string
  readonly reason?: string
  readonly message?: string
}

/** Whether the object has a condition, and it is true. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditions?.find((each) => each.type === type)?.status === 'True'
}

/** Since when a condition has a status (ms); `undefined` if it has another, or nothing tells. */
export function sinceWhen(
  conditions: readonly Condition[] | undefined,
  type: string,
  status: 'True' | 'False',
): number | undefined {
  const condition = conditions?.find((each) => each.type === type)
  if (condition?.status !== status) return undefined
  const time = Date.parse(condition.lastTransitionTime ?? '')
  return Number.isNaN(time) ? undefined : time
}
