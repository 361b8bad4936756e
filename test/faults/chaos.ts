/**
 * `make chaos`: rotations, SIGKILLs and faults by chance until enough of them have happened.
 *
 * Exit code 1 if a pod was lost, replaced once too often, or a budget exceeded; the seed printed first repeats what
 * is drawn, though not the moments of a machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startInstalledCluster } from '../e2e/installed-cluster.ts'
import { faultMix } from './fault-mix.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { randomStreams } from './random.ts'
import { openShop, type Shop } from './shop.ts'
import { superviseOperator } from './supervised-operator.ts'

/** Kills in one rotation, at most, and the longest wait before each (ms). */
const KILLS_AT_ONCE = 4
const LONGEST_WAIT = 2_500
/** How long a rotation may take (ms) before what is not replaced counts as lost. */
const DEADLINE = 300_000
/** Share of rotations that a second change meets. */
const MET = 0.2

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    faults: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '60' },
  },
})
const [kills, faults, seed, minutes] = [
  numberOf('kills'),
  numberOf('faults'),
  numberOf('seed'),
  numberOf('minutes'),
]
console.log(`seed ${seed}`)
const startedAt = performance.now()

const cluster = await startInstalledCluster()
const proxy = await startFaultProxy(cluster)
const sluice = superviseOperator(cluster, proxy.kubeconfig)
const streams = randomStreams(seed)
const random = streams('rotations')
const done = { rotations: 0, kills: 0, replaced: 0, lost: 0, repeated: 0, overBudget: 0 }
const asked = Promise.withResolvers<undefined>()
process.once('SIGINT', asked.resolve).once('SIGTERM', asked.resolve)

let shop: Shop | undefined
try {
  shop = await openShop(cluster, { deadline: DEADLINE })
  proxy.use(faultMix(seed))
  await Promise.race([rotate(shop), asked.promise])
} catch (error) {
  done.lost++
  const message = error instanceof Error ? error.message : String(error)
  console.log(`rotation ${done.rotations + 1}: ${message}\nthe log: ${sluice.logFile}`)
}
await shop?.stop()
await sluice.stop('SIGKILL')
await proxy.stop()
await cluster.stop()
printTable()
process.exit(done.lost + done.repeated + done.overBudget > 0 ? 1 : 0)

async function rotate(shop: Shop): Promise<void> {
  while (!isOver()) {
    await shop.change()
    const met = random() < MET
    const killsNow = Math.min(kills - done.kills, Math.floor(random() * (KILLS_AT_ONCE + 1)))
    for (let kill = 0; kill < killsNow; kill++) {
      await sleep(random() * LONGEST_WAIT)
      await sluice.kill()
      done.kills++
      if (met && kill === 0) await shop.change()
    }
    const { replaced, lost, repeated, overBudget } = await shop.verdict()
    done.rotations++
    done.replaced += replaced
    done.lost += lost.length
    done.repeated += repeated.length
    done.overBudget += overBudget.length
    const faulty = [...lost, ...repeated, ...overBudget]
    const found = faulty.length > 0 ? `  FOUND ${faulty.join(', ')}` : ''
    console.log(
      `${elapsed()}  rotation ${done.rotations}  pods ${done.replaced}  kills ${done.kills}  faults ${injected()}${found}`,
    )
    if (faulty.length > 0) console.log(`the log: ${sluice.logFile}`)
  }
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
