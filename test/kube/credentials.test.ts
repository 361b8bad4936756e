import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { loadCredentials } from '../../src/kube/credentials.ts'

const TOKEN = 'tok-hunter2'
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-credentials-'))
  vi.stubEnv('KUBECONFIG', '')
  vi.stubEnv('HOME', dir)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true })
})

function write(name: string, content: unknown): string {
  const path = join(dir, name)
  writeFileSync(path, typeof content === 'string' ? content : stringify(content))
  return path
}

/** A kubeconfig of one cluster and one user. */
function kubeconfig(user: object, cluster: object = {}, name = 'a') {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: `https://${name}.example:6443/`, ...cluster } }],
    users: [{ name, user }],
  }
}

async function load(path?: string, now = () => 0) {
  const credentials = await loadCredentials(now, path)
  onTestFinished(() => credentials.close())
  return credentials
}

describe('credentials', () => {
  test('come from the kubeconfig that is given', async () => {
    const credentials = await load(write('config', kubeconfig({ token: TOKEN })))
    expect(credentials.server).toBe('https://a.example:6443')
    const { headers } = await credentials.access()
    expect(headers).toEqual({ authorization: `Bearer ${TOKEN}` })
  })

  test('come from the files that KUBECONFIG names, where the first one counts', async () => {
    const first = write('first', kubeconfig({ token: 'first' }))
    const second = kubeconfig({ token: 'second' })
    const more = kubeconfig({ token: 'b' }, {}, 'b')
    const all = {
      ...more,
      clusters: [...second.clusters, ...more.clusters],
      users: [...second.users, ...more.users],
    }
    vi.stubEnv('KUBECONFIG', `${first}:${write('second', all)}`)
    const credentials = await load()
    expect(credentials.server).toBe('https://a.example:6443')
    expect((await credentials.access()).headers).toEqual({ authorization: 'Bearer first' })
  })

  test('may be a name and a password', async () => {
    const path = write('config', kubeconfig({ username: 'u', password: 'p' }))
    const { headers } = await (await load(path)).access()
    expect(headers).toEqual({ authorization: 'Basic dTpw' })
  })

  test('follow a token file that changes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    let now = 0
    write('token', 'old\n')
    const credentials = await load(write('config', kubeconfig({ tokenFile: 'token' })), () => now)
    expect((await credentials.access()).headers).toEqual({ authorization: 'Bearer old' })
    write('token', 'new\n')
    now += 70_000
    vi.setSystemTime(Date.now() + 70_000)
    expect((await credentials.access()).headers).toEqual({ authorization: 'Bearer new' })
  })

  test('keep their connections while nothing but the token changes', async () => {
    let now = 0
    const path = write('config', kubeconfig({ token: TOKEN }))
    const credentials = await load(path, () => now)
    const { dispatcher } = await credentials.access()
    now += 60_000
    expect((await credentials.access()).dispatcher).toBe(dispatcher)
  })

  test('get new connections for a new certificate authority', async () => {
    let now = 0
    write('ca', 'old')
    const path = write('config', kubeconfig({ token: TOKEN }, { 'certificate-authority': 'ca' }))
    const credentials = await load(path, () => now)
    const { dispatcher } = await credentials.access()
    write('ca', 'new')
    now += 60_000
    expect((await credentials.access()).dispatcher).not.toBe(dispatcher)
  })

  test('are asked for again from the plugin when the server refuses them', async () => {
    let now = 0
    write('token', 'old')
    const answer = '{"status":{"token":"\'$(cat token)\'"}}'
    write('plugin', `#!/bin/sh\ncd ${dir}; echo '${answer}'\n`)
    chmodSync(join(dir, 'plugin'), 0o700)
    const path = write('config', kubeconfig({ exec: { command: join(dir, 'plugin') } }))
    const credentials = await load(path, () => now)
    write('token', 'new')
    now += 60_000
    expect((await credentials.access()).headers).toEqual({ authorization: 'Bearer old' })
    credentials.refused()
    now += 60_000
    expect((await credentials.access()).headers).toEqual({ authorization: 'Bearer new' })
  })

  test('are never sent to another cluster that the kubeconfig was turned to', async () => {
    let now = 0
    const path = write('config', kubeconfig({ token: TOKEN }))
    const credentials = await load(path, () => now)
    write('config', kubeconfig({ token: 'other' }, {}, 'b'))
    credentials.refused()
    now += 60_000
    expect((await credentials.access()).headers).toEqual({ authorization: `Bearer ${TOKEN}` })
  })
})

describe('a fault', () => {
  const good = kubeconfig({ token: TOKEN })

  test.each([
    ['text without meaning', TOKEN, 'config is not a kubeconfig'],
    ['no YAML', `{ token: [${TOKEN}`, 'config is not YAML'],
    ['nothing', '', 'config is not a kubeconfig'],
    ['no context chosen', { ...good, 'current-context': '' }, 'config: no current-context is set'],
    ['another context', { ...good, 'current-context': 'b' }, 'config: there is no context b'],
    [
      'no cluster',
      { ...good, clusters: [] },
      'config: context a needs the cluster a, which is missing',
    ],
    ['no user', { ...good, users: [] }, 'config: context a needs the user a, which is missing'],
    ['a list of nothing', { ...good, users: [{ user: { token: TOKEN } }] }, 'not a kubeconfig'],
  ])(
    'in the file is told with its name, and nothing is quoted: %s',
    async (_, content, message) => {
      const error = await load(write('config', content)).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'CredentialsError' })
      expect((error as Error).message).toContain(message)
      expect((error as Error).message).toContain(dir)
      expect((error as Error).message).not.toContain(TOKEN)
    },
  )

  test('names the file that is not there', async () => {
    const path = join(dir, 'nowhere')
    await expect(load(path)).rejects.toThrow(`${path} cannot be read: ENOENT`)
  })

  test('names the token file that is not there', async () => {
    const path = write('config', kubeconfig({ tokenFile: 'token' }))
    await expect(load(path)).rejects.toThrow(`${join(dir, 'token')}: ENOENT`)
  })

  test('names the plugin that failed, but not what it said', async () => {
    write('plugin', `#!/bin/sh\necho ${TOKEN} >&2; exit 1\n`)
    chmodSync(join(dir, 'plugin'), 0o700)
    const path = write('config', kubeconfig({ exec: { command: join(dir, 'plugin') } }))
    await expect(load(path)).rejects.toThrow(
      new RegExp(`^credentials from ${join(dir, 'plugin')}: it failed$`),
    )
  })

  test('tells where was looked, when there is nothing', async () => {
    await expect(load()).rejects.toThrow(`no ${dir}/.kube/config`)
  })
})
