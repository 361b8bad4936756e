/**
 * A real Prometheus that scrapes Sluice as the shipped ServiceMonitor asks for, only oftener.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { serviceMonitor } from '../observability/service-monitor.ts'
import { RULES_FILE } from '../tools/observability.ts'
import { build } from './build.ts'
import { freePort } from './ports.ts'
import { startChild } from './processes.ts'
import { waitUntil } from './wait.ts'

/** A process of Sluice, by the name that its pod would have. */
export interface Target {
  readonly pod: string
  /** `http://127.0.0.1:8080` */
  readonly url: string
}

/** One series of an answer: its labels and its samples, seconds since the epoch and value. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [seconds: number, value: number])[]
}

export interface Prometheus {
  readonly url: string
  readonly pid: number
  /** An instant query, as of now or of a time (seconds); a scalar is a series without labels. */
  query(expr: string, time?: number): Promise<Series[]>
  /** A range query (seconds). */
  queryRange(expr: string, range: { start: number; end: number; step: number }): Promise<Series[]>
  /** Any other endpoint below `/api/v1/`: the `data` of its answer. */
  get(path: string): Promise<unknown>
  stop(): Promise<void>
}

/** Starts Prometheus in a folder; it scrapes every `interval` seconds, and evaluates the shipped rules. */
export async function startPrometheus(options: {
  readonly dir: string
  readonly targets: readonly Target[]
  readonly interval?: number
  readonly log?: (line: string) => void
}): Promise<Prometheus> {
  const { targets, interval = 1, log = (line) => process.stderr.write(`${line}\n`) } = options
  const binary = await build('prometheus', log)
  const dir = join(options.dir, 'prometheus')
  mkdirSync(dir, { recursive: true })
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, stringify(configuration(targets, interval)))
  const address = `127.0.0.1:${await freePort()}`
  // Prometheus does not look at its standard input: a companion does, and ends it when this process has ended.
  const companion = 'exec 3<&0; (cat <&3 >/dev/null; kill -9 $$) 2>/dev/null & exec "$0" "$@" 3<&-'
  const child = startChild({
    name: 'prometheus',
    command: '/bin/sh',
    args: [
      '-c',
      companion,
      binary,
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ],
    logFile: join(dir, 'prometheus.log'),
    unexpectedEnd: log,
  })
  const url = `http://${address}`
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`)
    const answer = (await response.json()) as { status: string; error?: string; data: unknown }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  await waitUntil('Prometheus to be ready', async () => {
    const how = child.ended()
    if (how !== undefined) throw new Error(`prometheus ${how}, see ${child.logFile}`)
    return fetch(`${url}/-/ready`).then(
      ({ status }) => (status === 200 ? { value: true } : { instead: String(status) }),
      (error: unknown) => ({ instead: String(error) }),
    )
  })
  return {
    url,
    pid: child.pid,
    get,
    async query(expr, time) {
      const at = time === undefined ? '' : `&time=${time}`
      return seriesOf(await get(`query?query=${encodeURIComponent(expr)}${at}`))
    },
    async queryRange(expr, { start, end, step }) {
      const range = `start=${start}&end=${end}&step=${step}`
      return seriesOf(await get(`query_range?query=${encodeURIComponent(expr)}&${range}`))
    },
    stop: () => child.kill(),
  }
}

/** What the operator of Prometheus makes of the ServiceMonitor, with targets written down instead of discovered. */
function configuration(targets: readonly Target[], interval: number): object {
  const [endpoint] = serviceMonitor().spec.endpoints
  const every = `${interval}s`
  return {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: [RULES_FILE],
    scrape_configs: [
      {
        job_name: 'serviceMonitor/sluice-system/sluice/0',
        honor_labels: endpoint.honorLabels,
        metrics_path: endpoint.path,
        static_configs: targets.map(({ pod, url }) => ({
          targets: [new URL(url).host],
          labels: {
            job: 'sluice',
            namespace: 'sluice-system',
            service: 'sluice',
            endpoint: endpoint.port,
            container: 'sluice',
            pod,
          },
        })),
      },
    ],
  }
}

type Sample = readonly [seconds: number, value: string]

function seriesOf(data: unknown): Series[] {
  const { resultType, result } = data as { resultType: string; result: unknown }
  const read = ([seconds, value]: Sample) =>
    [seconds, Number(value.replace('Inf', 'Infinity'))] as const
  if (resultType === 'scalar') return [{ metric: {}, values: [read(result as Sample)] }]
  const all = result as { metric: Record<string, string>; value?: Sample; values?: Sample[] }[]
  return all.map(({ metric, value, values }) => ({
    metric,
    values: (values ?? (value ? [value] : [])).map(read),
  }))
}
