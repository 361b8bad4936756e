/**
 * Times from `managedFields`: the API server's own clock, in whole seconds.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */

/** The part of a managedFields entry that is read. */
export interface ManagedField {
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
  const times = (fields ?? [])
    .filter(owns)
    .map(({ time }) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time))
  return times.length > 0 ? Math.max(...times) + 1000 : undefined
}

/** The end of the second that `time` (ms) falls into. */
export function endOfSecond(time: number): number {
  return Math.floor(time / 1000) * 1000 + 1000
}

/** The next whole second (ms), `time` itself if it is one. */
export function nextWholeSecond(time: number): number {
  return Math.ceil(time / 1000) * 1000
}
