/**
 * The alerts as Prometheus reads them, and as the Prometheus operator does: both from one list.
 */
import type { IPrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ALERTS, runbookUrl } from './alerts.ts'

/** The content of a rules file, and the spec of a PrometheusRule. */
export function ruleGroups() {
  return {
    groups: [
      {
        name: 'sluice',
        rules: ALERTS.map((alert) => ({
          alert: alert.name,
          expr: alert.expr,
          for: alert.for,
          labels: { severity: alert.severity },
          annotations: {
            summary: alert.summary,
            description: alert.description,
            runbook_url: runbookUrl(alert),
          },
        })),
      },
    ],
  }
}

/** For the Prometheus operator. */
export function prometheusRule() {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'sluice', labels: { 'app.kubernetes.io/name': 'sluice' } },
    spec: ruleGroups(),
  } as const satisfies IPrometheusRule
}
