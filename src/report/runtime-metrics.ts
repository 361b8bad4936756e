/**
 * Metrics of Node and of the process: event loop, garbage, memory, CPU, descriptors.
 */
import {
  collectDefaultMetrics,
  type PrometheusContentType,
  type Registry,
} from '@prometheus-io/client'

/** Gauges that the library calls `_total`, which Prometheus keeps for counters; each sums another one up. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** Adds them to a registry. */
export function addRuntimeMetrics(register: Registry<PrometheusContentType>): void {
  collectDefaultMetrics({ register })
  for (const name of MISNAMED) register.removeSingleMetric(name)
}
