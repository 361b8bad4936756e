// The dashboard and the alerts as files: current, complete, and about metrics that exist.
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import type { V1Service } from '@kubernetes/client-node'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { ALERTS, runbookUrl } from '../../observability/alerts.ts'
import { dashboard } from '../../observability/dashboard/dashboard.ts'
import { panelsOf } from '../../observability/dashboard/panels-of.ts'
import { prometheusRule } from '../../observability/rules.ts'
import { serviceMonitor } from '../../observability/service-monitor.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { FLEET, PROCESS } from '../../src/report/metrics/definitions.ts'
import {
  DASHBOARD_FILE,
  observabilityFiles,
  PROMETHEUS_RULE_FILE,
  RULES_FILE,
} from '../../tools/observability.ts'

const DEFINED = new Set<string>(
  [...Object.values(FLEET), ...Object.values(PROCESS)].map(({ name }) => name),
)

/** Metrics of Sluice's own that an expression asks for. */
function metricsIn(expr: string): string[] {
  return (expr.match(/\bsluice_\w+/g) ?? []).map((name) => name.replace(/_bucket$/, ''))
}

test.each([...observabilityFiles()].map(([file, text]) => [file.split('/').at(-1), file, text]))(
  '%s is as it is generated (make generated)',
  (_, file = '', text) => {
    expect(readFileSync(file, 'utf8')).toBe(text)
  },
)

test('the rules file and the PrometheusRule are the same rules', () => {
  const { spec } = parse(readFileSync(PROMETHEUS_RULE_FILE, 'utf8')) as { spec: unknown }
  expect(spec).toEqual(parse(readFileSync(RULES_FILE, 'utf8')))
})

test('the Prometheus operator would take both of its objects, by its own schema', () => {
  expect(() => new PrometheusRule(prometheusRule()).validate()).not.toThrow()
  expect(() => new ServiceMonitor(serviceMonitor()).validate()).not.toThrow()
  const wrong = { ...serviceMonitor(), spec: { selector: {}, endpoints: [{ honorLabels: 'yes' }] } }
  expect(() => new ServiceMonitor(wrong as never).validate()).toThrow('honorLabels must be boolean')
})

test('the ServiceMonitor selects the Service that is installed, by a port that it has', () => {
  const services = parseAllDocuments(readFileSync(INSTALL_FILE, 'utf8'))
    .map((each) => each.toJS() as V1Service)
    .filter(({ kind }) => kind === 'Service')
  const { selector, endpoints } = serviceMonitor().spec
  expect(services).toHaveLength(1)
  expect(services[0]?.metadata?.labels).toMatchObject(selector.matchLabels)
  expect(services[0]?.spec?.ports?.map(({ name }) => name)).toContain(endpoints[0].port)
})

describe('the dashboard', () => {
  const panels = panelsOf(dashboard())

  test('has panels', () => {
    expect(panels.length).toBeGreaterThan(25)
    expect(JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8'))).toHaveProperty('uid', 'sluice')
  })

  test.each(panels.map((panel) => [panel.title, panel] as const))('explains %s', (_, panel) => {
    expect(panel.description).toMatch(/^[A-Z].*\.$/)
    expect(panel.unit).not.toBe('')
    expect(panel.queries.length).toBeGreaterThan(0)
  })

  test('asks only for metrics that exist', () => {
    const asked = panels.flatMap(({ queries }) => queries.flatMap(metricsIn))
    expect(asked.filter((name) => !DEFINED.has(name))).toEqual([])
  })

  test('asks for every metric that is about the fleet', () => {
    const asked = new Set(panels.flatMap(({ queries }) => queries.flatMap(metricsIn)))
    const unasked = Object.values(FLEET).filter(({ name }) => !asked.has(name))
    // Invalid settings show as a hold, and as an alert.
    expect(unasked).toEqual([FLEET.invalidSettings])
  })

  test('gives times in seconds where it says so', () => {
    const wrong = panels.filter(
      ({ unit, queries }) =>
        unit !== 's' &&
        unit !== 'dateTimeFromNow' &&
        queries.some(
          (expr) => /_seconds(_bucket)?[{[]/.test(expr) && !/rate\(process_cpu/.test(expr),
        ),
    )
    expect(wrong.map(({ title }) => title)).toEqual([])
  })
})

describe('the alerts', () => {
  test('ask only for metrics that exist', () => {
    expect(
      ALERTS.flatMap(({ expr }) => metricsIn(expr)).filter((name) => !DEFINED.has(name)),
    ).toEqual([])
  })

  test.each(ALERTS.map((alert) => [alert.name, alert] as const))(
    '%s has a section in the runbook',
    (_, alert) => {
      const [address = '', anchor] = runbookUrl(alert).split('#')
      const file = join(import.meta.dirname, '../../docs', address.split('/docs/')[1] ?? '')
      expect(existsSync(file), file).toBe(true)
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)]
      expect(
        headings.map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-')),
      ).toContain(anchor)
    },
  )
})
