/**
 * The incident, reproduced and prevented: rotates the password of a real database under load, several ways, and
 * writes a report. `--only cut-over` runs those whose name begins so; the report then shows what earlier runs left.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startInstalledCluster } from '../test/e2e/installed-cluster.ts'
import { csv } from './csv.ts'
import { COLUMNS, page, pictureOf } from './page.ts'
import { startPostgres } from './postgres.ts'
import { broken } from './promises.ts'
import { run, type Run } from './run.ts'
import { CONDITIONS, ROTATIONS, SCENARIOS, nameOf, type Rotation } from './scenario.ts'
import { summarise } from './summary.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'dist/incident' },
    /** Measures nothing, and writes the report of what was measured before. */
    report: { type: 'boolean', default: false },
  },
})
const out = values.out
mkdirSync(out, { recursive: true })

if (!values.report) await measure()
const runs = SCENARIOS.flatMap((scenario) => {
  const file = join(out, `${nameOf(scenario)}.json`)
  return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8')) as Run] : []
})
report(runs)

/** Runs the scenarios, one after the other, on one cluster and one database. */
async function measure(): Promise<void> {
  const chosen = SCENARIOS.filter((scenario) => nameOf(scenario).startsWith(values.only))
  if (chosen.length === 0) {
    throw new Error(
      `expected the beginning of ${SCENARIOS.map(nameOf).join(', ')}, found ${values.only}`,
    )
  }
  const say = (line: string): void => console.log(line)
  say(
    `${chosen.length} runs of 2 to 6 minutes; starting a cluster and a PostgreSQL on this machine …`,
  )
  const dir = mkdtempSync(join(tmpdir(), 'sluice-incident-'))
  const cluster = await startInstalledCluster()
  const postgres = await startPostgres(dir, CONDITIONS.maxConnections)
  const program = 'dist/sluice.mjs'
  try {
    for (const scenario of chosen) {
      const done = await run(scenario, { cluster, postgres, conditions: CONDITIONS, program, say })
      writeFileSync(join(out, `${nameOf(scenario)}.json`), JSON.stringify(done))
      writeFileSync(join(out, `${nameOf(scenario)}.csv`), csv(done.samples))
    }
  } finally {
    await postgres.stop()
    await cluster.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Writes the page and the pictures, and prints the table. */
function report(done: readonly Run[]): void {
  for (const rotation of Object.keys(ROTATIONS) as Rotation[]) {
    const these = done.filter(({ scenario }) => scenario.rotation === rotation)
    if (these.length > 0) writeFileSync(join(out, `${rotation}.svg`), pictureOf(these, CONDITIONS))
  }
  writeFileSync(join(out, 'index.html'), page(done, CONDITIONS))

  const found = done.map((each) => summarise(each, CONDITIONS.services * CONDITIONS.replicas))
  console.table(
    Object.fromEntries(
      done.map(({ scenario }, index) => [
        nameOf(scenario),
        Object.fromEntries(
          COLUMNS.map(({ title, of }) => [title, found[index] && of(found[index])]),
        ),
      ]),
    ),
  )
  for (const { halted } of done) if (halted !== undefined) console.log(`Sluice halted: ${halted}`)
  console.log(`The report: ${join(out, 'index.html')}`)
  const faults = broken(done, CONDITIONS)
  for (const fault of faults) console.log(`NOT KEPT  ${fault}`)
  process.exitCode = faults.length > 0 ? 1 : 0
}
