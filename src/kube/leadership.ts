/**
 * Who may act: the holder of the Lease, or the only one there is where nobody is elected.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { KubeClient } from './client.ts'
import { LeaderElector, type LeaderElectorOptions } from './leader-elector.ts'
import { createLeaseStore } from './lease.ts'
import type { Logger } from '../model/logger.ts'

/** The Lease, in Sluice's namespace. */
export const LEASE = 'sluice'
/** How long the release may take (ms). */
const RELEASE_TIMEOUT = 500

export interface Leadership {
  /** Whether a write may start now. Ask before each. */
  mayWrite(): boolean
  /** What `/status` shows. */
  describe(): { readonly leading: boolean; readonly holder: string | undefined }
  /** Strives for it until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** Lets another one lead at once; only after the last write has ended. */
  release(): Promise<void>
}

/** Nobody else is there. */
export const ALWAYS_LEADING: Leadership = {
  mayWrite: () => true,
  describe: () => ({ leading: true, holder: undefined }),
  run: () => Promise.resolve(),
  release: () => Promise.resolve(),
}

/** Leadership by the Lease of a namespace. */
export function electedLeadership({
  client,
  namespace,
  log,
  onChange,
  ...time
}: Pick<LeaderElectorOptions, 'now' | 'sleep' | 'random' | 'onChange'> & {
  readonly client: KubeClient
  readonly namespace: string
  readonly log: Logger
}): Leadership {
  // A pod's name comes again where a StatefulSet or a container restart makes it; a process does not.
  const identity = `${hostname()}_${randomUUID()}`
  const elector = new LeaderElector({
    ...time,
    store: createLeaseStore(client, { namespace, name: LEASE }),
    identity,
    onChange(leading) {
      log.info({ identity, holder: elector.holder }, leading ? 'leading' : 'standing by')
      onChange(leading)
    },
    onError: (error) =>
      log.warn({ err: error }, `the lease cannot be read or written: ${error.message}`),
  })
  return {
    mayWrite: () => elector.mayWrite(),
    describe: () => ({ leading: elector.mayWrite(), holder: elector.holder }),
    run: (signal) => elector.run(signal),
    release: () =>
      elector.release({ timeout: RELEASE_TIMEOUT, signal: AbortSignal.timeout(RELEASE_TIMEOUT) }),
  }
}
