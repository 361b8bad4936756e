import { expect, test } from 'vitest'
import { otherRestarter } from '../../src/workloads/other-restarter.ts'

test.each([
  ['reloader.stakater.com/auto', 'true', 'Reloader'],
  ['reloader.stakater.com/search', 'true', 'Reloader'],
  ['secret.reloader.stakater.com/reload', 'db,mail', 'Reloader'],
  ['secret.reloader.stakater.com/auto', 'true', 'Reloader'],
  ['wave.pusher.com/update-on-config-change', 'true', 'wave'],
  ['wave.wave-k8s.io/update-on-config-change', 'true', 'wave'],
])('%s: %j turns on %s', (annotation, value, restarter) => {
  expect(otherRestarter({ [annotation]: value })).toBe(restarter)
  expect(otherRestarter({}, { [annotation]: value })).toBe(restarter)
  expect(otherRestarter(undefined, undefined, { [annotation]: value })).toBe(restarter)
})

test.each([
  ['reloader.stakater.com/auto', 'false'],
  ['reloader.stakater.com/ignore', 'true'],
  ['reloader.stakater.com/last-reloaded-from', '{}'],
  ['wave.pusher.com/config-hash', '1f2e'],
  ['notreloader.example.com/auto', 'true'],
  ['example.com/wave.pusher.com', 'true'],
  ['sluice.dev/restart-on-change', 'true'],
])('%s: %j turns on none', (annotation, value) => {
  expect(otherRestarter({ [annotation]: value })).toBeUndefined()
})

test('no annotations turn on none', () => {
  expect(otherRestarter()).toBeUndefined()
  expect(otherRestarter(undefined, {})).toBeUndefined()
})
