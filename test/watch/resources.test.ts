import { expect, test, vi } from 'vitest'
import { heardBy, type WatchedResource } from '../../src/watch/resources.ts'

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
