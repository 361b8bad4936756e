/**
 * The HMAC key, in a Secret of Sluice's own namespace: created once, and read at each start.
 */
import { randomBytes } from 'node:crypto'
import { isConflict, isNotFound } from './api-error.ts'
import type { KubeClient } from './client.ts'

/** The Secret that holds the key. */
export const DIGEST_KEY_SECRET = 'sluice-digest-key'
const FIELD = 'key'
const BYTES = 32

/**
 * Reads the key, and creates it where there is none.
 * @throws an error that names Secret and field, where a key is there but not one of 32 bytes
 */
export async function ensureDigestKey(client: KubeClient, namespace: string): Promise<Uint8Array> {
  const secrets = { group: '', version: 'v1', resource: 'secrets', namespace } as const
  const read = async () => {
    const secret = await client.request<{ data?: Record<string, string> }>({
      ...secrets,
      verb: 'get',
      name: DIGEST_KEY_SECRET,
    })
    return checked(secret.data?.[FIELD], namespace)
  }
  try {
    return await read()
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  const key = newDigestKey()
  try {
    await client.request({
      ...secrets,
      verb: 'create',
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name: DIGEST_KEY_SECRET },
        data: { [FIELD]: Buffer.from(key).toString('base64') },
      },
    })
    return key
  } catch (error) {
    // Another instance was first: its key counts.
    if (isConflict(error)) return read()
    throw error
  }
}

/** A key for a process that keeps nothing. */
export function newDigestKey(): Uint8Array {
  return randomBytes(BYTES)
}

function checked(base64: string | undefined, namespace: string): Uint8Array {
  const key = Buffer.from(base64 ?? '', 'base64')
  if (key.length === BYTES) return key
  throw new Error(
    `Secret ${namespace}/${DIGEST_KEY_SECRET}, field ${FIELD}: expected ${BYTES} bytes, found ${key.length}; ` +
      'delete the Secret to have a new key made (what pods hold is then judged by resourceVersions)',
  )
}
