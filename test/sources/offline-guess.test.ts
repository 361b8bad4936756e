// What Sluice writes of a weak password must not let anybody who reads it guess the password without the key.
import { localSource } from '../../src/model/refs.ts'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { writeHalt } from '../../src/records/halt.ts'
import { writeStatus } from '../../src/records/consumer.ts'
import { newDigestKey } from '../../src/kube/digest-key.ts'
import { createDigester } from '../../src/sources/digest.ts'

const REF = { kind: 'Secret', namespace: 'shop', name: 'db' } as const
const KEY = 'pin'
const PINS = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, '0'))
const PIN = PINS[randomBytes(2).readUInt16BE() % PINS.length] ?? ''

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** All texts that an attacker may read: a Consumer and a Halt that are about this PIN. */
function written(key: Uint8Array): string {
  const digester = createDigester(key)
  const { keys, whole } = digester.digest(REF, { [KEY]: base64(PIN) })
  const digest = keys.get(KEY) ?? ''
  const timelines = new Map([
    [KEY, [{ digest, since: 0 }]],
    ['*', [{ digest: whole, since: 0 }]],
  ] as const)
  const contents = [{ source: localSource(REF), key: KEY, digest }]
  const failure = { id: 'r1', kind: 'Unfit', failedAt: 0, message: 'm', contents } as const
  const status = writeStatus({
    ledger: {
      keyFingerprint: digester.fingerprint,
      sources: new Map([
        [localSource(REF), { uid: 'u', resourceVersion: '1', writtenAt: 0, seenAt: 0, timelines }],
      ]),
      restart: undefined,
      lastRestart: undefined,
      failure,
    },
    report: {
      state: 'Failed',
      reason: 'RestartFailed',
      message: 'm',
      stalePods: 0,
      unknownPods: 0,
      unprovenPods: 0,
      pendingPods: 0,
    },
    since: 0,
  })
  const halt = writeHalt('shop', 'h', {
    reason: 'RestartFailed',
    group: { kind: 'Secret', name: 'db' },
    message: 'm',
    failure: {
      id: 'r1',
      workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'w' },
      keyFingerprint: digester.fingerprint,
      contents,
    },
  })
  return JSON.stringify([status, halt])
}

/** Keys that an attacker can try without reading the Secret `sluice-digest-key`. */
function guessableKeys(text: string): readonly (string | Uint8Array)[] {
  const fingerprint = /"keyFingerprint":"([0-9a-f]+)"/.exec(text)?.[1] ?? ''
  return [
    '',
    'sluice',
    'sluice-digest-key',
    REF.name,
    fingerprint,
    Buffer.from(fingerprint, 'hex'),
    new Uint8Array(32),
  ]
}

/** The start of a hash, as Sluice writes it: long enough that none is found by chance. */
const start = (hex: string) => hex.slice(0, 24)

/** The PINs of which a hash without any key is in the text. */
function unkeyedGuesses(text: string): readonly string[] {
  const forms = (pin: string) => [pin, base64(pin), `${KEY}${pin}`, `shop/db/${KEY}=${pin}`]
  return PINS.filter((pin) =>
    forms(pin).some((form) =>
      ['sha256', 'md5'].some((hash) =>
        text.includes(start(createHash(hash).update(form).digest('hex'))),
      ),
    ),
  )
}

/** The PINs of which a digest under this key is in the text, by Sluice's own method and by a plain HMAC. */
function keyedGuesses(text: string, key: string | Uint8Array): readonly string[] {
  const digester = createDigester(typeof key === 'string' ? Buffer.from(key) : key)
  return PINS.filter((pin) => {
    const own = digester.digest(REF, { [KEY]: base64(pin) }).keys.get(KEY) ?? ''
    const plain = createHmac('sha256', key).update(pin).digest('hex')
    return [own, plain].some((hex) => text.includes(start(hex)))
  })
}

test('a PIN of four digits is found by nobody who reads Consumers and Halts and lacks the key', () => {
  const text = written(newDigestKey())
  expect(text).not.toContain(PIN)
  expect(unkeyedGuesses(text)).toEqual([])
  for (const key of guessableKeys(text)) expect(keyedGuesses(text, key)).toEqual([])
})

test('it is found at once by whoever has the key: the guesses above would hit', () => {
  const key = newDigestKey()
  expect(keyedGuesses(written(key), key)).toEqual([PIN])
  expect(unkeyedGuesses(start(createHash('sha256').update(PIN).digest('hex')))).toEqual([PIN])
})

test('under another key everything that is written of it is another text', () => {
  const digests = (text: string) => new Set(text.match(/[0-9a-f]{32}/g))
  const [before, after] = [digests(written(newDigestKey())), digests(written(newDigestKey()))]
  expect(before.size).toBeGreaterThanOrEqual(3)
  expect([...before].filter((each) => after.has(each))).toEqual([])
})
