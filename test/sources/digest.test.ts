import type { SourceRef } from '../../src/model/refs.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDigester, emptyValues } from '../../src/sources/digest.ts'

const ref = { kind: 'Secret', namespace: 'shop', name: 'db' } as const
const digester = createDigester(Buffer.from('one key'))

const encode = (data: Readonly<Record<string, string | Uint8Array>>) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
const digest = (data: Readonly<Record<string, string | Uint8Array>>, of: SourceRef = ref) =>
  digester.digest(of, encode(data))

const key = fc.string({
  unit: fc.constantFrom('a', 'b', '-', '.', '_'),
  minLength: 1,
  maxLength: 4,
})
const contents = fc.dictionary(key, fc.uint8Array({ maxLength: 4 }), { maxKeys: 4 })

describe('the digest of a Secret', () => {
  test('is equal for equal data, in whatever order the keys stand', () => {
    fc.assert(
      fc.property(contents, (data) => {
        const reversed = Object.fromEntries(Object.entries(data).reverse())
        expect(digest(reversed).whole).toBe(digest(data).whole)
      }),
    )
  })

  test('differs for different data', () => {
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        const equal =
          JSON.stringify(Object.entries(encode(one)).sort()) ===
          JSON.stringify(Object.entries(encode(other)).sort())
        expect(digest(one).whole === digest(other).whole).toBe(equal)
      }),
    )
  })

  test.each([
    ['a value that moves into the next key', { a: 'xb', c: 'y' }, { a: 'x', bc: 'y' }],
    ['values that run together', { a: '12', b: '3' }, { a: '1', b: '23' }],
    ['a key split in two', { ab: '' }, { a: '', b: '' }],
    ['two values swapped', { a: '1', b: '2' }, { a: '2', b: '1' }],
    ['a key without a value against none', { a: '' }, {}],
    ['a newline at the end', { a: 'x' }, { a: 'x\n' }],
  ])('tells %s', (_, one, other) => {
    expect(digest(one).whole).not.toBe(digest(other).whole)
  })

  test('is bound to the kind and name of the source and to the key', () => {
    const same = 'the same password'
    const digests = [
      digest({ a: same }).keys.get('a'),
      digest({ b: same }).keys.get('b'),
      digest({ a: same }, { ...ref, name: 'other' }).keys.get('a'),
      digest({ a: same }, { ...ref, namespace: 'other' }).keys.get('a'),
      digest({ a: same }, { ...ref, namespace: 'sho', name: 'pdb' }).keys.get('a'),
      digest({ a: same }, { ...ref, kind: 'ConfigMap' }).keys.get('a'),
    ]
    expect(new Set(digests).size).toBe(digests.length)
  })

  test('depends on the HMAC key, whose fingerprint tells which it was', () => {
    const other = createDigester(Buffer.from('another key'))
    expect(other.fingerprint).not.toBe(digester.fingerprint)
    expect(createDigester(Buffer.from('one key')).fingerprint).toBe(digester.fingerprint)
    const data = encode({ a: 'x' })
    expect(other.digest(ref, data).whole).not.toBe(digester.digest(ref, data).whole)
  })

  test('does not depend on the other keys of the Secret', () => {
    expect(digest({ a: 'x', b: 'y' }).keys.get('a')).toBe(digest({ a: 'x', c: '' }).keys.get('a'))
  })

  test('has 128 bits and counts the empty values', () => {
    const { keys, whole } = digest({ a: '', b: 'x', c: '' })
    expect(keys.get('b')).toMatch(/^[0-9a-f]{32}$/)
    expect(keys.get('a')).toMatch(/^[0-9a-f]{32}-1$/)
    expect(whole).toMatch(/^[0-9a-f]{32}-2$/)
    expect(['a', 'b', 'c'].map((name) => emptyValues(keys.get(name) ?? ''))).toEqual([1, 0, 1])
    expect(emptyValues(whole)).toBe(2)
    expect(emptyValues('absent')).toBe(0)
  })

  test('takes values that are no text', () => {
    const one = digest({ a: Uint8Array.of(0, 255, 128) })
    expect(one.whole).not.toBe(digest({ a: Uint8Array.of(0, 255, 129) }).whole)
  })

  test('takes no data, 5,000 keys and a value of 1 MiB', () => {
    expect(digest({}).keys.size).toBe(0)
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key-${i}`, `v${i}`]))
    expect(digest(many).keys.size).toBe(5000)
    const large = Buffer.alloc(2 ** 20, 'x')
    const other = Buffer.from(large)
    other[2 ** 20 - 1] = 0
    expect(digest({ a: large }).whole).not.toBe(digest({ a: other }).whole)
  })

  test('shows nothing of the values', () => {
    const { keys, whole } = digest({ a: 'hunter2' })
    expect(JSON.stringify([[...keys], whole])).not.toContain('hunter2')
  })
})
