import { describe, expect, test } from 'vitest'
import { readPod, type PodRecord, type RawPod } from '../../src/workloads/pod.ts'
import { apiTime, at } from '../plan/cluster-builder.ts'

interface Shown {
  readonly id?: string
  readonly restarts?: number
  readonly startedAt?: number
  readonly ready?: boolean
  /** When the kubelet wrote the status; undefined before the first. */
  readonly statusAt?: number
  readonly phase?: string
  readonly deleted?: boolean
  readonly node?: string | null
  readonly startTime?: number
  readonly waiting?: string
  readonly owners?: readonly { kind: string; name: string; uid: string; controller?: boolean }[]
}

/** A container whose pod matters: it uses a Secret. */
const USER = {
  name: 'app',
  env: [{ valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
}
const replicaSet = { kind: 'ReplicaSet', name: 'web-1', uid: 'rs', controller: true }

function show(shown: Shown): RawPod {
  const { id, restarts = 0, startedAt, ready = false, statusAt, phase, deleted, waiting } = shown
  const { node = 'node', startTime, owners = [replicaSet] } = shown
  const state = waiting
    ? { waiting: { reason: waiting } }
    : startedAt === undefined
      ? {}
      : { running: { startedAt: apiTime(startedAt) } }
  return {
    metadata: {
      namespace: 'shop',
      name: 'web-1-x',
      uid: 'p1',
      creationTimestamp: apiTime(at(0)),
      ...(deleted && { deletionTimestamp: apiTime(at(50)) }),
      annotations: { 'sluice.dev/restart-id': 'r1' },
      ownerReferences: owners,
      managedFields: [
        // The scheduler's entry says nothing about containers.
        {
          subresource: 'status',
          time: apiTime(at(900)),
          fieldsV1: { 'f:status': { 'f:conditions': {} } },
        },
        ...(statusAt === undefined
          ? []
          : [
              {
                subresource: 'status',
                time: apiTime(statusAt),
                fieldsV1: { 'f:status': { 'f:containerStatuses': {} } },
              },
            ]),
      ],
    },
    spec: { ...(node !== null && { nodeName: node }), containers: [USER] },
    status: {
      ...(phase !== undefined && { phase }),
      ...(startTime !== undefined && { startTime: apiTime(startTime) }),
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: apiTime(at(1)) },
        { type: 'Ready', status: ready ? 'True' : 'False' },
      ],
      ...(statusAt !== undefined && {
        containerStatuses: [
          {
            name: 'app',
            restartCount: restarts,
            state,
            ...(id !== undefined && { containerID: id }),
          },
        ],
      }),
    },
  }
}

function read(shown: Shown, now: number, previous?: PodRecord): PodRecord {
  return readPod(show(shown), previous, now, (uses) => uses)
}

const instance = (record: PodRecord) => {
  const [only] = record.containers
  if (!only) throw new Error('the pod has no container yet')
  return only
}

const running = { id: 'c1', startedAt: at(5), ready: true, statusAt: at(6) }

describe('a pod', () => {
  test('belongs to the ReplicaSet that controls it, whatever its labels and name', () => {
    const other = { ...replicaSet, uid: 'other', controller: false }
    expect(read({ owners: [other, replicaSet] }, at(1)).controllerUid).toBe('rs')
  })

  test.each([
    ['nobody', [], 'p1', 'Pod/web-1-x'],
    [
      'a ReplicaSet that does not control it',
      [{ ...replicaSet, controller: false }],
      'p1',
      'Pod/web-1-x',
    ],
    ['a ReplicaSet', [replicaSet], 'rs', 'ReplicaSet/web-1'],
    ['a Job', [{ ...replicaSet, kind: 'Job', name: 'backup', uid: 'job' }], 'job', 'Job/backup'],
  ])('of %s is named by its controller, or by itself', (_, owners, controllerUid, owner) => {
    expect(read({ owners }, at(1))).toMatchObject({ controllerUid, owner })
  })

  test.each([
    ['Pending', false],
    ['Running', false],
    ['Failed', true],
    ['Succeeded', true],
  ])('in phase %s is terminal: %s', (phase, terminal) => {
    expect(read({ phase }, at(1)).terminal).toBe(terminal)
  })

  test('that was deleted is terminating', () => {
    expect(read({ deleted: true }, at(51)).terminating).toBe(true)
    expect(read({}, at(51)).terminating).toBe(false)
  })

  test('carries the restart id of its template', () => {
    expect(read({}, at(1)).restartId).toBe('r1')
  })

  test('tells how far the clock of its node is ahead', () => {
    expect(read({ startTime: at(91) }, at(2)).clockSkew).toBe(90_000)
    expect(read({}, at(2)).clockSkew).toBeUndefined()
  })

  test('shows why a container waits', () => {
    const waiting = read({ waiting: 'CrashLoopBackOff', statusAt: at(6) }, at(7))
    expect(instance(waiting)).toMatchObject({
      state: 'waiting',
      waitingReason: 'CrashLoopBackOff',
      startedAt: undefined,
    })
  })
})

describe('a container', () => {
  test('was there when the kubelet wrote the status that shows it', () => {
    expect(instance(read(running, at(100)))).toMatchObject({
      absentAt: -Infinity,
      presentAt: at(7),
    })
  })

  test('was there when it was seen, where no time tells', () => {
    const record = read({ ...running, statusAt: at(6) }, at(6.2))
    expect(instance(record).presentAt).toBe(at(7))
  })

  test('was not there at the status before, however late that is heard of', () => {
    const before = read({ statusAt: at(3), waiting: 'ContainerCreating' }, at(500))
    expect(instance(read(running, at(501), before)).absentAt).toBe(at(3))
  })

  test('was not there when its pod was created, where there was no status before', () => {
    const before = read({}, at(500))
    expect(instance(read(running, at(501), before)).absentAt).toBe(at(0))
  })

  test('keeps both times while it is the same', () => {
    const before = read(running, at(7), read({ statusAt: at(3) }, at(4)))
    const after = read({ ...running, statusAt: at(300) }, at(301), before)
    expect(instance(after)).toMatchObject({ absentAt: at(3), presentAt: at(7) })
    expect(after.statusAt).toBe(at(301))
  })

  test('that restarted is another', () => {
    const before = read({ ...running, statusAt: at(300) }, at(301))
    const again = { ...running, id: 'c2', restarts: 1, startedAt: at(400), statusAt: at(402) }
    expect(instance(read(again, at(403), before))).toMatchObject({
      id: 'c2',
      absentAt: at(300),
      presentAt: at(403),
    })
  })
})

describe('a Ready pod', () => {
  test('is so since the status that says it, or since it was seen', () => {
    expect(read(running, at(100)).readyAt).toBe(at(7))
    expect(read(running, at(6.2)).readyAt).toBe(at(6.2))
  })

  test('stays so since then', () => {
    const before = read(running, at(7))
    expect(read({ ...running, statusAt: at(90) }, at(91), before).readyAt).toBe(at(7))
  })

  test('is so since no time while it is not', () => {
    const record = read({ ...running, ready: false }, at(100))
    expect(record).toMatchObject({ ready: false, readyAt: undefined })
  })

  test('is so anew after it was not', () => {
    const before = read(
      { ...running, ready: false, statusAt: at(20) },
      at(21),
      read(running, at(7)),
    )
    expect(read({ ...running, statusAt: at(30) }, at(40), before).readyAt).toBe(at(31))
  })

  test('is so anew after a container restarted, even if it was never seen not Ready', () => {
    const again = { ...running, id: 'c2', restarts: 1, statusAt: at(90) }
    expect(read(again, at(91), read(running, at(7))).readyAt).toBe(at(91))
  })
})

test('a pod that leaves does so from the request on, until its grace period ends', () => {
  const raw = show({ statusAt: at(5) })
  const metadata = {
    ...raw.metadata,
    deletionTimestamp: apiTime(at(90)),
    deletionGracePeriodSeconds: 30,
  }
  const pod = readPod({ ...raw, metadata }, undefined, at(61), (uses) => uses)
  expect(pod.leaving).toEqual({ since: at(60), until: at(90) })
  expect(readPod(raw, undefined, at(61), (uses) => uses).leaving).toBeUndefined()
})

test('the run before the last restart of a container is known, and which containers are ordinary init containers', () => {
  const raw = show({ statusAt: at(40), restarts: 1, startedAt: at(30) })
  const lastState = { terminated: { startedAt: apiTime(at(8)), finishedAt: apiTime(at(28)) } }
  const status = {
    ...raw.status,
    initContainerStatuses: [{ name: 'wait' }, { name: 'proxy' }],
    containerStatuses: raw.status?.containerStatuses?.map((each) => ({ ...each, lastState })) ?? [],
  }
  const spec = {
    ...raw.spec,
    initContainers: [{ name: 'wait' }, { name: 'proxy', restartPolicy: 'Always' }],
  }
  const pod = readPod({ ...raw, spec, status }, undefined, at(41), (uses) => uses)
  expect(pod.containers.map(({ name, init, lastRun }) => [name, init, lastRun])).toEqual([
    ['wait', true, undefined],
    ['proxy', false, undefined],
    ['app', false, { startedAt: at(8), duration: 20_000 }],
  ])
})

test('an ephemeral container is read with what it uses, and known as one', () => {
  const secretKeyRef = { name: 'db', key: 'password' }
  const raw = show({ id: 'a', startedAt: at(5), statusAt: at(5) })
  const { uses, containers } = readPod(
    {
      ...raw,
      spec: { ephemeralContainers: [{ name: 'debugger', env: [{ valueFrom: { secretKeyRef } }] }] },
      status: {
        ...raw.status,
        ephemeralContainerStatuses: [
          { name: 'debugger', state: { running: { startedAt: apiTime(at(20)) } } },
        ],
      },
    },
    undefined,
    at(41),
    (each) => each,
  )
  expect(uses).toMatchObject([
    { container: 'debugger', ephemeral: true, uses: [{ source: 'secret/db' }] },
  ])
  expect(containers.map(({ name, state }) => [name, state])).toContainEqual(['debugger', 'running'])
})

test('of a pod that uses nothing the containers are not kept', () => {
  const raw = show({ id: 'a', startedAt: at(5), statusAt: at(5) })
  expect(readPod(raw, undefined, at(41), (uses) => uses).containers).toHaveLength(1)
  expect(readPod({ ...raw, spec: {} }, undefined, at(41), (uses) => uses).containers).toEqual([])
})
