import { describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { flagOf, settingRows, type Config } from '../../src/config/settings.ts'

/** Runs `sluice <args>` with one file, sluice.yaml. */
async function sluice(args: readonly string[], yaml = '', run?: () => Promise<void>) {
  const configs: Config[] = []
  let out = ''
  let err = ''
  const exitCode = await runCommandLine(args, {
    version: '1.2.3',
    readFile: (path) => {
      if (path === 'sluice.yaml') return yaml
      throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
    },
    out: (text) => (out += text),
    err: (text) => (err += text),
    run: (config) => {
      configs.push(config)
      return run?.() ?? Promise.resolve()
    },
    rbac: () => Promise.resolve(true),
  })
  return { exitCode, out, err, configs }
}

describe('sluice', () => {
  test('version prints the version', async () => {
    expect(await sluice(['version'])).toMatchObject({ exitCode: 0, out: '1.2.3\n', err: '' })
  })

  test('run starts with what file and flags say', async () => {
    const args = ['run', '--config', 'sluice.yaml', '--quiet-period', '1s', '--mode=observe']
    const { exitCode, configs } = await sluice(args, 'quietPeriod: 9s\nsettle: 3s')
    expect(exitCode).toBe(0)
    expect(configs).toMatchObject([{ mode: 'observe', quietPeriod: 1_000, settle: 3_000 }])
  })

  test('run prints every fault and starts nothing', async () => {
    const args = ['run', '--config', 'sluice.yaml', '--mode', 'off', '--write-rate', '0']
    const { exitCode, err, configs } = await sluice(args, 'settle: 5')
    expect(exitCode).toBe(2)
    expect(err.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^sluice.yaml: settle: expected a duration/),
      '--mode: expected one of act, observe, found "off"',
      '--write-rate: expected a whole number of at least 1, found "0"',
    ])
    expect(configs).toEqual([])
  })

  test.each([
    [['run', '--quiet-perod', '5s'], "error: unknown option '--quiet-perod'"],
    [['run', '--quiet-period'], "error: option '--quiet-period <duration>' argument missing"],
    [['run', 'fast'], "error: too many arguments for 'run'"],
    [['rum'], "error: unknown command 'rum'"],
    [[], 'Usage: sluice [options] [command]'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { exitCode, err, configs } = await sluice(args)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
    expect(configs).toEqual([])
  })

  test('run --help names every flag with its default', async () => {
    const { exitCode, out } = await sluice(['run', '--help'])
    expect(exitCode).toBe(0)
    const help = out.replace(/\s+/g, ' ')
    for (const [name, row] of settingRows) {
      expect(help).toContain(`${flagOf(name)} <${row.kind.placeholder}> ${row.meaning}`)
      expect(help).toContain(`(default: ${row.default})`)
    }
  })

  test('passes on what the operator fails with', async () => {
    const failure = new Error('no cluster')
    await expect(sluice(['run'], '', () => Promise.reject(failure))).rejects.toBe(failure)
  })
})
