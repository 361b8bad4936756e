/**
 * ConfigMaps. Pure.
 */
import type { SourceKind } from './kind.ts'

/**
 * core/v1 ConfigMap. A key stands in `data` or in `binaryData`, never in both, and a container sees no difference.
 * Source: kubernetes/pkg/apis/core/validation/validation.go, ValidateConfigMap.
 */
export const CONFIG_MAP: SourceKind = {
  kind: 'ConfigMap',
  plural: 'configmaps',
  valuesIn({ data = {}, binaryData = {} }) {
    const encoded = Object.entries(data).map(
      ([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')] as const,
    )
    return { ...Object.fromEntries(encoded), ...binaryData }
  },
  ownsValues: ({ fieldsV1 }) =>
    fieldsV1?.['f:data'] !== undefined || fieldsV1?.['f:binaryData'] !== undefined,
}
