import { describe, expect, test } from 'vitest'
import { DEPLOYMENT, type RawDeployment } from '../../src/workloads/kinds/deployment.ts'
import { readReplicaSet } from '../../src/workloads/replica-set.ts'
import type { WorkloadRecord } from '../../src/workloads/workload.ts'

type Change = Partial<RawDeployment['spec']> & {
  readonly annotations?: Readonly<Record<string, string>>
  readonly generation?: number
  readonly status?: RawDeployment['status']
}

function read(
  { annotations, generation = 1, status, ...spec }: Change = {},
  previous?: WorkloadRecord,
) {
  const raw: RawDeployment = {
    metadata: {
      namespace: 'shop',
      name: 'web',
      uid: 'u1',
      resourceVersion: '7',
      generation,
      ...(annotations && { annotations }),
    },
    spec: { template: { spec: {} }, ...spec },
    ...(status && { status }),
  }
  return DEPLOYMENT.read(raw, (uses) => uses, previous)
}

describe('a Deployment', () => {
  test('remembers the last restart id of its template after it was taken out', () => {
    const template = (id?: string) => ({
      template: {
        spec: {},
        ...(id !== undefined && { metadata: { annotations: { 'sluice.dev/restart-id': id } } }),
      },
    })
    const [first, undone, next] = [template('r1'), template(), template('r2')]
    const seen = read(first)
    expect([seen.restartId, seen.lastRestartId]).toEqual(['r1', 'r1'])
    const after = read(undone, seen)
    expect([after.restartId, after.lastRestartId]).toEqual([undefined, 'r1'])
    expect(read(undone, after).lastRestartId).toBe('r1')
    expect(read(next, after).lastRestartId).toBe('r2')
  })

  test('has the defaults of the API', () => {
    expect(read()).toMatchObject({
      ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'u1' },
      resourceVersion: '7',
      replicas: 1,
      paused: false,
      rollout: { recreates: false, maxSurge: 1, wantsNoneAway: false },
      minReady: 0,
      restartId: undefined,
      observed: false,
      status: { replicas: 0, updated: 0 },
    })
  })

  test.each([
    ['a port of the node', { containers: [{ name: 'app', ports: [{ hostPort: 80 }] }] }, true],
    [
      'a port in the network of the node',
      { hostNetwork: true, containers: [{ name: 'app', ports: [{}] }] },
      true,
    ],
    [
      'a claim, whose access modes are not known',
      { volumes: [{ name: 'v', persistentVolumeClaim: {} }] },
      true,
    ],
    [
      'the network of the node without a port',
      { hostNetwork: true, containers: [{ name: 'app' }] },
      false,
    ],
    ['a port of its own', { containers: [{ name: 'app', ports: [{}] }] }, false],
    ['nothing of that', {}, false],
  ])('whose template asks for %s is exclusive: %j, %s', (_, spec, exclusive) => {
    expect(read({ template: { spec } }).rollout?.exclusive).toBe(exclusive)
  })

  test('may be scaled to nothing', () => {
    expect(read({ replicas: 0 })).toMatchObject({ replicas: 0, rollout: { maxSurge: 0 } })
  })

  test.each([
    ['25%', 4, 1],
    ['25%', 5, 2],
    ['0%', 5, 0],
    ['100%', 3, 3],
    [2, 10, 2],
    [0, 10, 0],
  ])('that surges by %j of %i replicas surges by %i pods', (maxSurge, replicas, pods) => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge } }
    expect(read({ replicas, strategy }).rollout?.maxSurge).toBe(pods)
  })

  test.each([
    [0, true],
    ['0%', true],
    [1, false],
    ['25%', false],
    ['1%', false],
  ])('whose owner allows %j pods away wants none away: %s', (maxUnavailable, expected) => {
    const strategy = { rollingUpdate: { maxUnavailable } }
    expect(read({ replicas: 2, strategy }).rollout?.wantsNoneAway).toBe(expected)
  })

  test('tells Recreate, a pause, and how long a pod must be Ready', () => {
    const record = read({ strategy: { type: 'Recreate' }, paused: true, minReadySeconds: 30 })
    expect(record).toMatchObject({ rollout: { recreates: true }, paused: true, minReady: 30_000 })
  })

  test.each([
    [3, 3, true],
    [3, 2, false],
    [3, undefined, false],
    [3, 4, true],
  ])('of generation %i that was observed at %j is observed: %s', (generation, seen, observed) => {
    const status = seen === undefined ? {} : { observedGeneration: seen }
    expect(read({ generation, status }).observed).toBe(observed)
  })

  test('counts its pods as its controller does', () => {
    const status = { observedGeneration: 1, replicas: 4, updatedReplicas: 2 }
    expect(read({ status }).status).toEqual({ replicas: 4, updated: 2 })
  })

  test('keeps the annotations of Sluice alone', () => {
    const annotations = {
      'sluice.dev/settle': '5s',
      'kubectl.kubernetes.io/last-applied-configuration': 'password: hunter2',
    }
    expect(read({ annotations }).annotations).toEqual({ 'sluice.dev/settle': '5s' })
  })

  test('tells its restart id and another restarter from the pod template', () => {
    const annotations = { 'sluice.dev/restart-id': 'r1', 'reloader.stakater.com/auto': 'true' }
    const record = read({ template: { metadata: { annotations }, spec: {} } })
    expect(record).toMatchObject({ restartId: 'r1', otherRestarter: 'Reloader' })
  })

  test('uses what its template uses', () => {
    const env = [{ valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]
    const { uses } = read({ template: { spec: { containers: [{ name: 'app', env }] } } })
    expect(uses).toEqual([
      {
        container: 'app',
        init: false,
        uses: [{ source: 'secret/db', selector: 'password', mode: 'env', optional: false }],
      },
    ])
  })
})

describe('a ReplicaSet', () => {
  const owner = { kind: 'Deployment', name: 'web', uid: 'd1', controller: true }

  test('belongs to the Deployment that controls it', () => {
    const ownerReferences = [{ ...owner, uid: 'other', controller: false }, owner]
    expect(readReplicaSet({ metadata: { uid: 'r1', ownerReferences } })).toEqual({
      uid: 'r1',
      ownerUid: 'd1',
    })
  })

  test.each([
    ['no owner', []],
    ['an owner that does not control it', [{ ...owner, controller: false }]],
    ['an owner of another kind', [{ ...owner, kind: 'Rollout' }]],
  ])('with %s belongs to none', (_, ownerReferences) => {
    expect(readReplicaSet({ metadata: { uid: 'r1', ownerReferences } })).toBeUndefined()
  })
})
