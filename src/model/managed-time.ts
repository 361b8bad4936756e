/**
 * Times from `managedFields`: the API server's own clock, in whole seconds.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */

/** The part of a managedFields entry that is read. */
export interface ManagedField {
  /** Who wrote: a name, such as `kubectl-client-side-apply`. */
  readonly manager?: string
  readonly time?: string
  readonly subresource?: string
  readonly fieldsV1?: Readonly<Record<string, unknown>>
}

/**
 * The newest time among the entries that `owns` selects, as the end of its second (ms): the server cuts the
 * fraction off, so the write itself was earlier than that.
 */
export function newestManagedTime(
  fields: readonly ManagedField[] | undefined,
  owns: (field: ManagedField) => boolean,
): number | undefined {
  return newestWrite(fields, owns)?.time
}

/** The same with the name of the manager that wrote. */
export function newestWrite(
  fields: readonly ManagedField[] | undefined,
  owns: (field: ManagedField) => boolean,
): { readonly time: number; readonly manager: string | undefined } | undefined {
  let newest: { time: number; manager: string | undefined } | undefined
  for (const field of (fields ?? []).filter(owns)) {
    const time = Date.parse(field.time ?? '') + 1000
    if (time > (newest?.time ?? -Infinity)) newest = { time, manager: field.manager }
  }
  return newest
}

/** The end of the second that `time` (ms) falls into. */
export function endOfSecond(time: number): number {
  return Math.floor(time / 1000) * 1000 + 1000
}

/** The next whole second (ms), `time` itself if it is one. */
export function nextWholeSecond(time: number): number {
  return Math.ceil(time / 1000) * 1000
}
