// Immutable Secrets: a kubelet that still uses one reads no other under its name, and reads all that came before it.
import { expect, test } from 'vitest'
import type { Ledger } from '../../src/records/consumer.ts'
import type { SourceRecord } from '../../src/sources/source.ts'
import {
  appliedLedger,
  appUses,
  at,
  consumer,
  deployment,
  pod,
  source,
  workload,
  type Written,
} from './cluster-builder.ts'
import { passwordOf, planned } from './planning.ts'

const old: Written = { at: at(-7200), data: { password: 'old' } }
const oldImmutable: Written = { ...old, immutable: true }
const gone: Written = { at: at(-2), data: null }
/** The same Secret with another content, made immutable by the same write. */
const madeImmutable: Written = { at: at(-0.5), data: { password: 'new' }, immutable: true }
/** Another Secret of the same name with another content. */
const createdAgain: Written = { ...madeImmutable, uid: 'another' }

interface Known {
  readonly ledger?: Ledger | undefined
  readonly optional?: boolean
}

/** Why `web` is not restarted for `db`, before what changed is written down and after it. */
function reasonFor(
  db: SourceRecord,
  { ledger = appliedLedger([db]), optional = false }: Known = {},
) {
  const uses = appUses({ ...passwordOf('db'), optional })
  const of = deployment('web', { uses })
  const pods = ['1', '2', '3'].map((n) => pod(`web-${n}`, { uses }))
  const reasonWith = (known: Ledger) =>
    planned([workload({ workload: of, pods, sources: [db], consumer: consumer(of, known) })])
  const before = reasonWith(ledger)
  const written = before.actions.flatMap((action) =>
    action.kind === 'record' ? [action.status.ledger] : [],
  )
  const after = reasonWith(written[0] ?? ledger)
  return { reasons: [before.reasons['web'], after.reasons['web']], ledger: written[0] }
}

const HELD = ['ImmutableRecreated', 'ImmutableRecreated']
const FREE = [undefined, undefined]

test('a Secret that was made immutable by the write that changed it is read by all nodes: no hold', () => {
  expect(reasonFor(source('db', old, madeImmutable)).reasons).toEqual(FREE)
})

test('a Secret that was made immutable after it changed is read by all nodes: no hold', () => {
  const changed = { ...madeImmutable, immutable: false }
  const db = source('db', old, changed, { ...madeImmutable, at: at(3) })
  expect(reasonFor(db).reasons).toEqual(FREE)
})

test('neither is there one after a restart of Sluice, which had written down when it changed', () => {
  const { ledger } = reasonFor(source('db', old, madeImmutable))
  const again = source('db', { ...madeImmutable, createdAt: old.at })
  expect(reasonFor(again, { ledger }).reasons).toEqual(FREE)
})

test.each([false, true])(
  'an immutable Secret that was deleted and created again with other content holds, optional: %s',
  (optional) => {
    const db = source('db', oldImmutable, gone, createdAgain)
    expect(reasonFor(db, { optional }).reasons).toEqual(HELD)
  },
)

test('it holds after a restart of Sluice too, whether the change was written down before or not', () => {
  const again = source('db', createdAgain)
  const unaware = reasonFor(again, { ledger: appliedLedger([source('db', oldImmutable)]) })
  const aware = reasonFor(source('db', oldImmutable, gone, createdAgain))
  expect(unaware.reasons).toEqual(HELD)
  expect(reasonFor(again, { ledger: unaware.ledger }).reasons).toEqual(HELD)
  expect(reasonFor(again, { ledger: aware.ledger }).reasons).toEqual(HELD)
})

test('it holds where a later write seems to date the change, which Sluice did not see happen', () => {
  const labelled = source('db', { ...createdAgain, createdAt: at(-600) })
  const ledger = appliedLedger([source('db', oldImmutable)])
  expect(reasonFor(labelled, { ledger }).reasons).toEqual(HELD)
})

test('it holds where it was mutable when it was created again, and changed once more later', () => {
  const between = { at: at(-60), data: { password: 'newer' }, uid: 'another' }
  const db = source('db', oldImmutable, { ...gone, at: at(-61) }, between, createdAgain)
  expect(reasonFor(db).reasons).toEqual(HELD)
})

test('an immutable Secret that was never there before holds nobody', () => {
  const missing = { at: at(-7200), data: null }
  const known = { optional: true, ledger: appliedLedger([source('db', missing)]) }
  expect(reasonFor(source('db', missing, madeImmutable), known).reasons).toEqual(FREE)
  expect(reasonFor(source('db', madeImmutable), known).reasons).toEqual(FREE)
  const twice = source('db', missing, { ...oldImmutable, at: at(-60) }, gone, createdAgain)
  expect(reasonFor(twice, known).reasons).toEqual(HELD)
})
