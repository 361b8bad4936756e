import { expect, test } from 'vitest'
import { IneffectiveAnnotations } from '../../src/watch/ineffective-annotations.ts'

type Raw = Parameters<IneffectiveAnnotations['apply']>[1]
type Marks = Pick<Raw['metadata'], 'annotations' | 'labels'>

const OPT_IN = { 'sluice.dev/restart-on-change': 'true' }
const OPT_OUT = { 'sluice.dev/restart-on-change': 'false' }
const ONLY = 'Sluice restarts Deployments, StatefulSets, and DaemonSets, and no other kind'
const MARK = `annotation sluice.dev/restart-on-change: ${ONLY}`

/** An object of the namespace shop. */
function object(name: string, marks: Marks = {}, owner?: { kind: string; name: string }): Raw {
  const ownerReferences = owner && [
    { apiVersion: 'v9', ...owner, uid: `uid-${owner.name}`, controller: true },
  ]
  return {
    metadata: {
      namespace: 'shop',
      name,
      uid: `uid-${name}`,
      ...marks,
      ...(ownerReferences && { ownerReferences }),
    },
  }
}

const namespaceOf = (annotations: Marks['annotations']): Raw => ({
  metadata: { name: 'shop', uid: 'uid-shop', annotations },
})

/** The list after these objects, as `Kind name: note`, and how often it was said to have changed. */
function listed(...objects: readonly (readonly [resource: string, raw: Raw])[]): string[] {
  let changes = 0
  const ineffective = new IneffectiveAnnotations(() => changes++)
  for (const [resource, raw] of objects) ineffective.apply(resource, raw)
  const list = ineffective
    .list()
    .map(({ subject, note }) => `${subject.kind} ${subject.name}: ${note}`)
  const before = changes
  // What is delivered again as it was is no news.
  for (const [resource, raw] of objects) ineffective.apply(resource, raw)
  expect(changes).toBe(before)
  for (const [, { metadata }] of objects) ineffective.remove(metadata.uid)
  expect(ineffective.list()).toEqual([])
  return list
}

test.each([
  ['replicasets', 'ReplicaSet'],
  ['jobs', 'Job'],
  ['cronjobs', 'CronJob'],
  ['pods', 'Pod'],
])('an opt-in on one of the %s is reported on it', (resource, kind) => {
  expect(listed([resource, object('x', { annotations: OPT_IN })])).toEqual([`${kind} x: ${MARK}`])
})

test('annotations that are read where they stand are nobody’s business', () => {
  const settings = { ...OPT_IN, 'sluice.dev/settle': '5s' }
  expect(
    listed(
      ['deployments', object('web', { annotations: settings })],
      ['namespaces', namespaceOf({ 'sluice.dev/paused': 'true' })],
      ['secrets', object('db', { annotations: { 'sluice.dev/urgent': 'true' } })],
      // Copies of the Deployment's, and of its template's.
      [
        'replicasets',
        object('web-1', { annotations: OPT_IN, labels: { 'pod-template-hash': 'h' } }),
      ],
      ['pods', object('web-1-a', { annotations: OPT_IN, labels: { 'pod-template-hash': 'h' } })],
      // It asks for nothing.
      ['cronjobs', object('redis', { annotations: OPT_OUT })],
      ['statefulsets', object('queue', { annotations: settings })],
      [
        'pods',
        object('queue-0', { annotations: OPT_IN, labels: { 'controller-revision-hash': 'h' } }),
      ],
      ['daemonsets', object('agent', { annotations: settings })],
      [
        'pods',
        object('other', { annotations: { 'sluice.dev/owner': 'us' }, labels: { app: 'x' } }),
      ],
    ),
  ).toEqual([])
})

test('a label is reported wherever it stands, but for the one that is read', () => {
  const labels = { labels: OPT_IN }
  const mark = 'label sluice.dev/restart-on-change: Sluice reads annotations, not labels'
  const namespace = {
    ...namespaceOf({}).metadata,
    labels: { ...OPT_IN, 'sluice.dev/managed': 'true' },
  }
  expect(
    listed(
      ['deployments', object('web', labels)],
      ['deployments', { ...object('api'), spec: { template: { metadata: labels } } }],
      ['namespaces', { metadata: namespace }],
      ['secrets', object('db', labels)],
    ),
  ).toEqual([
    `Deployment web: ${mark}`,
    `Deployment api: ${mark}`,
    `Namespace shop: ${mark}`,
    `Secret db: ${mark}`,
  ])
})

test('an annotation that belongs elsewhere says where', () => {
  expect(
    listed(
      ['secrets', object('db', { annotations: { ...OPT_IN, 'sluice.dev/ignore': 'true' } })],
      ['deployments', object('web', { annotations: { 'sluice.dev/urgent': 'true' } })],
    ),
  ).toEqual([
    'Secret db: annotation sluice.dev/restart-on-change: it belongs on a workload, its pod template or its Namespace',
    'Deployment web: annotation sluice.dev/urgent: it belongs on a Secret or ConfigMap',
  ])
})

test('a typing error is reported where nothing is read', () => {
  const annotations = { 'sluice.dev/restart-on-chnage': 'true' }
  expect(listed(['cronjobs', object('agent', { annotations })])).toEqual([
    `CronJob agent: annotation sluice.dev/restart-on-chnage: ${ONLY}`,
  ])
})

test('what pods carry is reported once, on their controller', () => {
  const redis = { kind: 'CloneSet', name: 'redis' }
  expect(
    listed(
      ['pods', object('redis-0', { annotations: OPT_IN }, redis)],
      ['pods', object('redis-1', { annotations: OPT_IN }, redis)],
      ['pods', object('static', { annotations: OPT_IN }, { kind: 'Node', name: 'node-0' })],
    ),
  ).toEqual([`CloneSet redis: ${MARK}`, `Pod static: ${MARK}`])
})

test('what the pods of a Job carry is reported on its CronJob, whoever is heard of first', () => {
  const pod = object('nightly-1-a', { annotations: OPT_IN }, { kind: 'Job', name: 'nightly-1' })
  const job = object('nightly-1', {}, { kind: 'CronJob', name: 'nightly' })
  const other = object('nightly-2-a', { annotations: OPT_IN }, { kind: 'Job', name: 'nightly-2' })
  const second = object('nightly-2', {}, { kind: 'CronJob', name: 'nightly' })
  expect(listed(['pods', pod], ['jobs', job], ['jobs', second], ['pods', other])).toEqual([
    `CronJob nightly: ${MARK}`,
  ])
})
