import { describe, expect, test } from 'vitest'
import { describeFault } from '../../src/model/fault.ts'
import { loadConfig, type ConfigSources } from '../../src/config/load.ts'

const POD_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

function load(files: Record<string, string>, sources: Partial<ConfigSources> = {}) {
  return loadConfig({ flags: {}, ...sources }, (path) => {
    const text = files[path]
    if (text === undefined) {
      throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
    }
    return text
  })
}

/** Loads one file, with flags over it. */
function loadYaml(text: string, flags: ConfigSources['flags'] = {}) {
  return load({ 'sluice.yaml': text }, { file: 'sluice.yaml', flags })
}

function faultsOf(loaded: ReturnType<typeof loadConfig>): string[] {
  return 'faults' in loaded ? loaded.faults.map(describeFault) : []
}

const DURATION = 'a duration such as 5s, 1m30s or 500ms, at most 24 days'

describe('the configuration', () => {
  test('without a file and flags is made of the defaults', () => {
    expect(load({})).toEqual({
      config: {
        mode: 'act',
        quietPeriod: 5_000,
        minRestartInterval: 300_000,
        settle: 5_000,
        waitForTermination: true,
        margin: 2_000,
        nodeMargin: 60_000,
        maxConcurrentRestarts: 1,
        maxConcurrentPerGroup: 1,
        maxStartingPods: Infinity,
        urgentMaxUnavailable: { kind: 'percent', value: 25 },
        urgentMaxConcurrentRestarts: 4,
        urgentReach: 'cluster',
        failureWindow: 1_800_000,
        failureCooldown: 600_000,
        maxUnavailable: { kind: 'count', value: 1 },
        volumes: 'ignore',
        strategy: 'auto',
        managedNamespaces: 'all',
        namespace: 'sluice-system',
        sources: new Set(['Secret', 'ConfigMap']),
        secretAccess: 'cluster',
        secretSelector: 'type!=helm.sh/release.v1',
        leaderElection: 'on',
        listen: { host: undefined, port: 8080 },
        endpointAccess: 'open',
        tlsDirectory: null,
        logLevel: 'info',
        writeRate: 20,
      },
    })
  })

  test('reads a file', () => {
    const text = 'mode: observe\nquietPeriod: 500ms\nmaxUnavailable: 25%\nwriteRate: 5\n'
    expect(loadYaml(text)).toMatchObject({
      config: {
        mode: 'observe',
        quietPeriod: 500,
        maxUnavailable: { kind: 'percent', value: 25 },
        writeRate: 5,
      },
    })
  })

  test('reads a count that YAML takes for a number', () => {
    const maxUnavailable = { kind: 'count', value: 3 }
    expect(loadYaml('maxUnavailable: 3')).toMatchObject({ config: { maxUnavailable } })
  })

  test.each([
    ['none', ''],
    ['type!=helm.sh/release.v1,metadata.name!=archive', undefined],
    ['type==Opaque', undefined],
  ])('reads the field selector %s', (secretSelector, read = secretSelector) => {
    expect(load({}, { flags: { secretSelector } })).toMatchObject({
      config: { secretSelector: read },
    })
  })

  test('reads a number, or that there is no limit', () => {
    expect(loadYaml('maxStartingPods: 6')).toMatchObject({ config: { maxStartingPods: 6 } })
    expect(loadYaml('maxStartingPods: none')).toMatchObject({
      config: { maxStartingPods: Infinity },
    })
  })

  test.each(['', '# nothing yet\n', '{}'])('takes %j for a file without settings', (text) => {
    expect(loadYaml(text)).toEqual(load({}))
  })

  test('lets a flag win over the file', () => {
    expect(loadYaml('settle: 1s\nmargin: 3s', { settle: '9s' })).toMatchObject({
      config: { settle: 9_000, margin: 3_000 },
    })
  })

  test('takes the namespace from the pod where nobody names one', () => {
    const files = { [POD_NAMESPACE]: 'ops\n' }
    expect(load(files)).toMatchObject({ config: { namespace: 'ops' } })
    expect(load(files, { flags: { namespace: 'mine' } })).toMatchObject({
      config: { namespace: 'mine' },
    })
  })

  test.each([
    [':8080', undefined, 8080],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['localhost:9090', 'localhost', 9090],
    ['[::1]:80', '::1', 80],
  ])('reads %s as a place to listen at', (listen, host, port) => {
    expect(load({}, { flags: { listen } })).toMatchObject({ config: { listen: { host, port } } })
  })

  test('reads a list of namespaces, once each and in order', () => {
    const flags = { secretAccess: 'shop, billing,shop' }
    expect(load({}, { flags })).toMatchObject({ config: { secretAccess: ['billing', 'shop'] } })
  })

  test('may hold settings that just fit together', () => {
    const flags = { quietPeriod: '1m', margin: '0s', nodeMargin: '0s', settle: '0s' }
    expect(load({}, { flags })).toHaveProperty('config')
  })
})

describe('a fault', () => {
  test.each([
    ['quietPeriod: 5', `sluice.yaml: quietPeriod: expected ${DURATION}, found 5`],
    ['quietPeriod: -5s', `sluice.yaml: quietPeriod: expected ${DURATION}, found "-5s"`],
    ['quietPeriod:', `sluice.yaml: quietPeriod: expected ${DURATION}, found null`],
    ['quietPeriod: [5s]', `sluice.yaml: quietPeriod: expected ${DURATION}, found ["5s"]`],
    ['mode: dry-run', 'sluice.yaml: mode: expected one of act, observe, found "dry-run"'],
    ['mode: true', 'sluice.yaml: mode: expected one of act, observe, found true'],
    [
      'maxUnavailable: 0',
      'sluice.yaml: maxUnavailable: expected a whole number of at least 1, or a percentage from 1% to 100%, found 0',
    ],
    ...['0', '"none "'].map((wrong): [string, string] => [
      `maxStartingPods: ${wrong}`,
      `sluice.yaml: maxStartingPods: expected a whole number of at least 1, or none, found ${wrong}`,
    ]),
    ['writeRate: 0.5', 'sluice.yaml: writeRate: expected a whole number of at least 1, found 0.5'],
    [
      'listen: 8080',
      'sluice.yaml: listen: expected host:port, such as :8080, 127.0.0.1:8080 or [::1]:8080, found 8080',
    ],
    [
      'listen: :65536',
      'sluice.yaml: listen: expected host:port, such as :8080, 127.0.0.1:8080 or [::1]:8080, found ":65536"',
    ],
    [
      'namespace: Ops',
      'sluice.yaml: namespace: expected the name of a Namespace: up to 63 lower-case letters, digits and hyphens, found "Ops"',
    ],
    [
      'quiet-period: 5s',
      'sluice.yaml: quiet-period: expected the name of a setting, perhaps quietPeriod, found "quiet-period"',
    ],
    [
      'quietPeroid: 5s',
      'sluice.yaml: quietPeroid: expected the name of a setting, perhaps quietPeriod, found "quietPeroid"',
    ],
    ['colour: red', 'sluice.yaml: colour: expected the name of a setting, found "colour"'],
    ['__proto__: 1', 'sluice.yaml: __proto__: expected the name of a setting, found "__proto__"'],
    [
      'constructor: 1',
      'sluice.yaml: constructor: expected the name of a setting, found "constructor"',
    ],
    ['- mode', 'sluice.yaml: expected a mapping of settings, found ["mode"]'],
    ['maxQuiet: 60s', 'sluice.yaml: maxQuiet: expected the name of a setting, found "maxQuiet"'],
    ...['shop,Ops', 'shop,', 'shop billing', 'shop,named', 'cluster,shop', 'named,cluster'].map(
      (wrong): [string, string] => [
        `secretAccess: ${wrong}`,
        `sluice.yaml: secretAccess: expected cluster, named, or names of Namespaces, separated by commas, found "${wrong}"`,
      ],
    ),
    ...['helm', 'type!=', 'type!=a b', 'data.x=1', 'type!=a,', 'metadata.namespace=shop'].map(
      (wrong): [string, string] => [
        `secretSelector: ${JSON.stringify(wrong)}`,
        `sluice.yaml: secretSelector: expected a field selector of type or metadata.name such as type!=example.com/archive, several separated by commas, or none, found "${wrong}"`,
      ],
    ),
    [
      'secretAccess: [shop, billing]',
      'sluice.yaml: secretAccess: expected cluster, named, or names of Namespaces, separated by commas, found ["shop","billing"]',
    ],
    ['margin: 2m', 'nodeMargin, by default: expected at least margin, which is 2m, found "60s"'],
    [
      'nodeMargin: 1s',
      'sluice.yaml: nodeMargin: expected at least margin, which is 2s, found "1s"',
    ],
  ])('of %j says where it is, what was expected and what was found', (text, fault) => {
    expect(faultsOf(loadYaml(text))).toEqual([fault])
  })

  test('of a flag names the flag', () => {
    expect(faultsOf(load({}, { flags: { margin: 'soon', nodeMargin: '1s' } }))).toEqual([
      `--margin: expected ${DURATION}, found "soon"`,
    ])
  })

  test('never hides another one', () => {
    const text = 'mode: off\nsettle: 5\ncolour: red\nnodeMargin: 1s'
    expect(faultsOf(loadYaml(text, { logLevel: 'loud', writeRate: '0' }))).toEqual([
      'sluice.yaml: mode: expected one of act, observe, found "off"',
      'sluice.yaml: settle: expected a duration such as 5s or 1m30s, at most 1h, found 5',
      'sluice.yaml: colour: expected the name of a setting, found "colour"',
      '--log-level: expected one of debug, info, warn, error, found "loud"',
      '--write-rate: expected a whole number of at least 1, found "0"',
      'sluice.yaml: nodeMargin: expected at least margin, which is 2s, found "1s"',
    ])
  })

  test('in the file shows even where a flag wins', () => {
    expect(faultsOf(loadYaml('mode: off', { mode: 'act' }))).toEqual([
      'sluice.yaml: mode: expected one of act, observe, found "off"',
    ])
  })

  test('of two settings is gone when a flag puts it right', () => {
    expect(loadYaml('margin: 2m', { nodeMargin: '3m' })).toHaveProperty('config')
  })

  test('is a file that is missing, and the flags are checked all the same', () => {
    expect(faultsOf(load({}, { file: 'gone.yaml', flags: { mode: 'off' } }))).toEqual([
      "gone.yaml: expected a readable file of valid content, found ENOENT: no such file, open 'gone.yaml'",
      '--mode: expected one of act, observe, found "off"',
    ])
  })

  test.each([
    ['mode: act\nmode: observe', 'Map keys must be unique at line 2, column 1:'],
    ['mode: "act', 'Missing closing "quote at line 1, column 11:'],
  ])('is a file that is not YAML: %j', (text, reason) => {
    expect(faultsOf(loadYaml(text))).toEqual([
      `sluice.yaml: expected a readable file of valid content, found ${reason}`,
    ])
  })

  test('is a pod namespace that cannot be read', () => {
    const loaded = loadConfig({ flags: {} }, () => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    })
    expect(faultsOf(loaded)).toEqual([
      `${POD_NAMESPACE}: expected a readable file of valid content, found EACCES: permission denied`,
    ])
  })

  test('shows no more than the beginning of a long value', () => {
    const [fault] = faultsOf(load({}, { flags: { mode: 'x'.repeat(200) } }))
    expect(fault?.length).toBeLessThan(120)
  })
})
