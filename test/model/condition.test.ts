import { describe, expect, test } from 'vitest'
import { isTrue, sinceWhen } from '../../src/model/condition.ts'
import { readPod, type RawPod } from '../../src/workloads/pod.ts'
import { at } from '../plan/cluster-builder.ts'

const conditions = [
  { type: 'Ready', status: 'True', lastTransitionTime: '2026-03-01T12:00:05Z' },
  { type: 'PodScheduled', status: 'False', lastTransitionTime: 'soon' },
  { type: 'Odd', status: 'True' },
]

describe('a condition', () => {
  test('is true only where it is there and says so', () => {
    expect(isTrue(conditions, 'Ready')).toBe(true)
    expect(isTrue(conditions, 'PodScheduled')).toBe(false)
    expect(isTrue(conditions, 'Other')).toBe(false)
    expect(isTrue(undefined, 'Ready')).toBe(false)
  })

  test('tells since when it has a status, where it has that and tells it', () => {
    expect(sinceWhen(conditions, 'Ready', 'True')).toBe(at(5))
    expect(sinceWhen(conditions, 'Ready', 'False')).toBeUndefined()
    expect(sinceWhen(conditions, 'PodScheduled', 'False')).toBeUndefined()
    expect(sinceWhen(conditions, 'Odd', 'True')).toBeUndefined()
    expect(sinceWhen(undefined, 'Odd', 'True')).toBeUndefined()
  })
})

describe('a pod is not Ready', () => {
  const raw = (ready: string, since: string | undefined, writtenAt: string): RawPod => ({
    metadata: {
      namespace: 'shop',
      name: 'web-1',
      uid: 'u',
      creationTimestamp: '2026-03-01T12:00:00Z',
      ownerReferences: [{ kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
      managedFields: [
        {
          subresource: 'status',
          time: writtenAt,
          fieldsV1: { 'f:status': { 'f:containerStatuses': {} } },
        },
      ],
    },
    spec: { nodeName: 'node' },
    status: {
      conditions: [
        { type: 'Ready', status: ready, ...(since !== undefined && { lastTransitionTime: since }) },
      ],
    },
  })
  const unreadyAt = (pod: RawPod) => readPod(pod, undefined, at(100), (uses) => uses).unreadyAt

  test.each([
    ['since the kubelet says so', 'False', '2026-03-01T12:00:20Z', at(20)],
    ['since it was created, where nothing tells', 'False', undefined, at(0)],
    [
      'no later than that was written, however far the clock of its node runs ahead',
      'False',
      '2026-03-01T13:00:00Z',
      at(31),
    ],
    ['since no time, while it is', 'True', '2026-03-01T12:00:20Z', undefined],
  ])('%s', (_, ready, since, expected) => {
    expect(unreadyAt(raw(ready, since, '2026-03-01T12:00:30Z'))).toBe(expected)
  })

  test('since its node was lost, which kube-controller-manager writes and the kubelet does not', () => {
    const lost = raw('False', '2026-03-01T12:00:50Z', '2026-03-01T12:00:30Z')
    const byController = {
      manager: 'kube-controller-manager',
      subresource: 'status',
      time: '2026-03-01T12:00:50Z',
      fieldsV1: { 'f:status': { 'f:conditions': {} } },
    }
    const managedFields = [...(lost.metadata.managedFields ?? []), byController]
    expect(unreadyAt({ ...lost, metadata: { ...lost.metadata, managedFields } })).toBe(at(50))
  })
})
