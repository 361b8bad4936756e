/**
 * What Sluice promises of these runs, and what of it was not kept.
 */
import type { Sample } from './recorder.ts'
import type { Run } from './run.ts'
import { nameOf, type Conditions } from './scenario.ts'
import { summarise } from './summary.ts'

/** Pods that may be starting at once: one of one workload, or one of each of four where the Secret is urgent. */
const BUDGET = { normal: 1, urgent: 4 }

/** Each broken promise as a sentence; none is what everybody hopes for. Only runs with Sluice promise anything. */
export function broken(
  runs: readonly Run[],
  { services, replicas, correction }: Conditions,
): readonly string[] {
  return runs
    .filter(({ scenario }) => scenario.response === 'sluice')
    .flatMap((run) => {
      const found = summarise(run, services * replicas)
      const { rotation } = run.scenario
      const faults: string[] = []
      const expect = (kept: boolean, fault: string) => {
        if (!kept) faults.push(`${nameOf(run.scenario)}: expected ${fault}`)
      }
      expect(found.finished !== undefined, 'every pod to hold the new login in the end')
      expect(found.noSlot === 0, `no login refused for want of a slot, found ${found.noSlot}`)
      const within = (most: number, when: string, samples: readonly Sample[]) => {
        const part = summarise({ ...run, samples }, services * replicas)
        expect(
          part.mostStarting <= most,
          `at most ${most} pods starting at once${when}, found ${part.mostStarting}`,
        )
        expect(
          part.mostAway <= most,
          `at most ${most} pods away at once${when}, found ${part.mostAway}`,
        )
      }
      if (rotation === 'bad-password') {
        // The pod that was lost waits out its back-off, while the next one is replaced.
        const early = run.samples.filter(({ second }) => second < correction)
        within(BUDGET.normal, ' until the correction', early)
        within(BUDGET.normal + 1, ' after it', run.samples.slice(early.length))
      } else {
        within(rotation === 'cut-over' ? BUDGET.urgent : BUDGET.normal, '', run.samples)
      }
      if (rotation !== 'cut-over')
        expect(found.failed === 0, `no failed request, found ${found.failed}`)
      if (rotation === 'bad-password')
        expect(run.halted !== undefined, 'the restart to be halted, with a reason')
      return faults
    })
}
