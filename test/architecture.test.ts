/** What dependency-cruiser cannot see of the house (.dependency-cruiser.js). */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/** The text of every file of the source below these rooms. */
function filesIn(rooms = '**'): readonly { readonly file: string; readonly text: string }[] {
  return globSync(`${rooms}/*.ts`, { cwd: SOURCE }).map((file) => ({
    file,
    text: readFileSync(join(SOURCE, file), 'utf8'),
  }))
}

test('the source is two files and twelve rooms', () => {
  const [files, rooms] = [false, true].map((isRoom) =>
    readdirSync(SOURCE, { withFileTypes: true })
      .filter((each) => each.isDirectory() === isRoom)
      .map(({ name }) => name),
  )
  expect(files).toEqual(['main.ts', 'operator.ts'])
  expect(rooms).toHaveLength(12)
})

test('what is pure takes neither time nor chance from the machine', () => {
  const pure = filesIn(
    '{model,config,sources,workloads,records,plan,report/{events,rotations}}/**',
  ).filter(({ file }) => file !== 'plan/loop.ts')
  expect(pure.length).toBeGreaterThan(60)
  for (const { file, text } of pure) {
    const code = text.replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '')
    expect(code, file).not.toMatch(/Date\.now|performance\.|Math\.random|new Date\(\)|process\./)
  }
})

test('every file is named for its idea, and has room for no more than one', () => {
  for (const { file, text } of filesIn()) {
    expect(file).not.toMatch(/(^|\/)(utils?|helpers?|common|misc|types)(\/|\.ts$)/)
    expect(text.split('\n').length, `lines of ${file}`).toBeLessThanOrEqual(320)
  }
})

test('one name is one thing: no two files export the same', () => {
  const form = /^export (?:async )?(?:class|interface|type|function|const) (\w+)/gm
  const exporters = Map.groupBy(
    filesIn().flatMap(({ file, text }) =>
      [...text.matchAll(form)].map(([, name = '']) => ({ name, file })),
    ),
    ({ name }) => name,
  )
  expect(exporters.size).toBeGreaterThan(300)
  // A function may be overloaded in its own file.
  const twice = [...exporters].filter(
    ([, found]) => new Set(found.map(({ file }) => file)).size > 1,
  )
  expect(twice).toEqual([])
})

test('no report looks into how a workload was judged', () => {
  for (const { file, text } of filesIn('report/**'))
    expect(text, file).not.toMatch(/assessment\b(?!\.ts)/i)
})

test('what knows a kind of workload by its name is its file, and few others', () => {
  const adapters = /^workloads\/kinds\//
  const naming = filesIn().filter(
    ({ file, text }) =>
      !adapters.test(file) && /'Deployment'|'StatefulSet'|'DaemonSet'|'deployments'/.test(text),
  )
  expect(naming.map(({ file }) => file).sort()).toEqual([
    'model/refs.ts',
    'workloads/replica-set.ts',
  ])
})

test('every document that a comment names is one of this repository', () => {
  for (const { file, text } of filesIn()) {
    for (const [document] of text.matchAll(/\bdocs\/[-\w/]+\.md\b/g)) {
      expect(existsSync(join(SOURCE, '..', document)), `${file}: ${document}`).toBe(true)
    }
  }
})
