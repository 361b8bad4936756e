import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lines } from '../../src/kube/lines.ts'

async function read(chunks: readonly Uint8Array[]): Promise<string[]> {
  const all: string[] = []
  for await (const line of lines(stream(chunks))) all.push(line.toString('utf8'))
  return all
}

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}

test('gives the same lines however the bytes are cut', async () => {
  const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text })))
  const cuts = fc.array(fc.nat(), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(texts, cuts, async (all, places) => {
      const bytes = Buffer.from(all.map((line) => `${line}\n`).join(''))
      const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length]
      ends.sort((a, b) => a - b)
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
      expect(await read(chunks)).toEqual(all)
    }),
  )
})

test('puts characters together that arrive byte by byte', async () => {
  const bytes = Buffer.from('{"name":"größe 🗝"}\n')
  expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(['{"name":"größe 🗝"}'])
})

test('drops a line that was cut off', async () => {
  expect(await read([Buffer.from('{"a":1}\n{"b":')])).toEqual(['{"a":1}'])
})

test('lets go of the stream when the reader stops', async () => {
  let closed = false
  async function* endless() {
    try {
      for (;;) yield await Promise.resolve(Buffer.from('x\n'))
    } finally {
      closed = true
    }
  }
  for await (const line of lines(endless())) if (line.toString() === 'x') break
  expect(closed).toBe(true)
})
