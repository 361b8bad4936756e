/**
 * How to ask for the metadata of objects alone.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
 */

/** The Accept header for an object, or for a list of them. */
export function acceptOf(metadataOnly: boolean | undefined, suffix: 'List' | ''): string {
  if (!metadataOnly) return 'application/json'
  return `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1`
}
