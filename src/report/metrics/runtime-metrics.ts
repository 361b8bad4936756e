/**
 * Metrics of Node and of the process: event loop, garbage, memory, CPU, descriptors.
 */
import {
  collectDefaultMetrics,
  type PrometheusContentType,
  type Registry,
} from '@prometheus-io/client'

/**
 * Names that break the rules of Prometheus (`promtool check metrics`): gauges called `_total`, and types in names. What
 * they tell, others of the library tell as well.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
]

/** Adds them to a registry. */
export function addRuntimeMetrics(register: Registry<PrometheusContentType>): void {
  collectDefaultMetrics({ register })
  for (const name of MISNAMED) register.removeSingleMetric(name)
}
