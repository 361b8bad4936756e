import { beforeEach, expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import type { ManagedWorkload } from '../../src/plan/snapshot.ts'
import { createLogger } from '../../src/report/log.ts'
import { createMetrics, type Metrics } from '../../src/report/metrics/metrics.ts'
import { createReporter, type Reporter } from '../../src/report/reporter.ts'
import { at, calmDb, pod, policy, snapshot, workload } from '../plan/cluster-builder.ts'
import { evicting } from '../plan/planning.ts'

let metrics: Metrics
let reporter: Reporter

beforeEach(() => {
  metrics = createMetrics({ version: '1.2.3', resources: [], now: () => 0 })
  const log = createLogger({ level: 'info', destination: { write: () => {} } })
  reporter = createReporter({ log, metrics, policy })
})

function planned(...workloads: readonly ManagedWorkload[]): void {
  reporter.planned(plan(snapshot(workloads), policy, at(10)), 0, at(10))
}

async function activeRotations(): Promise<string | undefined> {
  const { body } = await metrics.scrape()
  return /^sluice_rotations_active (.*)$/m.exec(body)?.[1]
}

test('a Secret counts as rotating until the last pod that went for its change is back', async () => {
  expect(await activeRotations()).toBe('0')
  planned(workload())
  expect(await activeRotations()).toBe('1')
  const fresh = [1, 2].map((n) => pod(`web-new-${n}`, { createdAt: at(8) }))
  planned(workload({ pods: fresh, ledger: { restart: evicting } }))
  expect(await activeRotations()).toBe('1')
  planned(workload({ sources: [calmDb] }))
  expect(await activeRotations()).toBe('0')
})

test('of rotations that another one leads through none counts', async () => {
  planned(workload())
  reporter.standBy()
  expect(await activeRotations()).toBe('0')
})
