/**
 * The parts that queries are made of. Series of the fleet come from the leader alone, but while leadership moves two
 * may have them for one scrape: so each is taken once, by `max`, before anything is summed.
 */

/** The labels of a workload. */
export const WORKLOAD = 'namespace, workload_type, workload'

/** The chosen workloads. */
export const CHOSEN = 'namespace=~"$namespace", workload=~"$workload"'

/** A metric of the chosen workloads, each once. */
export function ofWorkloads(metric: string, labels = ''): string {
  return `max by (${labels === '' ? WORKLOAD : `${WORKLOAD}, ${labels}`}) (${metric}{${CHOSEN}})`
}

/** A sum that is 0 where there is no series. */
export function total(expr: string): string {
  return `sum(${expr}) or vector(0)`
}

/** A quantile of a histogram, or of what is selected of it, over all processes. */
export function quantile(q: number, metric: string, range: string, selector = ''): string {
  return `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket${selector}[${range}])))`
}
