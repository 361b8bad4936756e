/**
 * Sluice's eyes and memory, without its hands: it hears late of what happens to a Secret and its pods, writes down
 * its ledger now and then, and is killed now and then, after which it knows its ledger and lists everything anew.
 */
import { SECRET } from '../../../src/sources/kinds/secret.ts'
import type { Ledger } from '../../../src/records/consumer.ts'
import { readPod, type PodRecord } from '../../../src/workloads/pod.ts'
import { ALL_KEYS } from '../../../src/sources/digest.ts'
import { assess, timelinesToRecord, type Assessment } from '../../../src/plan/judge/assessment.ts'
import type { Margins } from '../../../src/plan/judge/staleness.ts'
import { readSource, type SourceRecord } from '../../../src/sources/source.ts'
import { appUses, deployment, digester, password, workload } from '../cluster-builder.ts'
import {
  podAt,
  secretAfter,
  statusTimes,
  type PodHistory,
  type SecretWrite,
} from './secret-history.ts'

/** What happened, and when Sluice was there. */
export interface History {
  readonly writes: readonly [SecretWrite, ...SecretWrite[]]
  readonly pods: readonly PodHistory[]
  /** True times at which Sluice starts; it is killed at the same moment, if it ran. */
  readonly startsAt: readonly number[]
  /** How long after its start it is killed. */
  readonly runsFor: number
  /** How late it hears of events, by their number. */
  readonly delays: Readonly<Record<'secret' | 'pod', readonly number[]>>
  /** It forgets old content in its ledger once every pod is fresh; that relies on pods being heard of in time. */
  readonly collapses: boolean
  /** It writes its ledger at every event whose number this gives true for. */
  readonly writesLedger: readonly boolean[]
}

/** Sluice's knowledge after an event. */
export interface Picture {
  /** Number of the newest write to the Secret that it has heard of. */
  readonly newestWrite: number
  /** Numbers of the writes that it heard of and has in its memory or its ledger. */
  readonly knownWrites: ReadonlySet<number>
  readonly assessment: Assessment
}

interface Event {
  readonly happenedAt: number
  readonly kind: 'secret' | 'pod'
  readonly index: number
}

/** Its template consumes all that any of its pods does, so that all of it is recorded from the beginning. */
const of = deployment('web', {
  uses: appUses(password, { ...password, selector: ALL_KEYS, mode: 'envFrom' }),
})

/** Plays a history; gives the knowledge of Sluice after every event that it hears of. */
export function* observe(history: History, margins: Margins): Generator<Picture> {
  const events = [
    ...history.writes.map((write, index): Event => ({
      happenedAt: write.at,
      kind: 'secret',
      index,
    })),
    ...history.pods.flatMap((pod, index) =>
      [pod.createdAt, ...statusTimes(pod)].map((happenedAt): Event => ({
        happenedAt,
        kind: 'pod',
        index,
      })),
    ),
  ].sort((a, b) => a.happenedAt - b.happenedAt)
  let ledger: Ledger | undefined
  const recorded = new Set<number>()
  let step = 0
  for (const start of history.startsAt) {
    const end = Math.min(
      start + history.runsFor,
      ...history.startsAt.filter((each) => each > start),
    )
    let newestWrite = history.writes.findLastIndex((write) => write.at <= start)
    if (newestWrite < 0) continue
    const pods = new Map<string, PodRecord>()
    const hearSecret = (index: number, now: number, previous?: SourceRecord) =>
      readSource(SECRET, secretAfter(history.writes, index), previous, digester, now)
    const hearPod = (pod: PodHistory, happenedAt: number, now: number) => {
      pods.set(
        pod.name,
        readPod(podAt(pod, happenedAt), pods.get(pod.name), now, (uses) => uses),
      )
    }
    let source = hearSecret(newestWrite, start)
    for (const pod of history.pods) if (pod.createdAt <= start) hearPod(pod, start, start)

    const knownWrites = new Set(recorded).add(newestWrite)
    const look = (now: number): Picture => {
      const plain = workload({
        workload: of,
        pods: [...pods.values()],
        sources: [source],
        ledger: null,
      })
      const consumer = workload({
        workload: of,
        sources: [source],
        ledger: ledger ?? null,
      }).consumer
      const known = ledger && consumer?.status && { ...consumer.status, ledger }
      const assessment = assess(
        { ...plain, consumer: consumer && { ...consumer, status: known } },
        digester.fingerprint,
        margins,
      )
      if (history.writesLedger[step++ % history.writesLedger.length] ?? true) {
        ledger = {
          keyFingerprint: digester.fingerprint,
          sources: history.collapses ? timelinesToRecord(assessment, now) : assessment.sources,
          restart: undefined,
          lastRestart: undefined,
        }
        for (const write of knownWrites) recorded.add(write)
      }
      return { newestWrite, knownWrites, assessment }
    }
    yield look(start)
    // Each watch is in order; the two run side by side.
    const heardAt = { secret: start, pod: start }
    const heard = events
      .filter(({ happenedAt }) => happenedAt > start)
      .map((event, number) => {
        const delays = history.delays[event.kind]
        const delay = delays[number % delays.length] ?? 0
        heardAt[event.kind] = Math.max(heardAt[event.kind], event.happenedAt + delay)
        return { event, now: heardAt[event.kind] }
      })
      .filter(({ now }) => now < end)
      .sort((a, b) => a.now - b.now)
    for (const { event, now } of heard) {
      if (event.kind === 'secret') {
        newestWrite = event.index
        knownWrites.add(newestWrite)
        source = hearSecret(event.index, now, source)
      } else {
        const pod = history.pods[event.index]
        if (pod) hearPod(pod, event.happenedAt, now)
      }
      yield look(now)
    }
  }
}
