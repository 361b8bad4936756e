/**
 * The kinds of sources that Sluice knows, one file each.
 */
import type { KindOfSource } from '../../model/refs.ts'
import type { SourceKind } from './kind.ts'
import { CONFIG_MAP } from './config-map.ts'
import { SECRET } from './secret.ts'

/** By kind, in the order of documents. */
export const SOURCE_KINDS: Readonly<Record<KindOfSource, SourceKind>> = {
  Secret: SECRET,
  ConfigMap: CONFIG_MAP,
}
