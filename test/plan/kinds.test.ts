// What the plan does differently where a kind of workload asks for it.
import { expect, test } from 'vitest'
import { appUses, at, password, pod } from './cluster-builder.ts'
import { planned, rotated, told } from './planning.ts'

const uses = appUses(password)
const three = ['web-0', 'web-1', 'web-2']
const pods = three.map((name, n) => pod(name, { uses, createdAt: at(-100 + n) }))
const sources = [rotated('db')]
const evicting = { id: 'r1', strategy: 'evict', startedAt: at(5), wasUnwell: false } as const

const web = (of: object, more: object = {}) =>
  planned([told('web', { of: { replicas: 3, ...of }, pods, sources, ...more })])

const underWay = { ledger: { restart: evicting }, annotations: { 'max-unavailable': '2' } }

test('the highest ordinal goes first where the kind says so, else the oldest', () => {
  expect(web({ highestOrdinalFirst: true }, { ledger: { restart: evicting } }).lines).toEqual([
    'evict shop/web: web-2',
  ])
  expect(web({}, { ledger: { restart: evicting } }).lines).toEqual(['evict shop/web: web-0'])
})

test('one that is not Ready goes before the highest ordinal', () => {
  const sick = [pod('web-0', { uses, ready: false, unreadyAt: at(-50) }), ...pods.slice(1)]
  const made = web({ highestOrdinalFirst: true }, { pods: sick, ledger: { restart: evicting } })
  expect(made.lines).toEqual(['evict shop/web: web-0'])
})

test('no more may be unavailable than the kind allows, whatever the annotation says', () => {
  expect(web({}, underWay).lines).toHaveLength(2)
  expect(web({ mostUnavailable: 1 }, underWay).lines).toHaveLength(1)
})

test('mixed templates are no rollout in progress, and no reason to begin again', () => {
  const mixed = [pod('web-0', { uses, templateHash: 'old' }), ...pods.slice(1)]
  const plain = web({}, { pods: mixed, ledger: { restart: evicting } })
  expect(plain.reasons.web).toBe('RolloutInProgress')
  const made = web(
    { mixedTemplates: true, highestOrdinalFirst: true },
    { pods: mixed, ledger: { restart: evicting } },
  )
  expect(made.lines).toEqual(['evict shop/web: web-2'])
})

test('an update above a partition is a rollout in progress', () => {
  const of = { mixedTemplates: true, status: { replicas: 3, updated: 2 } }
  expect(web(of).reasons.web).toBe('RolloutInProgress')
})

test('a restart among mixed templates belongs to none of them', () => {
  const mixed = [pod('web-0', { uses, templateHash: 'old' }), ...pods.slice(1)]
  const made = web({ mixedTemplates: true }, { pods: mixed })
  const [started] = made.actions
  if (started?.kind !== 'record') throw new Error('expected a record')
  expect(started.status.ledger.restart).toMatchObject({
    strategy: 'evict',
    templateHash: undefined,
  })
})

test('OnDelete holds until every pod is of the newest template, and then restarts them', () => {
  const onDelete = { mixedTemplates: true, newTemplateOnDelete: true }
  expect(web({ ...onDelete, newestRevision: 'another' }).reasons.web).toBe('PendingTemplate')
  const hash = pods[0]?.templateHash
  expect(web({ ...onDelete, newestRevision: hash }).lines).toEqual(['record shop/web: started'])
})

test('a rollout that the kind cannot make is a fault, never a guess', () => {
  const made = web({ rollout: undefined }, { annotations: { strategy: 'rollout' } })
  expect(made.reasons.web).toBe('InvalidSetting')
  expect(web({ rollout: undefined }).lines).toEqual(['record shop/web: started'])
})
