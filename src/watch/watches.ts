/**
 * The watches that feed the picture, and how they do.
 */
import { ApiError, isNotFound } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import { ListWatch } from '../kube/list-watch.ts'
import { localNow, sleep } from '../kube/local-time.ts'
import type { Health } from '../report/http/http-server.ts'
import type { Logger } from '../model/logger.ts'
import type { WatchedResource } from './resources.ts'

/** A loop that did nothing for this long (ms) hangs: every request, stream and wait of it is shorter. */
const LONGEST_ATTEMPT = 300_000

export interface Watch {
  readonly resource: string
  readonly watch: ListWatch
  /** What broke it last; empty since it has delivered all again. */
  readonly trouble: string
}

/**
 * A watch of one resource, to be run; `changed` hears of everything that it delivers and that matters, `onVerdict` whenever all has
 * been delivered or could not be.
 */
export function watchInto(
  { target, metadataOnly, apply, remove, listing, synced }: WatchedResource,
  client: KubeClient,
  log: Logger,
  changed: () => void,
  onVerdict?: () => void,
): Watch {
  const { resource } = target
  let trouble = ''
  const watch = new ListWatch({
    client,
    target,
    ...(metadataOnly && { metadataOnly }),
    sink: {
      ...(listing && { listing }),
      apply(object, delivery) {
        if (apply(object, delivery) !== false) changed()
      },
      remove(ref, delivery) {
        remove(ref, delivery)
        changed()
      },
      synced() {
        trouble = ''
        synced?.()
        onVerdict?.()
        changed()
      },
    },
    now: localNow,
    sleep,
    random: Math.random,
    onMalformed: (object, error) =>
      log.error({ resource, object, err: error }, 'an object cannot be read'),
    onError(error) {
      const before = trouble
      trouble = messageOf(error)
      // There may be a thousand of them, and each is tried again without end. A server that asks to wait is well: it does
      // while a CRD is new, and that is at every first install.
      const level = trouble === before ? 'debug' : isBusy(error) ? 'info' : 'warn'
      log[level]({ resource, err: error }, `a watch broke and is opened again: ${trouble}`)
      onVerdict?.()
    },
    onStateChanged: changed,
  })
  return {
    resource,
    watch,
    get trouble() {
      return trouble
    },
  }
}

/** Each has delivered its first picture. */
export function areSynced(watches: readonly Watch[]): Health {
  return verdict(
    watches.filter(({ watch }) => !watch.synced),
    ({ resource, trouble }) => `not synced yet: ${resource}${trouble && ` (${trouble})`}`,
  )
}

/** Whether what it has delivered may be old, or is not complete. */
export function isBlind({ watch }: Watch): boolean {
  return !watch.complete || watch.sight.blindSince !== undefined
}

/** Each tries, whether or not the API server answers. */
export function areActive(watches: readonly Watch[], now: number): Health {
  return verdict(
    watches.filter(({ watch }) => now - watch.sight.activeAt > LONGEST_ATTEMPT),
    ({ resource }) => `the watch of ${resource} hangs`,
  )
}

/** Good only if each is. */
export function allOf(...verdicts: readonly (Health | undefined)[]): Health {
  return {
    ok: verdicts.every((each) => each?.ok ?? true),
    reasons: verdicts.flatMap((each) => each?.reasons ?? []),
  }
}

function verdict(bad: readonly Watch[], reason: (watch: Watch) => string): Health {
  return { ok: bad.length === 0, reasons: bad.map(reason) }
}

/** The server asks to wait. */
function isBusy(error: unknown): boolean {
  return error instanceof ApiError && error.status === 429
}

/** For a person. Errors of the API server's answers hold nothing of these answers. */
export function messageOf(error: unknown): string {
  // Discovery knows no such kind: the one that Sluice brings along is missing, not an object of it.
  const hint = isNotFound(error) ? '; are all manifests of Sluice installed?' : ''
  return error instanceof Error ? `${error.message}${hint}` : 'unknown'
}
