/**
 * `make chaos`: rotations, SIGKILLs and faults by chance until enough of them have happened.
 *
 * Exit code 1 if a pod was lost, replaced once too often, or a budget exceeded; the seed printed first repeats what
 * is drawn, though not the moments of a machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startInstalledCluster } from '../e2e/installed-cluster.ts'
import { bundle } from '../../tools/build.ts'
import { faultMix } from './fault-mix.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { randomStreams } from './random.ts'
import { openShop, type Shop } from './shop.ts'
import { superviseOperator } from './supervised-operator.ts'

/** Longest time between two kills (ms), and the share of them that may meet its start. */
const LONGEST_LIFE = 15_000
const AT_THE_START = 0.2
/** How often it is looked whether it has started (ms). */
const LOOK = 100
/**
 * How long a rotation may take (ms) before what is not replaced counts as lost. With a connection that breaks every
 * few seconds most of the time goes by in back-off; how long it takes is not the question.
 */
const DEADLINE = 1_800_000
/** Share of rotations that a second change meets, and how soon it does at most (ms). */
const MET = 0.2
const SOON = 5_000
/** How many workloads Sluice may restart at once: fewer than there are shops. */
const AT_ONCE = 2
/**
 * Between the end of a restart and the start of another one: what two watches show a moment apart is no fault of
 * Sluice.
 */
const SETTLE = '1s'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    faults: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '60' },
    shops: { type: 'string', default: '3' },
  },
})
const kills = numberOf('kills')
const faults = numberOf('faults')
const seed = numberOf('seed')
const minutes = numberOf('minutes')
const shopCount = numberOf('shops')
console.log(`seed ${seed}`)
const startedAt = performance.now()

const cluster = await startInstalledCluster()
const proxy = await startFaultProxy(cluster)
const program = join(cluster.dir, 'sluice.mjs')
await bundle(program)
const sluice = superviseOperator(cluster, proxy.kubeconfig, {
  program,
  flags: [`--max-concurrent-restarts=${AT_ONCE}`, `--settle=${SETTLE}`],
})
const streams = randomStreams(seed)
const done = { rotations: 0, kills: 0, replaced: 0, lost: 0, repeated: 0, overBudget: 0 }
const asked = Promise.withResolvers<undefined>()
process.once('SIGINT', asked.resolve).once('SIGTERM', asked.resolve)

const shops: Shop[] = []
let beyond: readonly string[] = []
try {
  for (let i = 0; i < shopCount; i++) {
    shops.push(await openShop(cluster, { deadline: DEADLINE, onCount: lookAtAll }))
  }
  proxy.use(faultMix(seed))
  const over = new AbortController()
  const rotating = Promise.all(shops.map(rotate)).finally(() => over.abort())
  await Promise.race([Promise.all([rotating, kill(over.signal)]), asked.promise])
} catch (error) {
  done.lost++
  const message = error instanceof Error ? error.message : String(error)
  console.log(`rotation ${done.rotations + 1}: ${message}\nthe log: ${sluice.logFile}`)
}
for (const shop of shops) await shop.stop()
await sluice.stop('SIGKILL')
await proxy.stop()
await cluster.stop()
printTable()
process.exit(done.lost + done.repeated + done.overBudget > 0 ? 1 : 0)

async function rotate(shop: Shop): Promise<void> {
  const random = streams(`rotations of ${shop.namespace}`)
  while (!isOver()) {
    await shop.change()
    if (random() < MET) {
      await sleep(random() * SOON)
      await shop.change()
    }
    const { replaced, lost, repeated, overBudget } = await shop.verdict()
    done.rotations++
    done.replaced += replaced
    done.lost += lost.length
    done.repeated += repeated.length
    const tooMany = [...overBudget, ...beyond]
    beyond = []
    done.overBudget += tooMany.length
    const faulty = [...lost, ...repeated, ...tooMany]
    const found = faulty.length > 0 ? `  FOUND ${faulty.join(', ')}` : ''
    console.log(
      `${elapsed()}  rotation ${done.rotations}  pods ${done.replaced}  kills ${done.kills}  faults ${injected()}${found}`,
    )
    if (faulty.length > 0) console.log(`the log: ${sluice.logFile}`)
  }
}

/** Kills Sluice again and again until the rotations are over; mostly once it has started, however slow the machine. */
async function kill(signal: AbortSignal): Promise<void> {
  const random = streams('kills')
  const isOver = () => signal.aborted
  while (!isOver()) {
    const atOnce = random() < AT_THE_START
    while (!atOnce && !sluice.listens && !isOver()) await sleep(LOOK)
    await sleep(random() * LONGEST_LIFE, undefined, { signal }).catch(() => {}) // over
    if (isOver()) return
    await sluice.kill()
    done.kills++
  }
}

/** More workloads at once than the whole cluster may have. */
function lookAtAll(): void {
  const busy = shops.flatMap(({ namespace, history }) =>
    history.busy.map((app) => `${namespace}/${app}`),
  )
  if (busy.length > AT_ONCE) beyond = [`${busy.join(' and ')} at once`]
}

function isOver(): boolean {
  const enough = done.kills >= kills && injected() >= faults
  return enough || performance.now() - startedAt > minutes * 60_000
}

function injected(): number {
  return [...proxy.injected.values()].reduce((sum, count) => sum + count, 0)
}

function printTable(): void {
  const rows: [string, number][] = [
    ...proxy.injected,
    ['SIGKILL of Sluice', done.kills],
    ['', NaN],
    ['rotations', done.rotations],
    ['pods replaced', done.replaced],
    ['lost', done.lost],
    ['repeated', done.repeated],
    ['over budget', done.overBudget],
    ['ended by itself', sluice.crashes],
  ]
  console.log(`\nseed ${seed}, ${elapsed()}, ${injected()} faults`)
  for (const [name, count] of rows) {
    console.log(Number.isNaN(count) ? '' : `${name.padEnd(20)} ${String(count).padStart(8)}`)
  }
}

function elapsed(): string {
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

function numberOf(option: keyof typeof values): number {
  const value = Number(values[option])
  if (Number.isFinite(value) && value >= 0) return value
  throw new Error(`--${option}: expected a number of at least 0, found ${values[option]}`)
}
