import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, test } from 'vitest'
import { sharedText } from '../../src/model/shared-text.ts'
import { createInterner } from '../../src/watch/interner.ts'
import { readPod, type PodRecord, type RawPod } from '../../src/workloads/pod.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

test('a text stays what it is, however many others come between', () => {
  for (let i = 0; i < 20_000; i++) {
    const text = `team-${i % 6_000}`
    expect(sharedText(text)).toBe(text)
  }
})

test('what the pods of an owner have in common is kept once', () => {
  const PODS = 2_000
  const COMMON = 200
  // As from the wire: each object brings its own copies.
  const text = JSON.stringify(pod('n'.repeat(COMMON), 'o'.repeat(COMMON)))
  const intern = createInterner()
  const kept: PodRecord[] = []
  const heap = () => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = heap()
  for (let i = 0; i < PODS; i++) {
    kept.push(readPod(JSON.parse(text) as RawPod, undefined, 0, intern))
  }
  const each = (heap() - before) / PODS
  expect(kept).toHaveLength(PODS)
  // A record without containers takes some 500 bytes; with copies of the two texts it would take 400 more.
  expect(each).toBeLessThan(700)
})

function pod(namespace: string, owner: string): RawPod {
  return {
    metadata: {
      namespace,
      name: 'web-1',
      uid: 'u',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ kind: 'ReplicaSet', name: owner, uid: 'r', controller: true }],
    },
    spec: { containers: [] },
  }
}
