import { expect, test } from 'vitest'
import { createDigester } from '../../src/sources/digest.ts'
import { CONFIG_MAP } from '../../src/sources/kinds/config-map.ts'
import { SECRET } from '../../src/sources/kinds/secret.ts'
import type { RawSource } from '../../src/sources/kinds/kind.ts'
import { digestOf, readSource, type SourceRecord } from '../../src/sources/source.ts'
import { apiTime, at } from '../plan/cluster-builder.ts'

const digester = createDigester(Buffer.from('a key'))
const base64 = (text: string) => Buffer.from(text).toString('base64')

function raw(
  values: Pick<RawSource, 'data' | 'binaryData'>,
  fields: Record<string, object> = {},
): RawSource {
  return {
    metadata: {
      namespace: 'shop',
      name: 'app',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: apiTime(at(-60)),
      managedFields: [{ manager: 'kubectl', time: apiTime(at(-30)), fieldsV1: fields }],
    },
    ...values,
  }
}

function read(values: Parameters<typeof raw>[0], fields?: Record<string, object>): SourceRecord {
  return readSource(CONFIG_MAP, raw(values, fields), undefined, digester, at(0))
}

test('a key in binaryData is content like one in data, and bytes count as they are', () => {
  const text = read({ data: { url: 'http://a' } })
  const binary = read({ binaryData: { url: base64('http://a') } })
  expect(digestOf(binary, 'url')).toBe(digestOf(text, 'url'))
  const bytes = read({ binaryData: { url: Buffer.from([0, 255, 128]).toString('base64') } })
  expect(digestOf(bytes, 'url')).not.toBe(digestOf(text, 'url'))
})

test('a text that looks like base64 is hashed as the text that it is', () => {
  expect(digestOf(read({ data: { a: base64('x') } }), 'a')).not.toBe(
    digestOf(read({ data: { a: 'x' } }), 'a'),
  )
})

test('a ConfigMap of 1 MiB in many keys has one digest a key', () => {
  const data = Object.fromEntries(
    Array.from({ length: 1024 }, (_, n) => [`key-${n}`, String(n).padEnd(1000, 'x')]),
  )
  const { content } = read({ data })
  expect(content).toMatchObject({ keys: { size: 1024 } })
})

test.each(['f:data', 'f:binaryData'])(
  'a write of %s dates the change, by the end of its second',
  (field) => {
    expect(read({ data: { a: 'x' } }, { [field]: {} }).writtenAt).toBe(at(-29))
  },
)

test('a write of labels alone dates no change', () => {
  expect(read({ data: { a: 'x' } }, { 'f:metadata': {} }).writtenAt).toBe(-Infinity)
})

test('a Secret and a ConfigMap of one name and content have different digests', () => {
  const secret = readSource(SECRET, raw({ data: { a: base64('x') } }), undefined, digester, at(0))
  expect(digestOf(secret, 'a')).not.toBe(digestOf(read({ data: { a: 'x' } }), 'a'))
})
