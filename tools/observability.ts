/**
 * Makes the dashboard and the alert rules of manifests/ from observability/.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { dashboard } from '../observability/dashboard/dashboard.ts'
import { prometheusRule, ruleGroups } from '../observability/rules.ts'
import { serviceMonitor } from '../observability/service-monitor.ts'

const COMPONENTS = join(import.meta.dirname, '../manifests/components')

export const DASHBOARD_FILE = join(COMPONENTS, 'grafana/sluice.json')
/** For a Prometheus without the operator: `rule_files`. */
export const RULES_FILE = join(COMPONENTS, 'prometheus/rules.yaml')
export const PROMETHEUS_RULE_FILE = join(COMPONENTS, 'prometheus/prometheus-rule.yaml')
export const SERVICE_MONITOR_FILE = join(COMPONENTS, 'prometheus/service-monitor.yaml')

/** Every generated file, with its text. */
export function observabilityFiles(): ReadonlyMap<string, string> {
  const yaml = (value: unknown) =>
    `# Made from observability/ by \`make generated\`.\n${stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })}`
  return new Map([
    [DASHBOARD_FILE, `${JSON.stringify(dashboard(), null, 2)}\n`],
    [RULES_FILE, yaml(ruleGroups())],
    [PROMETHEUS_RULE_FILE, yaml(prometheusRule())],
    [SERVICE_MONITOR_FILE, yaml(serviceMonitor())],
  ])
}

if (import.meta.main) {
  for (const [file, text] of observabilityFiles()) writeFileSync(file, text)
}
