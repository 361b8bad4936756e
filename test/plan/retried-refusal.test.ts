import { expect, test } from 'vitest'
import { plan } from '../../src/plan/plan.ts'
import { at, policy, snapshot } from './cluster-builder.ts'
import { evicting, told } from './planning.ts'

test('a refused eviction that is tried again changes nothing of what people read', () => {
  const refused = {
    reason: 'PodDisruptionBudget' as const,
    message: 'PodDisruptionBudget web needs all 3 pods and can never allow an eviction',
  }
  const base = told('web', { ledger: { restart: evicting }, annotations: {} })
  const status = base.consumer?.status
  if (!base.consumer || !status) throw new Error('expected a record')
  const report = { ...status.report, state: 'Held' as const, ...refused, stalePods: 3 }
  const pending = {
    ...base.pending,
    evicted: new Set([base.pods[0]?.ref.uid ?? '']),
    refusal: { ...refused, until: at(99) },
    reportedAt: at(60),
  }
  const consumer = { ...base.consumer, status: { ...status, report } }
  const { actions, workloads } = plan(snapshot([{ ...base, consumer, pending }]), policy, at(100))
  expect(actions).toEqual([])
  expect(workloads[0]?.hold).toMatchObject(refused)
})
