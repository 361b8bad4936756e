/**
 * Keyed digests: the only thing of a Secret's values that Sluice keeps.
 *
 * Keyed, because anybody who reads a plain hash of a weak password guesses it offline. Bound to the kind and name of
 * the source and to the key, so that equal passwords in two places do not show as equal.
 */
import { createHmac } from 'node:crypto'
import type { SourceRef } from '../model/refs.ts'

/**
 * Digest of one value or of all values of a source: 32 hex digits (128 bits of HMAC-SHA-256), then `-N` where
 * N > 0 of the values in it are empty, or {@link ABSENT}. Equal digests mean equal content.
 */
export type Digest = string

/** What a source or key that does not exist counts as. */
export const ABSENT = 'absent'

/** Content that was once current and is no longer known; today's content is never this. */
export const LOST = 'lost'

/** All keys of a source. No key can be called so (keys are `[-._a-zA-Z0-9]+`). */
export const ALL_KEYS = '*'

/** The content of a source, hashed. */
export interface ContentDigests {
  /** One digest for each key. */
  readonly keys: ReadonlyMap<string, Digest>
  /** Digest over all keys and values, independent of their order. */
  readonly whole: Digest
}

/** Hashes with one key. */
export interface Digester {
  /** Tells whether two digesters use the same key; gives nothing away about it. */
  readonly fingerprint: string
  /** `data` as the API has it: values in base64. The decoded bytes go no further than this call. */
  digest(ref: SourceRef, data: Readonly<Record<string, string>>): ContentDigests
}

/** The digester of an HMAC key (any length; Sluice's own has 32 bytes). */
export function createDigester(key: Uint8Array): Digester {
  const hmac = (...parts: readonly (string | Uint8Array)[]): string => {
    const hash = createHmac('sha256', key)
    for (const part of parts) {
      // Each part is preceded by its length: no two lists of parts give the same bytes.
      const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      hash.update(length).update(bytes)
    }
    return hash.digest('hex').slice(0, 32)
  }
  return {
    fingerprint: hmac('fingerprint'),
    digest({ kind, namespace, name }, data) {
      const keys = new Map<string, Digest>()
      for (const [key, base64] of Object.entries(data)) {
        const value = Buffer.from(base64, 'base64')
        keys.set(
          key,
          mark(hmac('value', kind, namespace, name, key, value), value.length === 0 ? 1 : 0),
        )
        value.fill(0)
      }
      const ordered = [...keys].sort(([a], [b]) => (a < b ? -1 : 1))
      const empty = ordered.reduce((sum, [, digest]) => sum + emptyValues(digest), 0)
      return { keys, whole: mark(hmac('whole', kind, namespace, name, ...ordered.flat()), empty) }
    },
  }
}

/** How many values inside this content are empty. */
export function emptyValues(digest: Digest): number {
  return Number(/-(\d+)$/.exec(digest)?.[1] ?? 0)
}

function mark(hex: string, empty: number): Digest {
  return empty > 0 ? `${hex}-${empty}` : hex
}
