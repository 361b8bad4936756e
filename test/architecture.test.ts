import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

interface Import {
  readonly from: string
  readonly to: string
  /** Only types: nothing of it runs. */
  readonly typeOnly: boolean
}

/** Every import of the source; files of the project as paths below src. */
const imports: readonly Import[] = globSync('**/*.ts', { cwd: SOURCE }).flatMap((from) => {
  const text = readFileSync(join(SOURCE, from), 'utf8')
  const statements = text.matchAll(/^import (type )?(?:[^'"]*? from )?'([^']+)'/gms)
  return [...statements].map(([, type, to = '']) => ({
    from,
    to: to.startsWith('.') ? relative(SOURCE, join(SOURCE, dirname(from), to)) : to,
    typeOnly: type !== undefined,
  }))
})

const roomOf = (file: string) => file.split('/')[0] ?? ''
const PURE = ['secrets', 'consumers', 'plan', 'rotations', 'events', 'config', 'access']
const EDGES = ['watch', 'restart', 'report']
/** Sits below the other rooms with I/O: everybody may talk to the API server through it. */
const WIRE = 'kube'

test('there are imports to look at', () => {
  expect(imports.length).toBeGreaterThan(100)
  expect(imports.some(({ typeOnly }) => typeOnly)).toBe(true)
})

test('pure rooms import no I/O, no clock and no logger', () => {
  const allowed = new Set(['node:crypto', 'zod', 'yaml'])
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      PURE.includes(roomOf(from)) &&
      !typeOnly &&
      (EDGES.includes(roomOf(to)) ||
        roomOf(to) === WIRE ||
        (!to.endsWith('.ts') && !allowed.has(to))),
  )
  expect(wrong).toEqual([])
})

test('what is pure takes neither time nor chance from the machine', () => {
  for (const file of globSync('{secrets,consumers,plan,rotations,events}/**/*.ts', {
    cwd: SOURCE,
  })) {
    const text = readFileSync(join(SOURCE, file), 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '')
    expect(text, file).not.toMatch(/Date\.now|performance\.|Math\.random|new Date\(\)|process\./)
  }
})

test('rooms with I/O import pure ones and the wire, never each other', () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      EDGES.includes(roomOf(from)) && EDGES.includes(roomOf(to)) && roomOf(from) !== roomOf(to),
  )
  expect(wrong).toEqual([])
  const wire = imports.filter(({ from, to }) => roomOf(from) === WIRE && EDGES.includes(roomOf(to)))
  expect(wire).toEqual([])
})

test('every file is named for its idea, and has room for no more than one', () => {
  for (const file of globSync('**/*.ts', { cwd: SOURCE })) {
    expect(file).not.toMatch(/(^|\/)(utils?|helpers?|common|misc|types)(\/|\.ts$)/)
    const lines = readFileSync(join(SOURCE, file), 'utf8').split('\n').length
    expect(lines, `lines of ${file}`).toBeLessThanOrEqual(320)
  }
})

test('every document that a comment names is one of this repository', () => {
  for (const file of globSync('**/*.ts', { cwd: SOURCE })) {
    const text = readFileSync(join(SOURCE, file), 'utf8')
    for (const [document] of text.matchAll(/\bdocs\/[-\w/]+\.md\b/g)) {
      expect(existsSync(join(SOURCE, '..', document)), `${file}: ${document}`).toBe(true)
    }
  }
})
