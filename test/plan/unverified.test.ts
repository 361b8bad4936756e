import { expect, test } from 'vitest'
import type { Use } from '../../src/workloads/uses.ts'
import { unverifiedPods } from '../../src/plan/judge/unverified.ts'
import { appUses, at, pod, policy, source, workload } from './cluster-builder.ts'

const files: Use = { source: 'secret/tls', selector: '*', mode: 'volume', optional: false }
const oneFile: Use = { ...files, selector: 'crt' }

/** Changed 60 s after the epoch of the tests: the key, but not the certificate. */
const changed = source(
  'tls',
  { at: at(-7200), data: { crt: 'one', key: 'one' } },
  { at: at(60), data: { crt: 'one', key: 'two' } },
)

interface Case {
  readonly use?: Use
  readonly annotations?: Readonly<Record<string, string>>
  readonly createdAt?: number
  readonly tls?: typeof changed
}

/** How many of two pods are unverified: one of long ago, and one that was created much later than the change. */
function unverified({ use = files, annotations = {}, createdAt = at(-60), tls = changed }: Case) {
  const uses = appUses(use)
  const pods = [pod('old', { uses, createdAt }), pod('new', { uses, createdAt: at(600) })]
  return unverifiedPods(workload({ pods, annotations, sources: [tls] }), pods, policy)
}

test.each<[string, Case, number]>([
  ['a pod from before the change that mounts the files', {}, 1],
  [
    'a pod that was created so soon after the change that a kubelet may have had old files',
    { createdAt: at(61) },
    1,
  ],
  ['no pod that was created after that', { createdAt: at(64) }, 0],
  ['no pod that mounts only what stayed the same', { use: oneFile }, 0],
  ['no pod that is restarted for its files', { annotations: { volumes: 'restart' } }, 0],
  ['no pod of which the source is ignored', { annotations: { ignore: 'secret/tls' } }, 0],
  [
    'no pod that reads a file by subPath: that is stale, or not',
    { use: { ...files, mode: 'subPath' } },
    0,
  ],
  ['no pod while the source is missing', { tls: source('tls', { at: at(60), data: null }) }, 0],
])('counts %s', (_, given, count) => {
  expect(unverified(given)).toBe(count)
})

test('counts by the last write where the change came before Sluice', () => {
  const tls = source('tls', { at: at(0), data: { key: 'two' } })
  expect(unverified({ tls, createdAt: at(-60) })).toBe(1)
  expect(unverified({ tls, createdAt: at(60) })).toBe(0)
})
