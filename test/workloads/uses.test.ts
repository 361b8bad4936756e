import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { usesOf, type PodSpec } from '../../src/workloads/uses.ts'

/** `container: source/key mode`, with `?` where optional and `init` where it is an ordinary init container. */
function uses(spec: PodSpec): string[] {
  return usesOf(spec).flatMap(({ container, init, uses }) =>
    uses.map(
      ({ source, selector, mode, optional }) =>
        `${init ? 'init ' : ''}${container}: ${source}/${selector} ${mode}${optional ? '?' : ''}`,
    ),
  )
}

const keyOf = (name: string, key: string, optional?: boolean) => ({
  valueFrom: { secretKeyRef: { name, key, ...(optional !== undefined && { optional }) } },
})

const inVolume = (
  secret: NonNullable<NonNullable<PodSpec['volumes']>[number]['secret']>,
  mount: { subPath?: string; subPathExpr?: string } = {},
): PodSpec => ({
  containers: [{ name: 'app', volumeMounts: [{ name: 'files', ...mount }] }],
  volumes: [{ name: 'files', secret }],
})

describe('the environment', () => {
  test('uses single keys', () => {
    const env = [keyOf('db', 'password'), keyOf('db', 'user'), keyOf('mail', 'token', true)]
    expect(uses({ containers: [{ name: 'app', env }] })).toEqual([
      'app: secret/db/password env',
      'app: secret/db/user env',
      'app: secret/mail/token env?',
    ])
  })

  test('uses all keys of a Secret at once', () => {
    const envFrom = [{ secretRef: { name: 'db' } }, { secretRef: { name: 'mail', optional: true } }]
    expect(uses({ containers: [{ name: 'app', envFrom }] })).toEqual([
      'app: secret/db/* envFrom',
      'app: secret/mail/* envFrom?',
    ])
  })

  test('uses ConfigMaps as it uses Secrets, apart from a Secret of the same name', () => {
    const spec: object = {
      containers: [
        {
          name: 'app',
          env: [
            { name: 'A', value: 'x' },
            { valueFrom: { configMapKeyRef: { name: 'db', key: 'url' } } },
            keyOf('db', 'url'),
          ],
          envFrom: [{ configMapRef: { name: 'db' } }],
        },
      ],
    }
    expect(uses(spec)).toEqual([
      'app: configmap/db/url env',
      'app: secret/db/url env',
      'app: configmap/db/* envFrom',
    ])
  })

  test.each([
    [false, true],
    [true, false],
  ])('requires a key that one of two references requires (optional: %s, %s)', (first, second) => {
    const env = [keyOf('db', 'password', first), keyOf('db', 'password', second)]
    expect(uses({ containers: [{ name: 'app', env }] })).toEqual(['app: secret/db/password env'])
  })

  test('leaves a key optional that both references leave optional', () => {
    const env = [keyOf('db', 'password', true), keyOf('db', 'password', true)]
    expect(uses({ containers: [{ name: 'app', env }] })).toEqual(['app: secret/db/password env?'])
  })
})

describe('a volume', () => {
  test('uses all keys, or those of its items', () => {
    expect(uses(inVolume({ secretName: 'db' }))).toEqual(['app: secret/db/* volume'])
    const items = [
      { key: 'password', path: 'a' },
      { key: 'user', path: 'b/c' },
    ]
    expect(uses(inVolume({ secretName: 'db', items, optional: true }))).toEqual([
      'app: secret/db/password volume?',
      'app: secret/db/user volume?',
    ])
  })

  test('mounted by subPath without items uses the key of that name', () => {
    const spec = inVolume({ secretName: 'db' }, { subPath: 'password' })
    expect(uses(spec)).toEqual(['app: secret/db/password subPath'])
  })

  test.each([
    ['a', ['app: secret/db/password subPath']],
    ['conf', ['app: secret/db/user subPath', 'app: secret/db/host subPath']],
    ['conf/', ['app: secret/db/user subPath', 'app: secret/db/host subPath']],
    ['conf/user', ['app: secret/db/user subPath']],
    ['con', []],
  ])('mounted by subPath %j with items uses the keys behind that path', (subPath, expected) => {
    const items = [
      { key: 'password', path: 'a' },
      { key: 'user', path: 'conf/user' },
      { key: 'host', path: 'conf/db/host' },
    ]
    expect(uses(inVolume({ secretName: 'db', items }, { subPath }))).toEqual(expected)
  })

  test.each<[string, readonly string[]]>([
    ['./password', ['app: secret/db/password subPath']],
    ['password/', ['app: secret/db/password subPath']],
    ['.//password', ['app: secret/db/password subPath']],
    ['tls.crt/./', ['app: secret/db/tls.crt subPath']],
    ['..data/password', ['app: secret/db/password subPath']],
    ['..2026_03_01_12_00_00.123456789/password', ['app: secret/db/password subPath']],
    // The folder of one write alone: the files in it never change.
    ['..data', ['app: secret/db/* subPath']],
    ['./..data/', ['app: secret/db/* subPath']],
    ['.hidden', ['app: secret/db/.hidden subPath']],
    ['.', ['app: secret/db/* volume']],
    ['./', ['app: secret/db/* volume']],
    ['.//.', ['app: secret/db/* volume']],
  ])('mounted by subPath %j is read as the file system reads the path', (subPath, expected) => {
    expect(uses(inVolume({ secretName: 'db' }, { subPath }))).toEqual(expected)
  })

  test.each<[string, readonly string[]]>([
    ['./conf//user', ['app: secret/db/user subPath']],
    ['..data/conf/user', ['app: secret/db/user subPath']],
    ['conf/.', ['app: secret/db/user subPath', 'app: secret/db/host subPath']],
    [
      '..data',
      ['app: secret/db/user subPath', 'app: secret/db/host subPath', 'app: secret/db/name subPath'],
    ],
    [
      '.',
      ['app: secret/db/user volume', 'app: secret/db/host volume', 'app: secret/db/name volume'],
    ],
    ['con', []],
  ])('mounted by subPath %j meets the paths of its items as files', (subPath, expected) => {
    const items = [
      { key: 'user', path: 'conf/./user' },
      { key: 'host', path: './conf//host' },
      { key: 'name', path: 'config' },
    ]
    expect(uses(inVolume({ secretName: 'db', items }, { subPath }))).toEqual(expected)
  })

  test.each<[string, object, boolean | undefined]>([
    ['without items starts with an empty folder where the key is missing', {}, true],
    ['with items does not', { items: [{ key: 'password', path: 'password' }] }, undefined],
  ])('mounted by subPath %s', (_, more, expected) => {
    const spec = inVolume({ secretName: 'db', ...more }, { subPath: 'password' })
    expect(usesOf(spec)[0]?.uses[0]?.emptyFolder).toBe(expected)
  })

  test('mounted by subPathExpr may use any of its keys', () => {
    const mount = { subPathExpr: '$(POD_NAME)' }
    expect(uses(inVolume({ secretName: 'db' }, mount))).toEqual(['app: secret/db/* subPath'])
    const items = [{ key: 'password', path: 'a' }]
    expect(uses(inVolume({ secretName: 'db', items }, mount))).toEqual([
      'app: secret/db/password subPath',
    ])
  })

  test('that no container mounts is no use', () => {
    const spec = { ...inVolume({ secretName: 'db' }), containers: [{ name: 'app' }] }
    expect(uses(spec)).toEqual([])
  })

  test('is used once for each mode, however often it is mounted', () => {
    const volumeMounts = [
      { name: 'files' },
      { name: 'files' },
      { name: 'files', subPath: 'password' },
      { name: 'files', subPath: 'password' },
    ]
    const spec = {
      ...inVolume({ secretName: 'db' }),
      containers: [{ name: 'app', volumeMounts }],
    }
    expect(uses(spec)).toEqual(['app: secret/db/* volume', 'app: secret/db/password subPath'])
  })
})

describe('a projected volume', () => {
  const projected = (mount: { subPath?: string }, ...secrets: readonly object[]): PodSpec => ({
    containers: [{ name: 'app', volumeMounts: [{ name: 'all', ...mount }] }],
    volumes: [{ name: 'all', projected: { sources: secrets.map((secret) => ({ secret })) } }],
  })

  test('uses every Secret in it', () => {
    const items = [{ key: 'token', path: 't' }]
    const spec = projected({}, { name: 'db' }, { name: 'mail', items, optional: true })
    expect(uses(spec)).toEqual(['app: secret/db/* volume', 'app: secret/mail/token volume?'])
  })

  test('uses ConfigMaps in it too', () => {
    const spec: object = {
      ...projected({}),
      volumes: [{ name: 'all', projected: { sources: [{ configMap: { name: 'x' } }] } }],
    }
    expect(uses(spec)).toEqual(['app: configmap/x/* volume'])
  })

  test('that every pod gets for its service account is no use', () => {
    const name = 'kube-api-access-x7k2p'
    const spec: object = {
      containers: [{ name: 'app', volumeMounts: [{ name }] }],
      volumes: [{ name, projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] } }],
    }
    expect(uses(spec)).toEqual([])
  })

  test('mounted by subPath may find the file in any Secret, so none of them must have it', () => {
    expect(uses(projected({ subPath: 'password' }, { name: 'db' }, { name: 'mail' }))).toEqual([
      'app: secret/db/password subPath?',
      'app: secret/mail/password subPath?',
    ])
  })

  test('of a single Secret requires the file that a subPath names', () => {
    expect(uses(projected({ subPath: 'password' }, { name: 'db' }))).toEqual([
      'app: secret/db/password subPath',
    ])
  })
})

describe('a pod spec', () => {
  test('is read with its init containers, sidecars, and containers that a webhook injected', () => {
    const env = [keyOf('db', 'password')]
    expect(
      uses({
        initContainers: [
          { name: 'migrate', env },
          { name: 'proxy', env, restartPolicy: 'Always' },
        ],
        containers: [
          { name: 'app', env },
          { name: 'injected', env: [keyOf('mesh', 'ca')] },
        ],
      }),
    ).toEqual([
      'init migrate: secret/db/password env',
      'proxy: secret/db/password env',
      'app: secret/db/password env',
      'injected: secret/mesh/ca env',
    ])
  })

  test('uses no Secret that only pulls images', () => {
    const spec = { containers: [{ name: 'app' }], imagePullSecrets: [{ name: 'registry' }] }
    expect(uses(spec)).toEqual([])
  })

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['no containers', { initContainers: [], containers: [], volumes: [] }],
    ['a reference without a name', { containers: [{ name: 'a', env: [keyOf('', 'k')] }] }],
    ['an empty envFrom', { containers: [{ name: 'a', envFrom: [{}] }] }],
    ['an env without a source', { containers: [{ name: 'a', env: [{}, { valueFrom: {} }] }] }],
    ['a mount of no volume', { containers: [{ name: 'a', volumeMounts: [{ name: 'x' }] }] }],
    [
      'an empty volume',
      {
        containers: [{ name: 'a', volumeMounts: [{ name: 'x' }] }],
        volumes: [{ name: 'x' }, { name: 'x', projected: {} }],
      },
    ],
    [
      'an empty projected source',
      {
        containers: [{ name: 'a', volumeMounts: [{ name: 'x' }] }],
        volumes: [{ name: 'x', projected: { sources: [{}, { secret: {} }] } }],
      },
    ],
  ])('with %s has no uses', (_, spec) => {
    expect(usesOf(spec as PodSpec)).toEqual([])
  })

  test('has the same set of uses in whatever order its parts stand', () => {
    const name = fc.constantFrom('db', 'mail', 'tls')
    const key = fc.constantFrom('password', 'user')
    const env = fc.array(
      fc
        .tuple(name, key, fc.boolean())
        .map(([source, of, optional]) => keyOf(source, of, optional)),
    )
    const envFrom = fc.array(
      fc.record({ secretRef: fc.record({ name, optional: fc.boolean() }) }),
      { maxLength: 4 },
    )
    const container = fc.record({ env, envFrom })
    fc.assert(
      fc.property(
        fc.array(container, { maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        (all, keys) => {
          const shuffled = <T>(list: readonly T[]): T[] =>
            list
              .map((each) => [keys.next().value ?? 0, each] as const)
              .sort(([a], [b]) => a - b)
              .map(([, each]) => each)
          const containers = all.map((each, index) => ({ ...each, name: `c${index}` }))
          const mixed = shuffled(containers).map((each) => ({
            ...each,
            env: shuffled(each.env),
            envFrom: shuffled(each.envFrom),
          }))
          expect(uses({ containers: mixed }).sort()).toEqual(uses({ containers }).sort())
        },
      ),
    )
  })
})
