import { describe, expect, test } from 'vitest'
import { DAEMON_SET } from '../../src/workloads/kinds/daemon-set.ts'
import { STATEFUL_SET } from '../../src/workloads/kinds/stateful-set.ts'
import { WORKLOAD_KINDS } from '../../src/workloads/kinds/kinds.ts'
import type { RawWorkload, WorkloadRecord } from '../../src/workloads/workload.ts'

interface Given {
  readonly spec?: object
  readonly status?: object
  readonly generation?: number
}

function raw({ spec = {}, status, generation = 1 }: Given): RawWorkload {
  return {
    metadata: { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '1', generation },
    spec: { template: { spec: {} }, ...spec },
    ...(status && { status }),
  }
}

const statefulSet = (given: Given): WorkloadRecord => STATEFUL_SET.read(raw(given), (uses) => uses)
const daemonSet = (given: Given): WorkloadRecord => DAEMON_SET.read(raw(given), (uses) => uses)

test('every kind is read with its own name, and opts in by its template too', () => {
  for (const { apiVersion, kind, read } of WORKLOAD_KINDS) {
    const annotations = { 'sluice.dev/restart-on-change': 'true' }
    const template = { metadata: { annotations }, spec: {} }
    const record = read(raw({ spec: { template } }), (uses) => uses)
    expect(record.ref).toEqual({ apiVersion, kind, namespace: 'shop', name: 'web', uid: 'u' })
    expect(record.templateAnnotations).toEqual(annotations)
  }
})

describe('a StatefulSet', () => {
  const onDelete = { updateStrategy: { type: 'OnDelete' } }
  const revisions = { currentRevision: 'web-1', updateRevision: 'web-2' }
  const counts = { observedGeneration: 1, replicas: 3 }

  test('has one replica by default, in order, and surges never', () => {
    expect(statefulSet({})).toMatchObject({
      replicas: 1,
      mostUnavailable: 1,
      highestOrdinalFirst: true,
      rollout: { recreates: false, maxSurge: 0, maxUnavailable: 1 },
    })
  })

  test.each([
    ['in order', {}, 1],
    ['in order, whatever its maxUnavailable is', { rollingUpdate: { maxUnavailable: 3 } }, 1],
  ])('that starts its pods %s may miss one at a time', (_, updateStrategy, most) => {
    expect(statefulSet({ spec: { replicas: 5, updateStrategy } }).mostUnavailable).toBe(most)
  })

  test.each([
    [{}, Infinity],
    [{ rollingUpdate: { maxUnavailable: 2 } }, 2],
    [{ rollingUpdate: { maxUnavailable: '40%' } }, 2],
    [{ rollingUpdate: { maxUnavailable: '1%' } }, 1],
  ])('that is Parallel with %j may miss %d', (updateStrategy, most) => {
    const spec = { replicas: 5, podManagementPolicy: 'Parallel', updateStrategy }
    expect(statefulSet({ spec }).mostUnavailable).toBe(most)
  })

  const RollingUpdate = (partition: number) => ({
    replicas: 3,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
  })

  test.each([
    ['no template is new', {}, { currentRevision: 'web-1', updateRevision: 'web-1' }, 2, 3],
    ['two of three pods are updated', { replicas: 3 }, revisions, 2, 2],
    ['all that its partition allows are updated', RollingUpdate(1), revisions, 2, 3],
    ['one above its partition is not updated', RollingUpdate(1), revisions, 1, 2],
    ['its partition keeps all pods', RollingUpdate(3), revisions, 0, 3],
    ['its partition is beyond its replicas', RollingUpdate(9), revisions, 0, 3],
    ['OnDelete leaves the update to its owner', onDelete, revisions, 0, 3],
  ])('counts as updated where %s', (_, spec, own, updatedReplicas, updated) => {
    const status = { ...counts, ...own, updatedReplicas }
    const given = { replicas: 3, ...spec }
    expect(statefulSet({ spec: given, status }).status).toEqual({ replicas: 3, updated })
  })

  test('with a partition or OnDelete has pods of two templates for good', () => {
    expect(statefulSet({ spec: RollingUpdate(0) }).mixedTemplates).toBe(false)
    expect(statefulSet({ spec: RollingUpdate(1) }).mixedTemplates).toBe(true)
    expect(statefulSet({ spec: onDelete }).mixedTemplates).toBe(true)
  })

  test('with OnDelete never rolls out, and names the template that waits', () => {
    const waiting = statefulSet({ spec: onDelete, status: { ...counts, ...revisions } })
    expect(waiting).toMatchObject({ newTemplateOnDelete: true, newestRevision: 'web-2' })
    expect(waiting.rollout).toBeUndefined()
    const same = { currentRevision: 'web-1', updateRevision: 'web-1' }
    expect(statefulSet({ spec: onDelete, status: same }).newTemplateOnDelete).toBe(false)
  })

  test('whose controller has not seen the newest spec is not observed', () => {
    expect(statefulSet({ generation: 2, status: { observedGeneration: 1 } }).observed).toBe(false)
  })
})

describe('a DaemonSet', () => {
  const status = {
    observedGeneration: 1,
    desiredNumberScheduled: 4,
    currentNumberScheduled: 4,
    updatedNumberScheduled: 4,
  }

  test('has as many replicas as nodes want one, and none before its controller counted them', () => {
    expect(daemonSet({ status }).replicas).toBe(4)
    expect(daemonSet({})).toMatchObject({ replicas: 0, observed: false })
  })

  test.each([
    [undefined, 0, 1, false],
    [{ maxUnavailable: '50%' }, 0, 2, false],
    [{ maxUnavailable: '10%' }, 0, 1, false],
    [{ maxSurge: '30%', maxUnavailable: 0 }, 2, 0, true],
  ])('that rolls out by %j surges by %d and misses %d', (rollingUpdate, surge, away, surges) => {
    const spec = { updateStrategy: { type: 'RollingUpdate', rollingUpdate } }
    expect(daemonSet({ spec, status }).rollout).toEqual({
      recreates: false,
      maxSurge: surge,
      maxUnavailable: away,
      wantsNoneAway: surges,
    })
  })

  test('counts the pods of the newest template, of those that are there', () => {
    const updating = { ...status, currentNumberScheduled: 3, updatedNumberScheduled: 2 }
    expect(daemonSet({ status: updating }).status).toEqual({ replicas: 3, updated: 2 })
  })

  test('with OnDelete says that a new template waits', () => {
    const spec = { updateStrategy: { type: 'OnDelete' } }
    const waiting = daemonSet({ spec, status: { ...status, updatedNumberScheduled: 1 } })
    expect(waiting).toMatchObject({ newTemplateOnDelete: true, mixedTemplates: true })
    expect(waiting.rollout).toBeUndefined()
    expect(daemonSet({ spec, status }).newTemplateOnDelete).toBe(false)
  })
})
