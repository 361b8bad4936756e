import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { bundle } from '../../tools/build.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
const program = join(dir, 'sluice.mjs')

beforeAll(async () => {
  await bundle(program)
})
afterAll(() => rmSync(dir, { recursive: true }))

/** Runs the bundle where there is no node_modules, as in the image. */
async function sluice(...args: readonly string[]) {
  try {
    const run = promisify(execFile)(process.execPath, [program, ...args], { cwd: dir })
    return { code: 0, ...(await run) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

test('the bundle needs nothing beside it', async () => {
  expect(await sluice('version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

test('the bundle tells a wrong flag', async () => {
  const { code, stderr } = await sluice('run', '--quiet-perid=5s')
  expect(code).toBe(2)
  expect(stderr).toContain("unknown option '--quiet-perid=5s'")
})

test('an error that nobody catches shows a line of code, not the whole bundle', () => {
  const lines = readFileSync(program, 'utf8').split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(5000)
})

test('the licence of each package that is bundled stands beside the bundle', () => {
  const licences = readFileSync(`${program}.LEGAL.txt`, 'utf8')
  for (const name of Object.keys(manifest.dependencies)) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
  }
  expect(licences).toContain('Permission is hereby granted, free of charge')
})
