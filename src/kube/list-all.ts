/**
 * Lists a collection once, page by page; each object is handed on and not kept.
 */
import type { KubeClient } from './client.ts'
import type { ListWatchOptions } from './list-watch.ts'
import { acceptOf } from './metadata-only.ts'

const PAGE_SIZE = '500'

/** @throws ApiError */
export async function listAll(
  client: KubeClient,
  target: ListWatchOptions['target'],
  metadataOnly: boolean,
  apply: (object: unknown) => void,
): Promise<void> {
  let next: string | undefined
  do {
    const page = await client.list<{ metadata: { continue?: string } }>(
      {
        ...target,
        verb: 'list',
        accept: acceptOf(metadataOnly, 'List'),
        query: { ...target.query, limit: PAGE_SIZE, ...(next && { continue: next }) },
      },
      apply,
    )
    next = page.metadata.continue
  } while (next)
}
