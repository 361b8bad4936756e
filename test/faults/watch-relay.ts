/**
 * One watch on its way through the proxy: line by line, with its faults.
 */
import type { WatchFault } from './fault.ts'

/** Where the lines go. */
export interface WatchClient {
  write(bytes: Uint8Array): void
  /** A proper end. */
  end(): void
  /** The end that a broken connection makes. */
  cut(): void
}

export interface WatchRelay {
  /** Bytes from the server. */
  data(chunk: Uint8Array): void
  /** The server ended the stream. */
  end(): void
  /** Nobody listens any more. */
  stop(): void
}

const NEWLINE = 0x0a
const GONE_EVENT = Buffer.from(
  `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 } })}\n`,
)

/** @param injected is called for each fault when it happens */
export function relayWatch(
  client: WatchClient,
  faults: readonly WatchFault[],
  injected: (kind: WatchFault['kind']) => void,
): WatchRelay {
  const openedAt = performance.now()
  const find = <K extends WatchFault['kind']>(kind: K) =>
    faults.find((fault): fault is Extract<WatchFault, { kind: K }> => fault.kind === kind)
  const delay = find('watch delayed')
  const halved = find('watch half line')
  const duplicate = find('watch duplicate')
  const timers = new Set<NodeJS.Timeout>()
  let over = false
  let begun = Buffer.alloc(0)

  const after = (ms: number, then: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (!over) then()
    }, ms)
    timers.add(timer)
  }
  /** In the order of the calls: timers of one length end in their order. */
  const later = (then: () => void) => {
    if (over) return
    if (delay) after(delay.ms, then)
    else then()
  }
  const stop = () => {
    over = true
    for (const timer of timers) clearTimeout(timer)
  }
  const endBy = (kind: WatchFault['kind'], how: () => void) => {
    injected(kind)
    stop()
    how()
  }
  const deliver = (line: Uint8Array) => {
    if (halved && performance.now() - openedAt >= halved.ms) {
      endBy(halved.kind, () => {
        client.write(line.subarray(0, line.length >> 1))
        client.end()
      })
      return
    }
    client.write(line)
    if (!duplicate?.twice()) return
    injected(duplicate.kind)
    client.write(line)
  }

  if (delay) injected(delay.kind)
  const cut = find('watch cut')
  if (cut) after(cut.ms, () => endBy(cut.kind, () => client.cut()))
  const gone = find('watch gone event')
  if (gone) {
    after(gone.ms, () =>
      endBy(gone.kind, () => {
        client.write(GONE_EVENT)
        client.end()
      }),
    )
  }
  return {
    data(chunk) {
      begun = Buffer.concat([begun, chunk])
      for (let end = begun.indexOf(NEWLINE); end >= 0; end = begun.indexOf(NEWLINE)) {
        const line = begun.subarray(0, end + 1)
        begun = begun.subarray(end + 1)
        later(() => deliver(line))
      }
    },
    end() {
      later(() => {
        stop()
        client.end()
      })
    },
    stop,
  }
}
