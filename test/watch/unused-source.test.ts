// A ConfigMap that elects a leader changes every two seconds, in each of many controllers.
import { expect, test } from 'vitest'
import { createDigester } from '../../src/sources/digest.ts'
import { CONFIG_MAP } from '../../src/sources/kinds/config-map.ts'
import { Sources } from '../../src/watch/sources.ts'
import { apiTime, at } from '../plan/cluster-builder.ts'

function sources(selectors: readonly string[]) {
  const world = { redrawn: 0, changed: 0 }
  const all = new Sources({
    digester: createDigester(Buffer.from('a key')),
    now: () => at(0),
    selectorsOf: () => new Set(selectors),
    onChanged: () => world.changed++,
    redraw: () => world.redrawn++,
  })
  let version = 0
  const write = (data: Record<string, string>, annotations: Record<string, string> = {}) =>
    all.apply(CONFIG_MAP, {
      metadata: {
        namespace: 'shop',
        name: 'leader',
        uid: 'u',
        resourceVersion: String(++version),
        creationTimestamp: apiTime(at(-60)),
        annotations,
      },
      data,
    })
  return { world, write }
}

test('a ConfigMap that nobody uses changes for nobody, and asks for no plan', () => {
  const { world, write } = sources([])
  expect(write({ holder: 'a' })).toBe(false)
  expect(write({ holder: 'b' })).toBe(false)
  expect(world).toEqual({ redrawn: 0, changed: 0 })
})

test('one that joins a group asks for a plan, though nobody uses it', () => {
  const { world, write } = sources([])
  write({ holder: 'a' })
  expect(write({ holder: 'a' }, { 'sluice.dev/group': 'database' })).toBe(true)
  expect(world.redrawn).toBe(1)
})

test('one that is used asks for a plan at each write', () => {
  const { world, write } = sources(['holder'])
  expect(write({ holder: 'a' })).toBe(true)
  expect(write({ holder: 'b' })).toBe(true)
  expect(world).toEqual({ redrawn: 2, changed: 1 })
})
