/**
 * Where an HTTP server listens.
 */

/** A host (none: all interfaces) and a port (0: any free one). */
export interface ListenAddress {
  readonly host: string | undefined
  readonly port: number
}

/** What {@link parseListenAddress} accepts, to be read after "expected". */
export const LISTEN_FORM = 'host:port, such as :8080, 127.0.0.1:8080 or [::1]:8080'

const FORM = /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/

/** Undefined for anything but {@link LISTEN_FORM}. Whether the host exists shows only when listening. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const host = match[1] ?? match[2]
  const port = Number(match[3])
  return port <= 65_535 ? { host: host === '' ? undefined : host, port } : undefined
}
