// Words that a reader stumbles over, in what people read.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** What is looked at. */
const READ = [
  '*.md',
  'docs/**/*.md',
  'bench/*.md',
  'testbed/*.md',
  'manifests/**/*.yaml',
  'observability/**/*.ts',
  'src/config/settings.ts',
  'src/model/hold.ts',
  'src/report/metrics/definitions.ts',
  'tools/*.ts',
]

/** Each with what to write instead. */
const AVOIDED: readonly (readonly [RegExp, string])[] = [
  [/\btold\b|\btells?\b/i, 'report, show, say, distinguish'],
  [/\banew\b/i, 'again'],
  [/\bfor ever\b/i, 'forever, without end'],
  [/\bbe had\b/i, 'is not available'],
  [/\bwhoever\b/i, 'name the actor'],
  [/\bthereby\b/i, 'two sentences'],
  [/\bwish(es)?\b/i, 'queued write'],
  [/\b(he|his)\b/, 'they, or name the actor'],
]

/** Fenced and indented code, links and words in backticks are quotations. */
function prose(line: string): string {
  return line.replaceAll(/`[^`]*`/g, '').replaceAll(/\]\([^)]*\)/g, ']')
}

function found(file: string): readonly string[] {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    AVOIDED.flatMap(([word, instead]) => {
      const [match] = word.exec(prose(line)) ?? []
      return match === undefined ? [] : [`${file}:${index + 1}: "${match}": ${instead}`]
    }),
  )
}

describe('a word that readers stumble over', () => {
  const files = globSync(READ, { cwd: ROOT, exclude: ['node_modules/**', '**/sluice.json'] })

  test('is looked for in many files', () => {
    expect(files.length).toBeGreaterThan(30)
  })

  test.each(files)('is not in %s', (file) => {
    expect(found(file)).toEqual([])
  })
})
