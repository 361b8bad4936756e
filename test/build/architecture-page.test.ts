import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ARCHITECTURE_PAGE, architecturePage } from '../../tools/architecture-page.ts'

const page = readFileSync(ARCHITECTURE_PAGE, 'utf8')

test('docs/architecture.md shows the rooms as they are', async () => {
  expect(page).toBe(await architecturePage(page))
  expect(page).toContain('operator --> watch')
})

test('every file that docs/architecture.md names is there', () => {
  const named = [...page.matchAll(/`([a-z]+\/(?:[\w-]+\/)*[\w-]+\.(?:ts|md))`/g)].map(
    ([, file = '']) => file,
  )
  expect(named.length).toBeGreaterThan(20)
  const root = join(import.meta.dirname, '../..')
  const missing = named.filter(
    (file) => !existsSync(join(root, 'src', file)) && !existsSync(join(root, file)),
  )
  expect(missing).toEqual([])
})
