/**
 * One copy of texts that many objects have in common, such as the name of their namespace: each object that is parsed
 * brings a copy of its own.
 */

/** More are not remembered at once: objects of one owner come one after the other in a list. */
const MOST = 4_096
const known = new Map<string, string>()

/** The same text, as one copy for all who asked lately. */
export function sharedText(text: string): string {
  const same = known.get(text)
  if (same !== undefined) return same
  if (known.size >= MOST) known.clear()
  known.set(text, text)
  return text
}
