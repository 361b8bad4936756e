/**
 * How the Prometheus operator finds Sluice.
 */
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'

const LABELS = { 'app.kubernetes.io/name': 'sluice' }

export function serviceMonitor() {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: 'sluice', labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      // `namespace` of a series is the workload's, not the one that Sluice runs in.
      endpoints: [{ port: 'http', path: '/metrics', interval: '30s', honorLabels: true }],
    },
  } as const satisfies IServiceMonitor
}
