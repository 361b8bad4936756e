// The alert rules, tried by promtool with time series: each fires when it should, and not before.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ALERTS, runbookUrl } from '../../observability/alerts.ts'
import { RULES_FILE } from '../../tools/observability.ts'
import { build } from '../../testbed/build.ts'
import { ALERT_CASES, type AlertCase } from './alert-series.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-alerts-'))
let promtool: string

beforeAll(async () => {
  promtool = await build('promtool', (line) => process.stderr.write(`${line}\n`))
})
afterAll(() => rmSync(dir, { recursive: true }))

test('promtool finds no fault in the rules', async () => {
  const { stdout } = await run('check', 'rules', '--lint=all', '--lint-fatal', RULES_FILE)
  expect(stdout).toContain(`${ALERTS.length} rules found`)
})

test('every alert is tried', () => {
  const tried = new Set(ALERT_CASES.map(({ alert }) => alert))
  expect([...tried]).toEqual(ALERTS.map(({ name }) => name))
})

test.each(
  ALERT_CASES.map(
    (each) => [each.alert, Object.keys(each.series)[0] ?? 'no series', each] as const,
  ),
)('%s fires with %s, and not before its time', async (_, __, given) => {
  await run(
    'test',
    'rules',
    testFile('fires', [firing(given), ...given.never.map((series) => calm(given, series))]),
  )
})

test('a rule that fires too early is found', async () => {
  const [given] = ALERT_CASES
  if (!given) throw new Error('expected a case')
  const wrong = firing({ ...given, fires: given.calm })
  await expect(run('test', 'rules', testFile('wrong', [wrong]))).rejects.toThrow('FAILED')
})

function run(...args: readonly string[]) {
  return promisify(execFile)(promtool, args)
}

function testFile(name: string, tests: readonly object[]): string {
  const file = join(dir, `${name}.yaml`)
  writeFileSync(file, stringify({ rule_files: [RULES_FILE], evaluation_interval: '1m', tests }))
  return file
}

function inputs(series: AlertCase['series']): object[] {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }))
}

/** Nothing at the last calm minute, exactly one alert a minute later. */
function firing({ alert: name, series, calm: before, fires, labels, summary }: AlertCase): object {
  const alert = ALERTS.find((each) => each.name === name)
  if (!alert) throw new Error(`expected an alert ${name}`)
  const { severity, description } = alert
  const expected = {
    exp_labels: { severity, ...labels },
    exp_annotations: { summary, description, runbook_url: runbookUrl(alert) },
  }
  return {
    interval: '1m',
    input_series: inputs(series),
    alert_rule_test: [
      { eval_time: before, alertname: name, exp_alerts: [] },
      { eval_time: fires, alertname: name, exp_alerts: [expected] },
    ],
  }
}

function calm({ alert }: AlertCase, series: AlertCase['series']): object {
  const times = Array.from({ length: 36 }, (_, index) => `${index * 5}m`)
  return {
    interval: '1m',
    input_series: inputs(series),
    alert_rule_test: times.map((time) => ({ eval_time: time, alertname: alert, exp_alerts: [] })),
  }
}
