// Words and sentences that a reader stumbles over, in what people read.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** Where the words are looked for: one line a folder. */
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

/** Where sentences are counted, and the most words that one may have. */
const COUNTED = ['README.md', 'docs/annotations.md']
const MOST_WORDS = 30

/** Words in backticks and the targets of links are quotations. A quotation counts as `quoted` in its place. */
function prose(line: string, quoted = ''): string {
  return line.replaceAll(/`[^`]*`/g, quoted).replaceAll(/\]\([^)]*\)/g, ']')
}

function found(file: string): readonly string[] {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    AVOIDED.flatMap(([word, instead]) => {
      const [match] = word.exec(prose(line)) ?? []
      return match === undefined
        ? []
        : [`${file}:${index + 1}: "${match}" is not used here; write instead: ${instead}`]
    }),
  )
}

interface Block {
  /** Of its first line, from 1. */
  readonly line: number
  readonly text: string
}

/** Paragraphs and list items. Headings, tables, images, fenced and indented code are none. */
function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = []
  let open = false
  let fenced = false
  for (const [index, line] of markdown.split('\n').entries()) {
    if (line.startsWith('```')) fenced = !fenced
    if (fenced || /^(\s*$|#|\||!\[|```| {4})/.test(line)) {
      open = false
      continue
    }
    const [item = ''] = /^\s*([-*]|\d+\.)\s+/.exec(line) ?? []
    const text = line.slice(item.length).trim()
    const last = blocks.at(-1)
    if (open && last && !item) blocks[blocks.length - 1] = { ...last, text: `${last.text} ${text}` }
    else blocks.push({ line: index + 1, text })
    open = true
  }
  return blocks
}

/** Sentences of more than `most` words, each with the line where its paragraph begins. A colon or semicolon ends one. */
function longSentences(markdown: string, most: number): readonly string[] {
  return blocksOf(markdown).flatMap(({ line, text }) =>
    prose(text, 'code')
      .split(/(?<=[.:;?!][*")]*)\s+/)
      .flatMap((sentence) => {
        const { length } = sentence.split(/\s+/).filter((word) => /\w/.test(word))
        return length > most ? [`${line}: ${length} words: ${sentence}`] : []
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

describe('a sentence', () => {
  test.each(COUNTED)('has at most 30 words in %s', (file) => {
    expect(longSentences(readFileSync(join(ROOT, file), 'utf8'), MOST_WORDS)).toEqual([])
  })

  test.each([
    ['over two lines', 'one two\nthree four', ['1: 4 words: one two three four']],
    ['after another one', 'One two. Three four five six.', ['1: 4 words: Three four five six.']],
    ['in an item of a list', '- one\n- two three four five', ['2: 4 words: two three four five']],
    ['code as one word', 'run `kubectl get pods now` here', []],
    ['the target of a link not', 'see [this page](a b c d)', []],
    ['a bold end as an end', '**One two three.** Four five six', []],
    [
      'a dot inside a word as none',
      'one two.three four five',
      ['1: 4 words: one two.three four five'],
    ],
    ['a table not', '| one two three four |', []],
    ['a command not', '    one two three four', []],
    ['a fenced block not', '```\none two three four\n```', []],
  ])('is counted: %s', (_, markdown, expected) => {
    expect(longSentences(markdown, 3)).toEqual(expected)
  })
})
