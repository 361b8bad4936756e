import type { V1CustomResourceDefinition, V1JSONSchemaProps } from '@kubernetes/client-node'
import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import {
  NONE,
  PHASES,
  readRotation,
  rotationName,
  writeRotation,
  writeRotationStatus,
  type RawRotation,
  type Rotation,
} from '../../src/records/rotation.ts'
import { at } from '../plan/cluster-builder.ts'

const rotation: Rotation = {
  source: { kind: 'Secret', namespace: 'shop', name: 'db' },
  changedAt: at(0),
  phase: 'Restarting',
  fingerprint: '0123456789ab',
  changedBy: 'external-secrets',
  workloads: { ...NONE, total: 3, done: 1, restarting: 1, waiting: 1 },
  pods: { ...NONE, total: 9, done: 4, restarting: 1, waiting: 4 },
  reasons: [{ reason: 'ClusterBudget', workloads: 1, example: 'Deployment shop/web: …' }],
  startedAt: at(5),
  eta: at(60),
  conditions: [
    { type: 'Restarted', status: 'False', reason: 'Restarting', message: 'some', since: at(1) },
  ],
  record: {
    keyFingerprint: 'ab',
    uid: 'u',
    resourceVersion: '12',
    writtenAt: at(0),
    seenAt: at(1),
    timelines: new Map([['password', [{ digest: 'absent', since: at(0), notBefore: at(0) }]]]),
  },
}

function onTheWire(each: Rotation): RawRotation {
  return { ...writeRotation(each), status: writeRotationStatus(each) } as unknown as RawRotation
}

test('it is written for people and for programs', () => {
  expect(onTheWire(rotation)).toEqual({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rotation',
    metadata: { namespace: 'shop', name: 'secret-db-20260301t120000z' },
    spec: { source: { kind: 'Secret', name: 'db' }, changedAt: '2026-03-01T12:00:00Z' },
    status: {
      phase: 'Restarting',
      fingerprint: '0123456789ab',
      changedBy: 'external-secrets',
      progress: { workloads: '1/3', pods: '4/9' },
      workloads: { total: 3, done: 1, restarting: 1, waiting: 1, held: 0, failed: 0, unproven: 0 },
      pods: { total: 9, done: 4, restarting: 1, waiting: 4, held: 0, failed: 0, unproven: 0 },
      reasons: [{ reason: 'ClusterBudget', workloads: 1, example: 'Deployment shop/web: …' }],
      startedAt: '2026-03-01T12:00:05Z',
      eta: '2026-03-01T12:01:00Z',
      conditions: [
        {
          type: 'Restarted',
          status: 'False',
          reason: 'Restarting',
          message: 'some',
          lastTransitionTime: '2026-03-01T12:00:01Z',
        },
      ],
      record: {
        keyFingerprint: 'ab',
        uid: 'u',
        resourceVersion: '12',
        writtenAt: '2026-03-01T12:00:00.000Z',
        seenAt: '2026-03-01T12:00:01.000Z',
        contents: [
          {
            key: 'password',
            timeline: [
              {
                digest: 'absent',
                since: '2026-03-01T12:00:00.000Z',
                notBefore: '2026-03-01T12:00:00.000Z',
              },
            ],
          },
        ],
      },
    },
  })
})

test('the schema knows every field that is written, and every phase', () => {
  const text = readFileSync('manifests/base/rotations.sluice.dev.yaml', 'utf8')
  const crd = parse(text, { merge: true }) as V1CustomResourceDefinition
  const schema = crd.spec.versions[0]?.schema?.openAPIV3Schema
  const unknown = (value: unknown, of: V1JSONSchemaProps | undefined, path: string): string[] => {
    if (Array.isArray(value)) {
      return value.flatMap((each) => unknown(each, of?.items as V1JSONSchemaProps, `${path}[]`))
    }
    if (typeof value !== 'object' || value === null) return of ? [] : [path]
    return Object.entries(value).flatMap(([name, each]) =>
      unknown(each, of?.properties?.[name], `${path}.${name}`),
    )
  }
  const full = { ...rotation, finishedAt: at(60), supersededBy: 'secret-db-20260301t120001z' }
  const { spec, status } = onTheWire(full)
  expect(unknown({ spec, status }, schema, '')).toEqual([])
  expect(unknown({ status: { mine: 1 } }, schema, '')).toEqual(['.status.mine'])
  expect(schema?.properties?.['status']?.properties?.['phase']).toHaveProperty('enum', PHASES)
})

test('what is written is read again', () => {
  const seconds = fc.integer({ min: 0, max: 10_000_000 }).map(at)
  const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })
  const any = fc.record({
    phase: fc.constantFrom(...PHASES),
    changedAt: seconds,
    startedAt: optional(seconds),
    finishedAt: optional(seconds),
    eta: optional(seconds),
    supersededBy: optional(fc.constant('secret-db-20260301t120000z')),
  })
  fc.assert(
    fc.property(any, (change) => {
      const each = { ...rotation, ...change }
      expect(readRotation(onTheWire(each))).toEqual(each)
    }),
  )
})

test.each([
  ['without a spec', { spec: undefined }],
  [
    'with a phase of another version',
    { status: { ...writeRotationStatus(rotation), phase: 'New' } },
  ],
  ['under the name of another one', { metadata: { namespace: 'shop', name: 'mine' } }],
])('an object %s is none of ours', (_, change) => {
  expect(readRotation({ ...onTheWire(rotation), ...change })).toBeUndefined()
})

test('one that was created and has no status yet is read', () => {
  const created = writeRotation(rotation) as RawRotation
  expect(readRotation(created)).toMatchObject({ changedAt: at(0), phase: 'Waiting' })
})

test('every name is a valid one, and another one for another source or second', () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?$/)
  const names = fc
    .array(label, { minLength: 1, maxLength: 6 })
    .map((labels) => labels.join('.'))
    .filter((name) => name.length <= 253)
  const change = fc.record({ name: names, second: fc.integer({ min: 0, max: 100_000 }) })
  const nameOf = ({ name, second }: { name: string; second: number }) =>
    rotationName({ source: { kind: 'Secret', namespace: 'shop', name }, changedAt: at(second) })
  fc.assert(
    fc.property(change, change, (a, b) => {
      expect(nameOf(a)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/)
      expect(nameOf(a).length).toBeLessThanOrEqual(253)
      expect(nameOf(a) === nameOf(b)).toBe(a.name === b.name && a.second === b.second)
    }),
  )
})
