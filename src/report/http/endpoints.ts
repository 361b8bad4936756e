/**
 * The endpoints as they are configured: over HTTP or HTTPS, open or behind a gate.
 */
import type { AddressInfo } from 'node:net'
import PQueue from 'p-queue'
import type { Config } from '../../config/settings.ts'
import type { KubeClient } from '../../kube/client.ts'
import { mayGet, ownerOf } from '../../access/reviews.ts'
import { keepCertificateNew, readCertificate } from './certificate.ts'
import { TokenAuthorizer } from './token-authorizer.ts'
import { startHttpServer, type Answers } from './http-server.ts'
import type { Logger } from '../../model/logger.ts'

/** Questions to the API server about whoever asks us, under way at once and in a second. */
const REVIEW_CONCURRENCY = 4
const REVIEW_RATE = 20

export interface EndpointsOptions extends Omit<Answers, 'refuse' | 'onError'> {
  readonly client: KubeClient
  readonly log: Logger
  /** Milliseconds. */
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Endpoints {
  readonly address: AddressInfo
  /** Follows the certificate until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Call it once. */
  readonly close: () => Promise<void>
}

/** Starts to answer. @throws where it cannot listen, or the certificate cannot be read */
export async function startEndpoints(
  {
    listen,
    endpointAccess,
    tlsDirectory,
  }: Pick<Config, 'listen' | 'endpointAccess' | 'tlsDirectory'>,
  { client, log, now, sleep, ...answers }: EndpointsOptions,
): Promise<Endpoints> {
  const gate =
    endpointAccess === 'token'
      ? new TokenAuthorizer({
          ownerOf: (token) => ownerOf(client, token),
          mayGet: (user, path) => mayGet(client, user, path),
          queue: new PQueue({
            concurrency: REVIEW_CONCURRENCY,
            interval: 1_000,
            intervalCap: REVIEW_RATE,
          }),
          now,
          onError: (error) => log.warn({ err: error }, 'whoever asks cannot be reviewed'),
        })
      : undefined
  const certificate = tlsDirectory === null ? undefined : await readCertificate(tlsDirectory)
  const server = await startHttpServer({
    ...answers,
    listen,
    certificate,
    refuse: gate && ((path, authorization) => gate.refuse(path, authorization)),
    onError: (error) => log.error({ err: error }, 'an endpoint failed'),
  })
  return {
    address: server.address,
    close: server.close,
    async run(signal) {
      if (tlsDirectory === null || certificate === undefined) return
      await keepCertificateNew(
        {
          directory: tlsDirectory,
          current: certificate,
          onRenewed(renewed) {
            server.renew(renewed)
            log.info('serves with a new certificate')
          },
          onError: (error) => log.error({ err: error }, 'the certificate cannot be read again'),
          sleep,
        },
        signal,
      )
    },
  }
}
