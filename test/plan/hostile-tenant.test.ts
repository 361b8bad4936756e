// What a tenant writes into its own objects costs others no more than is stated in SECURITY.md.
import { describe, expect, test } from 'vitest'
import { Fleet } from '../../bench/fleet.ts'
import * as annotations from '../../src/model/annotations.ts'
import { appUses, deployment, password, settings } from './cluster-builder.ts'
import { calm, planned, restarting, rolledOut, rotated, told } from './planning.ts'

const HUGE = 'x'.repeat(256 * 1024)
const MINE = { namespace: 'tenant' }
const victim = told('victim', { namespace: 'mail', sources: [rotated('cache')] })

describe('an annotation', () => {
  test.each([...annotations.NAMES].filter((name) => name !== annotations.RESUME))(
    '%s of 256 KiB is kept as a few characters, and is never taken for a value',
    (name) => {
      const kept = annotations.ownAnnotations({ [name]: HUGE })
      expect(kept[name]?.length).toBeLessThan(100)
      const short = name.slice(annotations.PREFIX.length)
      const { faults } = settings({ [short]: kept[name] ?? '' })
      const onSecret = [annotations.URGENT].includes(name)
      expect(faults.map(({ found }) => found.length < 100)).toEqual(onSecret ? [] : [true])
    },
  )

  test('of an unknown name is not kept, however many there are', () => {
    const many = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [`${annotations.PREFIX}x${n}`, HUGE]),
    )
    expect(annotations.ownAnnotations(many)).toEqual({})
  })

  test('with a typing error is kept once, without its value, and only where it is among the first', () => {
    const typos = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [`${annotations.PREFIX}setle${n % 10}${n}`, HUGE]),
    )
    const typo = `${annotations.PREFIX}setle`
    expect(annotations.ownAnnotations({ [typo]: HUGE, ...typos })).toEqual({ [typo]: '' })
    expect(annotations.ownAnnotations({ ...typos, [typo]: HUGE })).toEqual({})
  })

  test('cut in the middle of a list leaves nothing out: the list counts as a fault', () => {
    const list = Array.from({ length: 200 }, (_, n) => `secret-${n}`).join(',')
    const { ignore = '' } = {
      ignore: annotations.ownAnnotations({ [annotations.IGNORE]: list })[annotations.IGNORE],
    }
    const read = settings({ ignore })
    expect(read.faults).toHaveLength(1)
    expect(read.ignore.size).toBe(0)
  })

  test.each([
    ['priority', '2147483648'],
    ['priority', '99999999999999999999'],
    ['max-unavailable', '-1'],
    ['progress-deadline', '24h'],
    ['settle', '99999h'],
  ])('%s: %s is refused, and holds its workload alone', (name, value) => {
    const mine = told('mine', { ...MINE, annotations: { [name]: value } })
    const { reasons, lines } = planned([mine, victim])
    expect(reasons['mine']).toBe('InvalidSetting')
    expect(lines).toEqual(['record mail/victim: started'])
  })

  test('max-unavailable: 1000000 lets a tenant lose its own pods, and takes one slot like any other', () => {
    const greedy = told('greedy', { ...MINE, annotations: { 'max-unavailable': '100000' } })
    const both = [greedy, told('other', { ...MINE, sources: [rotated('x')] }), victim]
    expect(planned(both).lines).toEqual(['record mail/victim: started'])
  })
})

test.each([
  [false, []],
  [true, ['record mail/victim: started']],
])('a rollout that its owner paused in the middle (%s) keeps nobody waiting', (paused, lines) => {
  const of = { restartId: 'r1', paused, status: { replicas: 4, updated: 1 } }
  const mine = told('mine', { ...MINE, of, ledger: { restart: rolledOut } })
  expect(planned([mine, victim]).lines).toEqual(lines)
})

describe('the group of a tenant', () => {
  test('is its own, though another namespace has one of the same name', () => {
    const shared = { annotations: { group: 'postgres' } }
    const mine = restarting('mine', { ...MINE, sources: [rotated('a')], ...shared })
    const theirs = told('theirs', { namespace: 'mail', sources: [rotated('b')], ...shared })
    const { lines } = planned([mine, theirs], { maxConcurrentRestarts: 9, maxStartingPods: 1 })
    expect(lines).toContain('record mail/theirs: started')
  })
})

describe('a tenant with a thousand workloads', () => {
  const many = Array.from({ length: 1000 }, (_, n) =>
    told(`m${n}`, { ...MINE, sources: [rotated('db')], annotations: { priority: '1000000' } }),
  )

  test('of the highest priority that wait has others go after one of them at the latest', () => {
    const { order } = planned([...many, victim])
    expect(order.indexOf('victim')).toBeLessThanOrEqual(1)
  })

  test('that are urgent has others go first where urgency reaches no further than the namespace', () => {
    const urgent = many
      .slice(0, 100)
      .map((_, n) => told(`u${n}`, { ...MINE, sources: [rotated(`s${n}`, { urgent: 'true' })] }))
    const { order } = planned([...urgent, victim], { urgentReach: 'namespace' })
    expect(order.indexOf('victim')).toBeLessThanOrEqual(1)
  })
})

describe('what is told of a tenant', () => {
  test('stays short though thousands of its keys are missing', () => {
    const uses = Array.from({ length: 5000 }, (_, n) => ({ ...password, selector: `key-${n}` }))
    const of = { ...deployment('mine', MINE), uses: appUses(...uses) }
    const mine = told('mine', { ...MINE, of, sources: [calm('db')] })
    const { holds } = planned([mine])
    expect(holds['mine']).toMatch(/^KeyMissing: /)
    expect(holds['mine']?.length).toBeLessThan(2_100)
  })
})

test('pods of 2,000 Deployments that flap cost a plan each, whose time stays that of the one that changed', async () => {
  const fleet = await Fleet.create(2_000, 1)
  fleet.look()
  const startedAt = performance.now()
  for (let n = 0; n < 100; n++) {
    fleet.podEvent(n, n % 2 === 0)
    fleet.look()
  }
  // 100 plans; a second each would be the sign that everybody is judged anew.
  expect((performance.now() - startedAt) / 100).toBeLessThan(1_000)
})
