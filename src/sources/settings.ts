/**
 * The settings of one source: its own annotations. Pure.
 */
import * as annotations from '../model/annotations.ts'
import { groupName, yesOrNo } from '../config/kind.ts'
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
export function readSourceSettings(name: string, from: Annotations): SourceSettings {
  const secret = [`Secret ${name}`, from] as const
  const faults = [...misspelt(secret)]
  const own = readerOf([secret], faults)
  return {
    urgent: own(annotations.URGENT, yesOrNo) ?? false,
    group: own(annotations.GROUP, groupName),
    ignore: own(annotations.IGNORE, yesOrNo) ?? false,
    faults,
  }
}
