/**
 * The Secrets that somebody consumes, and when what is consumed of them changed. Pure.
 */
import { namespacedKey, type NamespacedKey } from '../refs.ts'
import { digestIn, type SourceRecord } from '../secrets/source.ts'
import type { Assessment } from './assessment.ts'

export interface Consumed {
  readonly sources: ReadonlyMap<NamespacedKey, SourceRecord>
  /**
   * When a content of one of these sources changed that somebody consumes, while Sluice watched (ms, oldest first). A
   * key that nobody reads may change as often as it likes: it restarts nothing.
   */
  readonly changesOf: (source: SourceRecord) => readonly number[]
}

/** What these workloads consume. */
export function consumedBy(assessments: readonly Assessment[]): Consumed {
  const sources = new Map<NamespacedKey, SourceRecord>()
  for (const { records } of assessments) {
    for (const [key, record] of records) sources.set(key, record)
  }
  // Asked for in the rare plan alone that sees a change.
  let selectors: ReturnType<typeof selectorsOf> | undefined
  return {
    sources,
    changesOf({ ref, versions }) {
      const read = [...((selectors ??= selectorsOf(assessments)).get(namespacedKey(ref)) ?? [])]
      return versions
        .filter((version, index) => {
          const before = versions[index - 1]
          return before && read.some((each) => digestIn(before, each) !== digestIn(version, each))
        })
        .map(({ changedAt }) => changedAt)
    },
  }
}

/** The keys that are consumed of each source, all of them included. */
function selectorsOf(
  assessments: readonly Assessment[],
): ReadonlyMap<NamespacedKey, ReadonlySet<string>> {
  const selectors = new Map<NamespacedKey, Set<string>>()
  for (const { deployment, uses } of assessments) {
    const { namespace } = deployment.ref
    for (const { source: name, selector } of uses) {
      const key = namespacedKey({ namespace, name })
      selectors.set(key, (selectors.get(key) ?? new Set()).add(selector))
    }
  }
  return selectors
}
