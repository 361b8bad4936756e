/**
 * One object for equal lists of uses: the pods of a workload share it, and tens of thousands of pods cost little.
 */
import type { PodUses } from '../workloads/uses.ts'

/** Remembers lists as long as somebody holds them. */
export function createInterner(): (uses: PodUses) => PodUses {
  const known = new Map<string, WeakRef<PodUses>>()
  const forgotten = new FinalizationRegistry<string>((key) => {
    if (known.get(key)?.deref() === undefined) known.delete(key)
  })
  return (uses) => {
    const key = JSON.stringify(uses)
    const same = known.get(key)?.deref()
    if (same) return same
    known.set(key, new WeakRef(uses))
    forgotten.register(uses, key)
    return uses
  }
}
