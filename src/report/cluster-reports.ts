/**
 * What is told in the cluster itself, with all that it is written by.
 */
import { hostname } from 'node:os'
import PQueue from 'p-queue'
import type { KubeClient } from '../kube/client.ts'
import { sleep } from '../kube/local-time.ts'
import { ClusterReporter, type ChronicleOptions } from './cluster-reporter.ts'
import { EventWriter } from './events/event-writer.ts'
import { LineLimit } from './line-limit.ts'
import type { Metrics } from './metrics/metrics.ts'
import {
  createReportSender,
  REPORT_CONCURRENCY,
  REPORT_RATE,
  sendNothing,
} from './report-sender.ts'
import { RotationWriter } from './rotations/rotation-writer.ts'

/** Rotation objects and Events, by a way of their own to the API server; in mode `observe` they stay here. */
export function openClusterReporter({
  act,
  client,
  metrics,
  mayWrite,
  ...options
}: {
  readonly act: boolean
  readonly client: KubeClient
  readonly metrics: Metrics
} & Omit<ChronicleOptions, 'writer' | 'events' | 'onEnded' | 'random' | 'sleep'>): ClusterReporter {
  const queue = new PQueue({
    concurrency: REPORT_CONCURRENCY,
    interval: 1_000,
    intervalCap: REPORT_RATE,
  })
  const { log, now } = options
  const dropped = new LineLimit()
  const send = act ? createReportSender({ client, queue, mayWrite }) : sendNothing
  const writer = new RotationWriter({
    send,
    random: Math.random,
    sleep,
    onError: (rotation, error) => log.debug({ rotation, err: error }, 'a report was not written'),
    onDropped(rotation) {
      metrics.reportDropped('rotation')
      const leftOut = dropped.ask('rotation', now())
      if (leftOut !== undefined)
        log.warn({ rotation, leftOut }, 'cannot write a Rotation, giving it up')
    },
  })
  const events = new EventWriter({
    send,
    // In a pod, its name.
    instance: hostname(),
    random: Math.random,
    sleep,
    onDropped({ occurrence: { regarding, reason } }, error) {
      metrics.reportDropped('event')
      const leftOut = dropped.ask('event', now())
      if (leftOut !== undefined)
        log.warn({ regarding, reason, leftOut, err: error }, 'cannot write an Event, giving it up')
    },
  })
  return new ClusterReporter({
    ...options,
    mayWrite,
    writer,
    events,
    onEnded: (rotation) => metrics.rotationEnded(rotation),
    random: Math.random,
    sleep,
  })
}
