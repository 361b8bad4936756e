import { expect, test, vi } from 'vitest'
import { heardBy, watchedSecrets, type WatchedResource } from '../../src/watch/resources.ts'
import type { Store } from '../../src/watch/store.ts'

test('a resource of which somebody else hears too is told how its objects came and went', () => {
  const pods = {
    target: { group: '', version: 'v1', resource: 'pods' },
    apply: vi.fn<WatchedResource['apply']>(),
    remove: vi.fn<WatchedResource['remove']>(),
  }
  const also = { apply: vi.fn(), remove: vi.fn() }
  const both = heardBy(also as unknown as Parameters<typeof heardBy>[0], pods)
  const delivery = { live: true, added: true }
  const pod = { metadata: { name: 'web-1' } }
  const ref = { namespace: 'shop', name: 'web-1', uid: 'u' }
  both.apply(pod, delivery)
  both.remove(ref, delivery)
  expect(pods.apply).toHaveBeenCalledWith(pod, delivery)
  expect(pods.remove).toHaveBeenCalledWith(ref, delivery)
  expect(also.apply).toHaveBeenCalledWith('pods', pod)
  expect(also.remove).toHaveBeenCalledWith('u')
})

test.each([
  ['all namespaces', {}],
  ['one namespace', { namespace: 'shop' }],
])('lists the Secrets of %s by the selector of the installation', (_, scope) => {
  const { target } = watchedSecrets({} as Store, 'type!=example.com/archive', scope)
  expect(target.query).toEqual({ fieldSelector: 'type!=example.com/archive' })
})

test('watches a Secret that is named by its name alone, whose right allows nothing else', () => {
  const scope = { namespace: 'shop', name: 'db' }
  const { target } = watchedSecrets({} as Store, 'type!=example.com/archive', scope)
  expect(target.query).toEqual({ fieldSelector: 'metadata.name=db' })
})
