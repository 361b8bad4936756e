import { expect, test } from 'vitest'
import type { Use } from '../../src/workloads/uses.ts'
import { JudgedSources } from '../../src/watch/judged-sources.ts'
import { appUses, defaults, deployment, pod } from '../plan/cluster-builder.ts'

const env = (secret: string): Use => ({
  source: `secret/${secret}`,
  selector: 'key',
  mode: 'env',
  optional: false,
})
const volume: Use = { source: 'secret/tls', selector: '*', mode: 'volume', optional: false }

/** What must be read for a workload with this template and one pod. */
function judged(
  template: readonly Use[],
  inPod: readonly Use[],
  annotations: Record<string, string> = {},
): string[] {
  const of = deployment('web', { uses: appUses(...template), annotations })
  const pods = [pod('web-1', { uses: appUses(...inPod) })]
  return [...new JudgedSources(defaults).of(of, pods, {})].sort()
}

test('what the template and what the pods use must be read, each once', () => {
  const found = judged([env('db'), env('next')], [env('db'), env('injected')])
  expect(found).toEqual(['shop/secret/db', 'shop/secret/injected', 'shop/secret/next'])
})

test.each([
  ['a plain volume', [volume], {}, []],
  [
    'a plain volume that is asked for',
    [volume],
    { 'sluice.dev/volumes': 'restart' },
    ['shop/secret/tls'],
  ],
  [
    'a Secret that is ignored',
    [env('db'), env('mail')],
    { 'sluice.dev/ignore': 'secret/mail' },
    ['shop/secret/db'],
  ],
  [
    'a Secret of which each key is ignored',
    [env('db')],
    { 'sluice.dev/ignore': 'secret/db/key' },
    [],
  ],
])('%s', (_, uses, annotations, expected) => {
  expect(judged(uses, uses, annotations)).toEqual(expected)
})

test('as long as nothing of a workload changes the answer is the same object', () => {
  const sources = new JudgedSources(defaults)
  const of = deployment('web', { uses: appUses(volume) })
  const pods = [pod('web-1', { uses: of.uses })]
  const [calm, other] = [{}, { 'sluice.dev/volumes': 'restart' }]
  expect(sources.of(of, pods, calm)).toBe(sources.of(of, pods, calm))
  expect(sources.of(of, pods, calm)).toEqual(new Set())
  expect(sources.of(of, pods, other)).toEqual(new Set(['shop/secret/tls']))
  expect(sources.of(of, [pod('web-2')], other)).toEqual(
    new Set(['shop/secret/tls', 'shop/secret/db']),
  )
})
