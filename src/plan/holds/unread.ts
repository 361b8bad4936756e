/**
 * Holds over Secrets that are not read one by one until then: of the others nothing is known to be wrong.
 */
import type { Hold } from '../hold.ts'
import type { HoldRule } from './rule.ts'

/**
 * The content of a source is not known: on the way, or not to be had. Which pods are stale cannot be told then, and
 * nothing that follows from it may be written down.
 */
export const sourceUnread: HoldRule = ({ uses, source }) => {
  const unread = [...new Set(uses.map((use) => use.source))].flatMap(
    (name) => source(name).unread ?? [],
  )
  // What is on the way comes first: only when all is here can a person be told what is missing.
  const awaited = unread.find(({ kind }) => kind === 'Awaited')
  if (awaited) return { reason: 'NotSynced', message: awaited.message }
  const messages = unread.map(({ message }) => message)
  return messages.length > 0
    ? { reason: 'SourceUnreadable', message: messages.join('; ') }
    : undefined
}

/** Whether a hold is over a picture that is on its way: then not even people are told, it is over in a moment. */
export function isAwaiting(hold: Hold | undefined): boolean {
  return hold?.reason === 'NotSynced'
}
