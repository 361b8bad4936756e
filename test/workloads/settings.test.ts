import type { KindOfSource } from '../../src/model/refs.ts'
import { describe, expect, test } from 'vitest'
import { ownAnnotations } from '../../src/model/annotations.ts'
import { optedIn, readSettings } from '../../src/workloads/settings.ts'
import { describeFault } from '../../src/model/fault.ts'
import { defaults, settings } from '../plan/cluster-builder.ts'

const NONE = { annotations: {}, templateAnnotations: {} }
const faults = (...of: Parameters<typeof settings>) => settings(...of).faults.map(describeFault)

describe('a workload without annotations', () => {
  test('has the settings of the configuration', () => {
    expect(settings()).toMatchObject({
      ignore: new Set(),
      volumes: defaults.volumes,
      strategy: defaults.strategy,
      maxUnavailable: defaults.maxUnavailable,
      maxUnavailableIsExplicit: false,
      priority: 0,
      minInterval: defaults.minRestartInterval,
      settle: defaults.settle,
      paused: false,
      faults: [],
    })
  })
})

describe('an annotation', () => {
  test('of the workload goes before the configuration', () => {
    const own = {
      'restart-on-change': 'true',
      ignore: 'secret/mail, configmap/db/user,',
      volumes: 'restart',
      strategy: 'rollout',
      'max-unavailable': '25%',
      priority: '-3',
      'min-interval': '90s',
      settle: '1m',
      paused: 'true',
    }
    expect(settings({ ...own, ignore: 'secret/mail, configmap/db/user' })).toMatchObject({
      ignore: new Set(['secret/mail', 'configmap/db/user']),
      volumes: 'restart',
      strategy: 'rollout',
      maxUnavailable: { kind: 'percent', value: 25 },
      maxUnavailableIsExplicit: true,
      priority: -3,
      minInterval: 90_000,
      settle: 60_000,
      paused: true,
      faults: [],
    })
  })

  test('of the workload goes before that of its namespace, and that before the configuration', () => {
    const restart = { volumes: 'restart' }
    const ignore = { volumes: 'ignore' }
    const eager = { ...defaults, volumes: 'restart' } as const
    expect(settings(ignore, restart).volumes).toBe('ignore')
    expect(settings({}, restart).volumes).toBe('restart')
    expect(readSettings(NONE, { 'sluice.dev/volumes': 'ignore' }, eager).volumes).toBe('ignore')
    expect(readSettings(NONE, {}, eager).volumes).toBe('restart')
  })

  test('of either pauses', () => {
    expect(settings({ paused: 'false' }, { paused: 'true' }).paused).toBe(true)
    expect(settings({ paused: 'true' }, { paused: 'false' }).paused).toBe(true)
    expect(settings({ paused: 'false' }, { paused: 'false' }).paused).toBe(false)
  })

  test.each([
    ['ignore', 'secret/db', 'secret/mail', 'ignore', new Set(['secret/db'])],
    ['volumes', 'restart', 'ignore', 'volumes', 'restart'],
    ['strategy', 'evict', 'rollout', 'strategy', 'evict'],
    ['max-unavailable', '2', '3', 'maxUnavailable', { kind: 'count', value: 2 }],
    ['priority', '2', '3', 'priority', 2],
    ['min-interval', '2s', '3s', 'minInterval', 2_000],
    ['settle', '2s', '3s', 'settle', 2_000],
    ['group', 'near', 'far', 'group', 'near'],
    ['progress-deadline', '2m', '3m', 'progressDeadline', 120_000],
    ['resume', 'r1', 'r2', 'resume', 'r1'],
  ] as const)(
    '%s counts where it first stands: workload, pod template, namespace',
    (name, near, far, field, value) => {
      const [nearer, farther] = [{ [name]: near }, { [name]: far }]
      expect(settings(nearer, farther, farther)[field]).toEqual(value)
      expect(settings({}, farther, nearer)[field]).toEqual(value)
      expect(settings({}, nearer, {})[field]).toEqual(value)
      // What does not count is not read: it can hold nobody.
      expect(faults(nearer, { [name]: '?!' }, { [name]: '?!' })).toEqual([])
    },
  )

  test('of the pod template that cannot be read is a fault of the pod template', () => {
    expect(faults({}, {}, { settle: 'x', 'max-unavailble': '1' })).toEqual([
      'an annotation of the pod template: expected the name of a setting, perhaps sluice.dev/max-unavailable, found "sluice.dev/max-unavailble"',
      expect.stringMatching(/^annotation sluice\.dev\/settle of the pod template: expected /),
    ])
  })

  test('restart-on-change that names what is not watched says so', () => {
    const own = { 'sluice.dev/restart-on-change': 'configmaps' }
    const workload = { annotations: own, templateAnnotations: {} }
    const read = readSettings(workload, {}, { ...defaults, sources: new Set(['Secret']) })
    expect(read.faults.map(describeFault)).toEqual([
      'annotation sluice.dev/restart-on-change of the workload: expected "true", "secrets" or "false" (the installation does not watch ConfigMaps), found "configmaps"',
    ])
  })

  test.each<[string, KindOfSource[]]>([
    ['true', ['Secret', 'ConfigMap']],
    ['secrets', ['Secret']],
    ['configmaps', ['ConfigMap']],
    ['false', []],
  ])('restart-on-change "%s" restarts for changes of %j', (value, kinds) => {
    expect(faults({ 'restart-on-change': value })).toEqual([])
    expect([...settings({ 'restart-on-change': value }).sources]).toEqual(kinds)
  })

  test.each([
    ['restart-on-change', 'yes'],
    ['volumes', 'Restart'],
    ['strategy', 'delete'],
    ['max-unavailable', '0'],
    ['max-unavailable', '1.5'],
    ['priority', '1.5'],
    ['priority', 'high'],
    ['min-interval', '5'],
    ['settle', '-1s'],
    ['paused', 'True'],
  ])('%s that is %j is a fault that says what was expected', (name, value) => {
    const [fault, ...more] = faults({ [name]: value })
    expect(more).toEqual([])
    expect(fault).toMatch(
      new RegExp(`^annotation sluice\\.dev/${name} of the workload: expected .+, found "`),
    )
    expect(fault?.endsWith(`found ${JSON.stringify(value)}`)).toBe(true)
  })

  test.each([
    ['max-unavailble', 'max-unavailable'],
    ['maxUnavailable', 'max-unavailable'],
    ['Paused', 'paused'],
    ['restart-on-changes', 'restart-on-change'],
  ])(
    'called %s is a fault that asks for %s: a limit that is not read would be none',
    (name, meant) => {
      const fault = `expected the name of a setting, perhaps sluice.dev/${meant}, found "sluice.dev/${name}"`
      expect(faults({ [name]: 'x' })).toEqual([`an annotation of the workload: ${fault}`])
      expect(faults({}, { [name]: 'x' })).toEqual([`an annotation of the namespace: ${fault}`])
    },
  )

  test.each(['owner', 'managed', 'restart-id', 'max-pods'])('called %s is none of ours', (name) => {
    expect(faults({ [name]: 'x' }, { [name]: 'x' })).toEqual([])
  })

  test('of the namespace that cannot be read is a fault of the namespace', () => {
    expect(faults({}, { paused: 'maybe', volumes: 'maybe' })).toEqual([
      expect.stringMatching(/^annotation sluice\.dev\/volumes of the namespace: /),
      expect.stringMatching(/^annotation sluice\.dev\/paused of the namespace: /),
    ])
  })

  test('that is very long is cut in the message', () => {
    const [fault] = faults({ strategy: 'x'.repeat(10_000) })
    expect(fault?.length).toBeLessThan(250)
  })

  test('tells all its faults at once', () => {
    expect(faults({ strategy: 'x', settle: 'x', priority: 'x' })).toHaveLength(3)
  })
})

test.each([
  [undefined, undefined, undefined, false],
  ['true', undefined, undefined, true],
  [undefined, 'true', undefined, true],
  [undefined, undefined, 'true', true],
  ['false', 'true', 'true', false],
  [undefined, 'false', 'true', false],
  ['true', 'false', 'false', true],
  [undefined, 'secrets', 'false', true],
  [undefined, undefined, 'false', false],
  ['yes please', undefined, undefined, true],
  [undefined, undefined, '', true],
  [undefined, 'configmaps', undefined, true],
])(
  'a workload with %j, a template with %j and a namespace with %j is in: %s',
  (own, template, shared, expected) => {
    const annotation = (value: string | undefined): Record<string, string> =>
      value === undefined ? {} : { 'sluice.dev/restart-on-change': value }
    const workload = { annotations: annotation(own), templateAnnotations: annotation(template) }
    expect(optedIn(workload, annotation(shared))).toBe(expected)
  },
)

test('an opt-in with a typing error in its name opts in, so that the fault is shown', () => {
  const own = ownAnnotations({ 'sluice.dev/restart-on-chnage': 'true' })
  expect(optedIn({ ...NONE, annotations: own }, {})).toBe(true)
  expect(optedIn({ ...NONE, templateAnnotations: own }, {})).toBe(true)
  expect(optedIn(NONE, own)).toBe(true)
  expect(
    readSettings({ ...NONE, annotations: own }, {}, defaults).faults.map(describeFault),
  ).toEqual([expect.stringContaining('sluice.dev/restart-on-change')])
  const out = { ...own, 'sluice.dev/restart-on-change': 'false' }
  expect(optedIn({ ...NONE, annotations: out }, {})).toBe(false)
  const others = ownAnnotations({ 'sluice.dev/priorty': '1', 'reloader/auto': 'true' })
  expect(optedIn({ ...NONE, annotations: others }, {})).toBe(false)
})

describe('where Sluice may only evict', () => {
  const only = { ...defaults, strategy: 'evict-only' } as const
  const read = (strategy?: string) =>
    readSettings(
      { ...NONE, annotations: strategy === undefined ? {} : { 'sluice.dev/strategy': strategy } },
      {},
      only,
    )

  test.each([undefined, 'auto', 'evict'])('%s means evict', (strategy) => {
    expect(read(strategy)).toMatchObject({ strategy: 'evict', faults: [] })
  })

  test('a workload that wants a rollout is told', () => {
    expect(read('rollout').faults.map(describeFault)).toEqual([
      'annotation sluice.dev/strategy of the workload: expected one of auto, evict, found "rollout"',
    ])
  })
})
