import { expect, test } from 'vitest'
import { createMemoryWrites } from '../../src/restart/memory-writes.ts'
import { watchedResources } from '../../src/watch/resources.ts'
import { Store } from '../../src/watch/store.ts'
import {
  appliedLedger,
  at,
  calmDb,
  calmReport,
  defaults,
  deployment,
  digester,
} from '../plan/cluster-builder.ts'

/** A store with a Consumer of `web` in memory, and how the watch says that a Deployment is gone. */
async function recorded({ consumers }: { readonly consumers: boolean }) {
  const store = new Store({ digester, now: () => 0, defaults, namespace: 'sluice-system' })
  const workload = deployment('web').ref
  const status = { ledger: appliedLedger([calmDb]), report: calmReport, since: at(0) }
  await createMemoryWrites(store).record(
    { kind: 'record', cause: 'adopted', workload, status, ended: undefined },
    { rank: 'record', begins: () => {} },
  )
  const gone = watchedResources(store, { consumers }).find(
    ({ target }) => target.resource === 'deployments',
  )?.remove
  const known = () => store.consumerOf(workload)?.ownerUid
  return { workload, known, gone: (uid: string) => gone?.({ ...workload, uid }) }
}

test('a Consumer in memory ends with its Deployment: no garbage collector does it', async () => {
  const { workload, known, gone } = await recorded({ consumers: false })
  gone('uid-of-one-before')
  expect(known()).toBe(workload.uid)
  gone(workload.uid)
  expect(known()).toBeUndefined()
})

test('one in the cluster ends when it is seen to', async () => {
  const { workload, known, gone } = await recorded({ consumers: true })
  gone(workload.uid)
  expect(known()).toBe(workload.uid)
})
