/**
 * The settings of one source: its own annotations. Pure.
 */
import * as annotations from '../model/annotations.ts'
import { groupName, yesOrNo } from '../config/kind.ts'
import { describeSource, type SourceRef } from '../model/refs.ts'
import type { Fault } from '../model/fault.ts'
import { misspelt, readerOf, type Annotations } from '../config/annotation-reader.ts'

export interface SourceSettings {
  /** First in line, no quiet period, wider limits: a leaked key, or a cut-over. */
  readonly urgent: boolean
  /** A group that the source joins, within its namespace. */
  readonly group: string | undefined
  /** Its changes count for nobody. */
  readonly ignore: boolean
  readonly faults: readonly Fault[]
}

/** Reads the settings of a source. */
export function readSourceSettings(
  source: Pick<SourceRef, 'kind' | 'name'>,
  from: Annotations,
): SourceSettings {
  const place = [describeSource(source), from] as const
  const faults = [...misspelt(place)]
  const own = readerOf([place], faults)
  return {
    urgent: own(annotations.URGENT, yesOrNo) ?? false,
    group: own(annotations.GROUP, groupName),
    ignore: own(annotations.IGNORE, yesOrNo) ?? false,
    faults,
  }
}
