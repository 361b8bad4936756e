/**
 * `plan()` over 10,000 workloads with 100,000 pods, in memory.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Chapter, Figure } from './figure.ts'
import { Fleet } from './fleet.ts'
import { median, timedOnCpu } from './samples.ts'

const WORKLOADS = 10_000
const PODS_EACH = 10
const TIMES = 15
/** Of the whole, in a calm cluster and in one that is being rotated. */
const TARGET = 50

export async function measurePlan(): Promise<Chapter> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const empty = heap()
  const fleet = await Fleet.create(WORKLOADS, PODS_EACH)
  const held = heap() - empty

  const figures: Figure[] = [
    await lookAnew(fleet),
    await look('all fresh', fleet),
    await lookAfterOneEvent(fleet),
    await rotated(fleet, WORKLOADS / 100, '1 % stale'),
    await rotated(fleet, WORKLOADS, 'all stale'),
    {
      what: 'heap of store and Consumers',
      value: held,
      unit: 'MiB',
      note: `${Math.round((held * 2 ** 20) / (WORKLOADS * PODS_EACH))} bytes a pod`,
    },
  ]
  return {
    title: `plan: ${WORKLOADS} workloads, ${WORKLOADS * PODS_EACH} pods, snapshot and plan`,
    figures,
    remarks: [
      'CPU time of the one thread that plans. The baseline is a single pass over the same pods that counts those that are Ready.',
    ],
  }
}

async function rotated(fleet: Fleet, count: number, what: string): Promise<Figure> {
  await fleet.rotate(count, what)
  return look(what, fleet)
}

async function lookAnew(fleet: Fleet): Promise<Figure> {
  const samples = await timedOnCpu(TIMES, () => fleet.lookAnew())
  const what = 'the first of a process, all fresh'
  return { what, value: median(samples), unit: 'ms', ...(await counting(fleet)) }
}

async function look(what: string, fleet: Fleet): Promise<Figure> {
  const samples = await timedOnCpu(TIMES, () => fleet.look())
  return { what, value: median(samples), unit: 'ms', target: TARGET, ...(await counting(fleet)) }
}

async function lookAfterOneEvent(fleet: Fleet): Promise<Figure> {
  let ready = false
  const samples = await timedOnCpu(TIMES, () => {
    fleet.podEvent(WORKLOADS / 2, ready)
    fleet.look()
    ready = !ready
  })
  fleet.podEvent(WORKLOADS / 2, true)
  await fleet.settle()
  const what = 'again after the event of one pod'
  return { what, value: median(samples), unit: 'ms', ...(await counting(fleet)) }
}

async function counting(fleet: Fleet): Promise<Pick<Figure, 'baseline'>> {
  const pods = fleet.pods()
  let ready = 0
  const samples = await timedOnCpu(TIMES, () => {
    for (const pod of pods) if (pod.ready) ready++
  })
  if (ready !== TIMES * pods.length) throw new Error('expected all pods to be Ready')
  return { baseline: { what: 'counting the Ready pods', value: median(samples) } }
}
