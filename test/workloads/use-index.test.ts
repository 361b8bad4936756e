import type { SourceKey } from '../../src/model/refs.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UseIndex } from '../../src/workloads/use-index.ts'

describe('the index of uses', () => {
  test('answers in both directions', () => {
    const index = new UseIndex()
    index.set('web', new Set(['shop/secret/db', 'shop/secret/mail']))
    index.set('api', new Set(['shop/secret/db']))
    expect([...index.workloadsOf('shop/secret/db')]).toEqual(['web', 'api'])
    expect([...index.sourcesOf('web')]).toEqual(['shop/secret/db', 'shop/secret/mail'])
  })

  test('forgets what a workload does not use any more', () => {
    const index = new UseIndex()
    index.set('web', new Set(['shop/secret/db']))
    index.set('web', new Set(['shop/secret/mail']))
    expect(index.workloadsOf('shop/secret/db').size).toBe(0)
    index.set('web', new Set())
    expect(index.workloadsOf('shop/secret/mail').size).toBe(0)
    expect(index.sourcesOf('web').size).toBe(0)
  })

  test('agrees with itself after whatever was set', () => {
    const workloads = ['w0', 'w1', 'w2', 'w3']
    const sources = ['s0', 's1', 's2', 's3'].map((name): SourceKey => `shop/secret/${name}`)
    const change = fc.tuple(fc.constantFrom(...workloads), fc.subarray(sources))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const index = new UseIndex()
        const last = new Map<string, readonly SourceKey[]>()
        for (const [workload, used] of changes) {
          index.set(workload, new Set(used))
          last.set(workload, used)
        }
        for (const workload of workloads) {
          expect(new Set(index.sourcesOf(workload))).toEqual(new Set(last.get(workload) ?? []))
          for (const source of sources) {
            expect(index.workloadsOf(source).has(workload)).toBe(
              index.sourcesOf(workload).has(source),
            )
          }
        }
      }),
    )
  })
})
