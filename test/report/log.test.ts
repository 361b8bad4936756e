import { spawnSync } from 'node:child_process'
import type { Logger } from 'pino'
import { describe, expect, test } from 'vitest'
import { createLogger } from '../../src/report/log.ts'

/** The lines that `write` makes a logger write. */
function linesOf(write: (log: Logger) => void, level: 'debug' | 'info' | 'warn' = 'info') {
  const lines: Record<string, unknown>[] = []
  const destination = {
    write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>),
  }
  write(createLogger({ level, destination }))
  return lines
}

class ApiException extends Error {
  override readonly name = 'ApiException'
  readonly code = 404
  readonly body = { data: { password: 'hunter2' } }
  readonly headers = { authorization: 'hunter2' }
}

function apiException(): ApiException {
  return new ApiException('HTTP-Code: 404\nBody: {"password":"hunter2"}\nHeaders: {}')
}

describe('the log', () => {
  test('is a JSON object a line, with the time in ISO form and the level by name', () => {
    const [line] = linesOf((log) => log.info({ workload: 'shop/web' }, 'restart started'))
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      workload: 'shop/web',
      msg: 'restart started',
    })
  })

  test('takes a message without fields', () => {
    const [line] = linesOf((log) => log.warn('no lease for %s', '5s'))
    expect(line).toMatchObject({ level: 'warn', msg: 'no lease for 5s' })
  })

  test('leaves out what is below its level', () => {
    const lines = linesOf((log) => {
      log.info('quiet')
      log.warn('loud')
    }, 'warn')
    expect(lines.map(({ msg }) => msg)).toEqual(['loud'])
  })

  test.each([
    ['itself', (log: Logger, error: Error) => log.error(error)],
    ['as a field', (log: Logger, error: Error) => log.error({ err: error })],
  ])('shows name, message and stack of an error given %s', (_, write) => {
    const error = Object.assign(new TypeError('too bad'), { secret: 'hunter2' })
    const [line] = linesOf((log) => write(log, error))
    expect(line).toMatchObject({
      msg: 'too bad',
      err: { name: 'TypeError', message: 'too bad', stack: error.stack },
    })
    expect(JSON.stringify(line)).not.toContain('hunter2')
  })

  test('shows why a connection failed', () => {
    const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    const [line] = linesOf((log) => log.error(new TypeError('fetch failed', { cause: refused })))
    expect(line).toMatchObject({ err: { cause: { name: 'AggregateError', code: 'ECONNREFUSED' } } })
  })

  test('ends with errors that cause each other', () => {
    const chicken = new Error('chicken')
    chicken.cause = new Error('egg', { cause: chicken })
    expect(linesOf((log) => log.error(chicken))).toHaveLength(1)
  })

  test.each([
    ['itself', (log: Logger, error: Error) => log.error(error)],
    ['itself, with a message', (log: Logger, error: Error) => log.error(error, 'cannot read')],
    ['as err', (log: Logger, error: Error) => log.error({ err: error })],
    ['under another name', (log: Logger, error: Error) => log.error({ reason: error }, 'sorry')],
    ['bound to a child', (log: Logger, err: Error) => log.child({ err }).error('sorry')],
    ['as a cause', (log: Logger, cause: Error) => log.error(new Error('no luck', { cause }))],
  ])('never shows the answer that an error carries: %s', (_, write) => {
    const [line] = linesOf((log) => write(log, apiException()))
    expect(JSON.stringify(line)).toContain('ApiException')
    expect(JSON.stringify(line)).not.toContain('hunter2')
  })

  test('loses no line when the process is killed', () => {
    const log = new URL('../../src/report/log.ts', import.meta.url).href
    const script = `
      import { createLogger } from ${JSON.stringify(log)}
      const log = createLogger({ level: 'info' })
      for (let line = 1; line <= 500; line++) log.info({ line }, 'working')
      process.kill(process.pid, 'SIGKILL')`
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    })
    expect(child.signal).toBe('SIGKILL')
    expect(child.stdout.trimEnd().split('\n')).toHaveLength(500)
  })
})
