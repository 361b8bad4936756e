/**
 * Holds over Secrets that are not read one by one until then: of the others nothing is known to be wrong.
 */
import type { Unread } from '../../sources/source.ts'
import type { Assessment } from '../judge/assessment.ts'
import type { Hold } from '../../model/hold.ts'
import type { HoldRule } from './gate.ts'

/**
 * The content of a source is on its way. Which pods are stale cannot be told until then, and nothing that follows from it
 * may be written down. It comes first: only when all is here can a person be told what is missing.
 */
export const sourceAwaited: HoldRule = (assessment) => {
  const awaited = unreadOf(assessment).find(({ kind }) => kind === 'Awaited')
  return awaited && { reason: 'NotSynced', message: awaited.message }
}

/** The content of a source is not known: after {@link sourceAwaited} it cannot be read. */
export const sourceUnreadable: HoldRule = (assessment) => {
  const messages = unreadOf(assessment).map(({ message }) => message)
  return messages.length > 0
    ? { reason: 'SourceUnreadable', message: messages.join('; ') }
    : undefined
}

function unreadOf({ uses, source }: Assessment): readonly Unread[] {
  return [...new Set(uses.map((use) => use.source))].flatMap((name) => source(name).unread ?? [])
}

/** Whether a hold is over a picture that is on its way: then not even people are told, it is over in a moment. */
export function isAwaiting(hold: Hold | undefined): boolean {
  return hold?.reason === 'NotSynced'
}
