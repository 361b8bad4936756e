/**
 * Runs the benchmarks that are named, or all of them, and prints one table each.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import type { TestCluster } from '../testbed/cluster.ts'
import { startInstalledCluster } from '../test/e2e/installed-cluster.ts'
import { bundle } from '../tools/build.ts'
import { measureApiLoad } from './api-load.ts'
import { measureConvergence } from './convergence.ts'
import { measureDetection } from './detection.ts'
import { describe, type Chapter } from './figure.ts'
import { measureEndurance } from './endurance.ts'
import { measureFirstList } from './first-list.ts'
import { measureFirstWrite } from './first-write.ts'
import { measureMemory } from './memory.ts'
import { measureNamedWatches } from './named-watches.ts'
import { measurePlan } from './plan.ts'
import { measureRotationTime } from './rotation-time.ts'
import { measureScrape } from './scrape.ts'
import { measureSizing } from './sizing.ts'
import { measureWrites } from './writes.ts'

type OnCluster = (cluster: TestCluster, program: string) => Promise<Chapter>

/** Each of these starts an operator of its own, and leaves a namespace behind, on a cluster of its own. */
const ON_CLUSTER: Readonly<Record<string, OnCluster>> = {
  detection: measureDetection,
  'first-write': measureFirstWrite,
  writes: measureWrites,
  'api-load': measureApiLoad,
  'rotation-time': measureRotationTime,
  memory: measureMemory,
  'named-watches': measureNamedWatches,
  endurance: measureEndurance,
}
const ALONE: Readonly<Record<string, () => Chapter | Promise<Chapter>>> = {
  plan: measurePlan,
  scrape: measureScrape,
  convergence: measureConvergence,
}
/** Each has a cluster of its own kind, or what looks like one. */
const WITH_OWN_CLUSTER: Readonly<Record<string, (program: string) => Promise<Chapter>>> = {
  'first-list': measureFirstList,
  sizing: measureSizing,
}
const BENCHMARKS = [
  ...Object.keys(ON_CLUSTER),
  ...Object.keys(ALONE),
  ...Object.keys(WITH_OWN_CLUSTER),
]

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !BENCHMARKS.includes(name))
if (unknown.length > 0) {
  throw new Error(`expected some of ${BENCHMARKS.join(', ')}, found ${unknown.join(', ')}`)
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
try {
  console.log(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${machine()}\n`)
  const program = join(folder, 'sluice.mjs')
  await bundle(program)
  for (const name of asked.length > 0 ? asked : BENCHMARKS) {
    const alone = ALONE[name]
    const onItsOwn = ON_CLUSTER[name]
    const otherwise = WITH_OWN_CLUSTER[name]
    if (otherwise) console.log(describe(await otherwise(program)))
    if (alone) console.log(describe(await alone()))
    if (onItsOwn) console.log(describe(await onCluster(onItsOwn, program)))
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function onCluster(measure: OnCluster, program: string): Promise<Chapter> {
  const cluster = await startInstalledCluster()
  try {
    return await measure(cluster, program)
  } finally {
    await cluster.stop()
  }
}

function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory} GiB`
}
