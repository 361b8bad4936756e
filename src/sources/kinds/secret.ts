/**
 * Secrets. Pure.
 */
import type { SourceKind } from './kind.ts'

/** core/v1 Secret. */
export const SECRET: SourceKind = {
  kind: 'Secret',
  plural: 'secrets',
  valuesIn: ({ data }) => data ?? {},
  // What is applied server-side as `stringData` stays under that name in managedFields, though the object then has it in
  // `data` (seen on Kubernetes 1.36).
  ownsValues: ({ fieldsV1 }) =>
    fieldsV1?.['f:data'] !== undefined || fieldsV1?.['f:stringData'] !== undefined,
}
