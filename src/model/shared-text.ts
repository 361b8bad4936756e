/** How many texts are remembered; then it begins again. */
const MOST = 4096

let known = new Map<string, string>()

/**
 * One string for equal texts that come close together, as the pods of one ReplicaSet do in a list: each object that is parsed
 * brings strings of its own, and tens of thousands of records keep them.
 */
export function shared(text: string): string {
  const same = known.get(text)
  if (same !== undefined) return same
  if (known.size >= MOST) known = new Map()
  known.set(text, text)
  return text
}
